"""CVAT XML 1.1, for images and for video: points, polylines, boxes, polygons, ellipses, masks and tags."""

from __future__ import annotations

from pathlib import Path
from xml.etree.ElementTree import Element

import numpy as np

from ._xml import parse_xml
from .files import listed_files
from .image_files import picture_name
from .label_format import LabelFormat, Option
from .masks import Area, area_of_counts, known_size
from .recognition import some_files, xml_with
from .tool_labels import SHAPE_OPTIONS, Size, ToolLabels, shape_reader
from .values import image_name, parsed_number, shown, side

NEUTRAL = ('attribute',)
FRAME = 'frame_{:06d}'
MAX_FRAME = 10_000_000


@shape_reader
def read_cvat(path: str, labels: ToolLabels, *, images: str | None = None, img_suffix: str = '.png') -> None:
    """Read points as clicks, polylines as scribbles, boxes, and tags; polygons, ellipses and masks become masks.

    Shapes of a higher ``z_order`` are painted later. Tracks of a video are read in frames in which they are not
    ``outside``; the images are ``frame_000000`` and so on, as CVAT exports them. Those of a project may be in
    folders of their subsets.

    Args:
        path: The file, ``annotations.xml``, or a folder of such files.
        labels: The collector that the shapes are added to.
        images: The folder of the images, in which those of a project are looked for in ``images/Train/a.jpg``, too.
        img_suffix: Suffix of the frames of a video.

    Raises:
        FileNotFoundError: If the file does not exist.
        ValueError: If it does not have this form or names an unknown class.
    """
    for file in listed_files(path, '.xml', 'the folder of CVAT XML files', labels.report, or_file=True)[1]:
        root = parse_xml(file, 'annotations')
        _read_images(root, images, img_suffix, labels, str(file))
        _read_tracks(root, img_suffix, labels, str(file))


def _read_images(root: Element, images: str | None, img_suffix: str, labels: ToolLabels, path: str) -> None:
    for index, image in enumerate(root.findall('image')):
        where = f'{path}: image {shown(image.get("name", index))}'
        name = _file_name(image, images, img_suffix, where)
        size = (side(image.get('width'), where, 'width'), side(image.get('height'), where, 'height'))
        for shape in sorted(image, key=lambda item: _depth(item, where)):
            _shape(shape, shape.get('label'), size, labels, where)
        labels.finish(name, size, where)


def _file_name(image: Element, images: str | None, img_suffix: str, where: str) -> str:
    """The name of an image, which has no suffix if it is a frame of a video."""
    name = picture_name(image_name(image.get('name'), where, 'name'), img_suffix)
    if images is None or not image.get('subset') or (Path(images) / name).is_file():
        return name
    inside = image_name(f'{image.get("subset")}/{name}', where, 'subset')
    return inside if (Path(images) / inside).is_file() else name


def _read_tracks(root: Element, img_suffix: str, labels: ToolLabels, path: str) -> None:
    original = root.find('.//original_size')
    size: Size = (None, None)
    if original is not None:
        size = (side(original.findtext('width'), path, 'width'), side(original.findtext('height'), path, 'height'))
    frames: dict[int, list[tuple[Element, str | None]]] = {}
    for track in root.findall('track'):
        where = f'{path}: track {shown(track.get("id"))}'
        for shape in track:
            frame = parsed_number(shape.get('frame'), where, f'frame of <{shape.tag}>')
            if not 0 <= frame <= MAX_FRAME or frame != int(frame):
                raise ValueError(f'{where}: frame must be an integer from 0, got {shown(shape.get("frame"))}')
            found = frames.setdefault(int(frame), [])
            if shape.get('outside') != '1':
                found.append((shape, track.get('label')))
    for frame, shapes in sorted(frames.items()):
        where = f'{path}: frame {frame}'
        for shape, label in sorted(shapes, key=lambda item: _depth(item[0], where)):
            _shape(shape, label, size, labels, where)
        labels.finish(FRAME.format(frame) + img_suffix, size, where)


def _depth(shape: Element, where: str) -> float:
    return parsed_number(shape.get('z_order', '0'), where, f'z_order of <{shape.tag}>')


def _shape(shape: Element, name: str | None, size: Size, labels: ToolLabels, where: str) -> None:
    where = f'{where}, <{shape.tag}>'
    if shape.tag == 'tag':
        labels.tag(name, where)
    elif shape.tag == 'box':
        corners = [parsed_number(shape.get(key), where, key) for key in ('xtl', 'ytl', 'xbr', 'ybr')]
        if parsed_number(shape.get('rotation', '0'), where, 'rotation') % 360:
            labels.leave_out('boxes that are turned', name, where)
        else:
            labels.box(name, corners, where)
    elif shape.tag == 'points':
        for x, y in _places(shape, where):
            labels.click(name, x, y, where)
    elif shape.tag == 'polyline':
        labels.scribble(name, _places(shape, where), where)
    elif shape.tag == 'polygon':
        labels.outline(name, [_places(shape, where)], size, where)
    elif shape.tag == 'ellipse':
        keys = ('cx', 'cy', 'rx', 'ry')
        middle = [parsed_number(shape.get(key), where, key) for key in keys]
        turned = parsed_number(shape.get('rotation', '0'), where, 'rotation')
        labels.ellipse(name, (*middle, turned), size, where)
    elif shape.tag == 'mask':
        if labels.paints(name, where):
            labels.area(name, _mask(shape, size, where), where)
    elif shape.tag not in NEUTRAL:
        labels.leave_out(f'shapes of the type <{shown(shape.tag)[1:-1]}>', name, where)


def _places(shape: Element, where: str) -> list[tuple[float, float]]:
    """Parse ``x,y;x,y``."""
    places = []
    for pair in (shape.get('points') or '').split(';'):
        x, mark, y = pair.partition(',')
        if not mark:
            raise ValueError(f'{where}: points must be "x,y;x,y;..", got {shown(shape.get("points"))}')
        places.append((parsed_number(x, where, 'points'), parsed_number(y, where, 'points')))
    return places


def _mask(shape: Element, size: Size, where: str) -> Area:
    """Decode run lengths of a window of the image, in row-major order; the first run is outside."""
    height, width = known_size(size, where)
    left, top, across, down = (_whole(shape.get(key), where, key) for key in ('left', 'top', 'width', 'height'))
    runs = [_whole(run, where, 'rle') for run in (shape.get('rle') or '').split(',')]
    window = area_of_counts(runs, (across, down), where).T
    if left + across > width or top + down > height:
        raise ValueError(
            f'{where}: a mask of {across} x {down} at ({left}, {top}) does not fit into {width} x {height} pixels'
        )
    area = np.zeros((height, width), dtype=np.bool_)
    area[top : top + down, left : left + across] = window
    return area


def _whole(value: str | None, where: str, key: str) -> int:
    number = parsed_number(value, where, key)
    if number < 0 or number != int(number):
        raise ValueError(f'{where}: {key} must hold integers from 0, got {shown(value)}')
    return int(number)


def _recognise(path: Path) -> bool:
    return any(
        xml_with(file, 'annotations', 'image') or xml_with(file, 'annotations', 'track')
        for file in some_files(path, '.xml')
    )


FORMAT = LabelFormat(
    'cvat',
    'CVAT XML 1.1',
    'the XML file, or a folder',
    read_cvat,
    _recognise,
    (*SHAPE_OPTIONS, Option('images', 'the folder of the images, which may have those of each subset', is_path=True)),
    img_suffix='.png',
)
