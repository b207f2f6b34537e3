"""LabelMe JSON: one file of polygons, rectangles, points, lines, circles and flags per image."""

from __future__ import annotations

import base64
import io
import math
from collections.abc import Mapping
from pathlib import Path, PurePosixPath
from typing import Any

import numpy as np
from PIL import Image

from .files import listed_files, load_json
from .label_format import LabelFormat
from .masks import Area, known_size
from .picture_files import MAX_PIXELS, PICTURE_ERRORS
from .recognition import json_with, some_files
from .tool_labels import IGNORED, SHAPE_OPTIONS, Size, ToolLabels, shape_reader
from .values import image_name, keyed, listed, shown, side, vertices

BACKGROUND = '_background_'
LEAST_POINTS = {'rectangle': 2, 'circle': 2, 'point': 1, 'mask': 2}


@shape_reader
def read_labelme(path: str, labels: ToolLabels) -> None:
    """Read points as clicks, lines as scribbles, rectangles as boxes, flags as tags; other shapes become masks.

    An image is in the folder of its file, and its name is the last part of ``imagePath``. ``_background_`` is class 0;
    areas named ``__ignore__`` are not used for training.

    Args:
        path: The folder, or one file.
        labels: The collector that the shapes are added to.

    Raises:
        FileNotFoundError: If the file does not exist.
        ValueError: If a file does not have this form or names an unknown class.
    """
    labels.names.call_background(BACKGROUND)
    root, files = listed_files(path, '.json', 'the folder of LabelMe files', labels.report, or_file=True)
    for file in files:
        data = keyed(load_json(file, 'a LabelMe file'), str(file), 'shapes', 'imagePath')
        image = PurePosixPath(image_name(PurePosixPath(_slashes(data['imagePath'])).name, str(file), 'imagePath'))
        name = (PurePosixPath(file.relative_to(root).parent.as_posix()) / image).as_posix()
        width, height = (side(data.get(key), str(file), key) for key in ('imageWidth', 'imageHeight'))
        _flags(data.get('flags'), labels, str(file))
        for index, shape in enumerate(listed(data['shapes'], str(file), 'shapes')):
            _shape(shape, (width, height), labels, f'{file}: shapes[{index}]')
        labels.finish(name, (width, height), str(file))


def _slashes(value: Any) -> str:
    return value.replace('\\', '/') if isinstance(value, str) else ''


def _flags(flags: Any, labels: ToolLabels, where: str) -> None:
    """Add the flags of the image, if it has any, as its tags."""
    if flags is None or flags == {}:
        return
    if not isinstance(flags, Mapping):
        raise ValueError(f'{where}: flags must be an object of true and false, got {shown(flags)}')
    for name, value in flags.items():
        if not isinstance(value, bool):
            raise ValueError(f'{where}: flags must be an object of true and false, got {shown(name)}: {shown(value)}')
        if name == IGNORED or not (value or name in labels.names):  # a flag that is off and names no class
            continue
        labels.looked()
        if value:
            labels.tag(name, f'{where}: flags')


def _shape(shape: Any, size: Size, labels: ToolLabels, where: str) -> None:
    name = keyed(shape, where, 'label', 'points')['label']
    kind = str(shape.get('shape_type') or 'polygon')
    places = vertices(shape['points'], where, 'points')
    least = LEAST_POINTS.get(kind, 0)
    if len(places) < least:
        raise ValueError(f'{where}: a {kind} must have at least {least} points, got {len(places)}')
    if kind in ('point', 'points'):
        for x, y in places:
            labels.click(name, x, y, where)
    elif kind in ('line', 'linestrip'):
        labels.scribble(name, places, where)
    elif kind == 'rectangle':
        across, down = zip(*places, strict=True)  # two opposite corners, or all four, as X-AnyLabeling writes them
        labels.box(name, (min(across), min(down), max(across), max(down)), where)
    elif kind in ('polygon', 'oriented_rectangle', 'rotation', 'quadrilateral'):
        labels.outline(name, [places], size, where)
    elif kind == 'circle':
        radius = math.dist(*places[:2])
        labels.ellipse(name, (*places[0], radius, radius, 0), size, where)
    elif kind == 'mask':
        if labels.paints(name, where):
            labels.area(name, _mask(shape.get('mask'), places[0], size, where), where)
    else:
        labels.leave_out(f'shapes of the type {shown(kind)}', name, where)


def _mask(text: Any, corner: tuple[float, float], size: Size, where: str) -> Area:
    """The pixels of a PNG in base 64, whose first pixel lies at ``corner``."""
    height, width = known_size(size, where)
    try:
        data = base64.b64decode(text if isinstance(text, str) else '', validate=True)
        with Image.open(io.BytesIO(data)) as image:
            if image.width * image.height > MAX_PIXELS:
                raise ValueError('too many pixels')
            inside = np.asarray(image.convert('L')) > 0
    except PICTURE_ERRORS as error:
        raise ValueError(f'{where}: mask must be a PNG in base 64, got {shown(text)}') from error
    left, top = round(corner[0]), round(corner[1])
    if not (0 <= left <= width and 0 <= top <= height):
        raise ValueError(f'{where}: the mask begins at ({left}, {top}), outside of {width} x {height} pixels')
    area = np.zeros((height, width), dtype=np.bool_)
    part = inside[: height - top, : width - left]
    area[top : top + part.shape[0], left : left + part.shape[1]] = part
    return area


def _recognise(path: Path) -> bool:
    files = some_files(path, '.json')  # imagePath may be far from both ends: before the picture and after many shapes
    return any(json_with(file, 'shapes', key) for file in files for key in ('imagePath', 'shape_type'))


FORMAT = LabelFormat(
    'labelme',
    'LabelMe JSON',
    'the folder of JSON files, or one file',
    read_labelme,
    _recognise,
    SHAPE_OPTIONS,
)
