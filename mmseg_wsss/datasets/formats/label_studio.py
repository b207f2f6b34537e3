"""Label Studio JSON: keypoints, rectangles, polygons, ellipses, brushes and choices, in percent of the image."""

from __future__ import annotations

import base64
import binascii
import re
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, unquote, urlsplit

from .files import load_json
from .label_format import LabelFormat, Option, ReadReport
from .label_studio_brush import brush_area
from .masks import known_size
from .recognition import json_with
from .tool_labels import SHAPE_OPTIONS, Size, ToolLabels, shape_reader
from .values import image_name, keyed, listed, number, shown, side, vertices

UPLOAD_PREFIX = re.compile(r'^[0-9a-f]{8}-(?=.)')
"""Prefix that Label Studio adds to the name of an uploaded file."""
PICTURE = re.compile(r'\.(?:bmp|jpe?g|png|tiff?|webp)(?:$|[?#])', re.IGNORECASE)
UPLOADED = re.compile(r'(^|/)data/upload/')
"""Part of the address of an uploaded file; a server may have a path of its own before it."""
NAME_KEY = 'wsss_file_name'
"""The key of ``data`` that holds the name of an image with its folders, in files that this project wrote."""
Results = list[tuple[str, Any]]
REGIONS = ('rectangle', 'keypoint', 'polygon', 'ellipse', 'brush', 'vector')


@shape_reader
def read_label_studio(
    path: str, labels: ToolLabels, *, image_key: str | None = None, predictions: bool = False
) -> None:
    """Read keypoints as clicks, vectors as scribbles, rectangles as boxes, choices as tags; other regions become masks.

    The name of an image is the end of its address, without the eight digits that Label Studio writes before the name of
    an uploaded file. Annotations that were cancelled are left out; those of several people are merged.

    Args:
        path: The file of an export as JSON (not JSON-MIN).
        labels: The collector that the shapes are added to.
        image_key: The key of ``data`` that holds the address of the image. None: ``image``, or the only key whose value
            is the address of a picture.
        predictions: Whether to read the last predictions of each task without annotations.

    Raises:
        FileNotFoundError: If the file does not exist.
        ValueError: If it does not have this form or names an unknown class.
    """
    content = load_json(path, 'an export of Label Studio as JSON')
    for index, task in enumerate([content] if isinstance(content, dict) else listed(content, path, 'the file')):
        where = f'{path}: task {shown(task.get("id", index)) if isinstance(task, dict) else index}'
        keyed(task, where, 'data', 'annotations')
        key = _image_key(task['data'], where) if image_key is None else image_key
        name = _file_name(task, key, where)
        results = _of_picture(_results(task, labels.report, predictions, where), key, labels.report, where)
        size = _common_size(results, where)
        for place, item in results:
            _region(item, size, labels, place)
        labels.finish(name, size, where)


def _image_key(data: Any, where: str) -> str:
    """The key of ``data`` that holds the address of the image."""
    keyed(data, f'{where}: data')
    pictures = [key for key, value in data.items() if isinstance(value, str) and PICTURE.search(value)]
    if 'image' in data or len(pictures) != 1:
        if 'image' not in data:
            raise ValueError(
                f'{where}: data has no key "image", but {", ".join(map(shown, data)) or "nothing"}: --image-key KEY '
                'says which one is the address of the image'
            )
        return 'image'
    return str(pictures[0])


def _file_name(task: Any, image_key: str, where: str) -> str:
    """The last part of an address: of a file in a bucket, of an upload, of a local file, or of the web."""
    address = keyed(task['data'], f'{where}: data', image_key)[image_key]
    if not isinstance(address, str):
        raise ValueError(f'{where}: data.{image_key} must be the address of an image, got {shown(address)}')
    if isinstance(task['data'].get(NAME_KEY), str):
        return image_name(task['data'][NAME_KEY], where, f'data.{NAME_KEY}')
    if address.startswith('data:'):
        raise ValueError(
            f'{where}: data.{image_key} is a picture in base 64 and not the address of one, so that it has no name: '
            '--image-key KEY says which key of data holds the name of the image'
        )
    try:
        parts = urlsplit(address.replace('\\', '/'))
        query = parse_qs(parts.query)
        if 'fileuri' in query:  # /tasks/1/resolve/?fileuri=.., a file in a bucket
            parts = urlsplit(base64.b64decode(query['fileuri'][0].replace(' ', '+'), validate=True).decode())
    except (ValueError, binascii.Error) as error:
        raise ValueError(f'{where}: data.{image_key} is not an address: {shown(address)}') from error
    last = unquote(query['d'][0] if 'd' in query else parts.path).rsplit('/', 1)[-1]
    upload = task.get('file_upload')
    if not Path(last).suffix and isinstance(upload, str):
        last = UPLOAD_PREFIX.sub('', upload)
    elif UPLOADED.search(parts.path):
        last = UPLOAD_PREFIX.sub('', last)
    return image_name(last, where, f'data.{image_key}')


def _results(task: Any, report: ReadReport, predictions: bool, where: str) -> Results:
    """The results of all annotations of a task, each after its place in the file."""
    found: Results = []
    kept = 0
    made = listed(task['annotations'], where, 'annotations')
    guessed = listed(task.get('predictions') or [], where, 'predictions')
    if not made and guessed and not predictions:
        report.leave_out('predictions of tasks without annotations (--predictions reads them)', where)
    if not made and task.get('drafts'):
        report.leave_out('drafts that were not submitted', where)
    for index, annotation in enumerate(guessed[-1:] if predictions and not made else made):
        place = f'{where}, annotation {index}'
        items = listed(keyed(annotation, place, 'result')['result'], place, 'result')
        if annotation.get('was_cancelled'):
            report.leave_out('annotations that were cancelled', place)
            continue
        kept += 1
        found += [(f'{place}, result {i}', keyed(item, f'{place}, result {i}', 'type')) for i, item in enumerate(items)]
    if kept > 1:
        report.change('images with several annotations, merged', where)
    return found


def _of_picture(results: Results, key: str, report: ReadReport, where: str) -> Results:
    """The results of one picture; a task may have several, each with an ``Image`` tag that ``to_name`` names."""
    pictures = dict.fromkeys(str(item.get('to_name')) for _, item in results if _shape_of(item) is not None)
    if len(pictures) < 2:
        return results
    if key not in pictures:
        raise ValueError(
            f'{where}: the regions lie on several pictures, {", ".join(map(shown, pictures))}, and none of these '
            f'Image tags is called as the key {shown(key)} of data: replace the name of its tag in the file ("to_name")'
        )
    for place, item in results:
        if _shape_of(item) is not None and item['to_name'] != key:
            report.leave_out(f'regions on other pictures of a task than {shown(key)}', place)
    return [(place, item) for place, item in results if item.get('to_name') == key]


def _common_size(results: Results, where: str) -> Size:
    sizes = {_size(item, place) for place, item in results} - {(None, None)}
    if len(sizes) > 1:
        raise ValueError(f'{where}: the results have several sizes of the image: {sorted(map(str, sizes))}')
    return next(iter(sizes), (None, None))


def _shape_of(item: Any) -> str | None:
    """The shape of a region; None for a result that is none."""
    kind = item['type'] if isinstance(item['type'], str) else ''
    shape = kind.removesuffix('labels')
    return shape if shape in REGIONS and kind != 'labels' else None


def _size(item: Any, where: str) -> Size:
    width, height = (side(item.get(key), where, key) for key in ('original_width', 'original_height'))
    return width, height


def _region(item: Any, size: Size, labels: ToolLabels, where: str) -> None:
    kind = item['type'] if isinstance(item['type'], str) else ''
    if kind == 'choices':
        value = keyed(item.get('value'), f'{where}: value', 'choices')
        if 'x' in value or 'points' in value:
            labels.report.leave_out('choices for a region, not for the image', where)
            return
        for name in listed(value['choices'], where, 'choices'):
            labels.tag(name, where)
        return
    shape = _shape_of(item)
    if shape is None:
        _leave_out(kind, item, labels, where)
        return
    value = keyed(item.get('value'), f'{where}: value')
    found = value.get(kind) or value.get('labels')
    if not found:
        labels.report.leave_out('regions without a class', where)
        return
    chosen = listed(found, where, kind)
    if len(chosen) > 1:
        labels.report.change('regions of several classes, of which the first counts', where)
    if any(_turned(turn, where) for turn in (item.get('image_rotation'), value.get('rotation')) if shape != 'ellipse'):
        labels.leave_out('regions that are turned', chosen[0], where)
    elif shape == 'brush':
        if labels.paints(chosen[0], where):
            labels.area(chosen[0], brush_area(value, size, where), where)
    else:
        _shape(shape, chosen[0], value, size, labels, where)


def _leave_out(kind: str, item: Any, labels: ToolLabels, where: str) -> None:
    """Count a result that is not read, such as a bitmask; its class is in the image."""
    what, value = f'results of the type {shown(item["type"])}', item.get('value')
    names = value.get(kind) if isinstance(value, dict) and kind.endswith('labels') and kind != 'labels' else None
    if isinstance(names, list) and names:
        labels.leave_out(what, names[0], where)
    else:
        labels.report.leave_out(what, where)


def _turned(value: Any, where: str) -> bool:
    return value is not None and number(value, where, 'rotation') % 360 != 0


def _shape(shape: str, name: Any, value: Any, size: Size, labels: ToolLabels, where: str) -> None:
    height, width = known_size(size, f'{where} (original_width, original_height)')

    def at(key: str, extent: int) -> float:
        return number(keyed(value, where, key)[key], where, key) / 100 * extent

    if shape == 'polygon':
        places = vertices(keyed(value, where, 'points')['points'], where, 'points')
        labels.outline(name, [[(x / 100 * width, y / 100 * height) for x, y in places]], size, where)
        return
    if shape == 'vector':
        _vector(name, value, (width, height), labels, where)
        return
    x, y = at('x', width), at('y', height)
    if shape == 'keypoint':
        labels.click(name, x, y, where)
    elif shape == 'rectangle':
        labels.box(name, (x, y, x + at('width', width), y + at('height', height)), where)
    else:
        turn = number(value.get('rotation') or 0, where, 'rotation')
        labels.ellipse(name, (x, y, at('radiusX', width), at('radiusY', height), turn), size, where)


def _vector(name: Any, value: Any, size: tuple[int, int], labels: ToolLabels, where: str) -> None:
    """Add a line, or the area inside if it is closed; a curve becomes its vertices."""
    places = []
    for vertex in listed(keyed(value, where, 'vertices')['vertices'], where, 'vertices'):
        keyed(vertex, f'{where}: vertices', 'x', 'y')
        x, y = (number(vertex[key], where, key) / 100 * extent for key, extent in zip('xy', size, strict=True))
        places.append((x, y))
    if value.get('closed'):
        labels.outline(name, [places], size, where)
    else:
        labels.scribble(name, places, where)


def _recognise(path: Path) -> bool:
    return json_with(path, 'data', 'annotations', 'result', first='[{', without=('features',))


FORMAT = LabelFormat(
    'label_studio',
    'Label Studio JSON',
    'the JSON file',
    read_label_studio,
    _recognise,
    (
        *SHAPE_OPTIONS,
        Option('image_key', 'the key of "data" that holds the address of the image, if there are several'),
        Option('predictions', 'read the predictions of tasks without annotations', bool),
    ),
)
