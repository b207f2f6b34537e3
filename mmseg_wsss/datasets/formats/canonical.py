"""``weak_labels.json`` and its Arrow form, which all other formats are converted to (docs/formats.md)."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from ...structures import ImageEntry, WeakLabelSet
from ...structures.weak_label_set import Colour
from .arrow_labels import is_arrow, open_images, read_head
from .arrow_table import SUFFIX
from .collecting import Drawing, ImageCollector
from .files import load_json, nearest
from .label_format import LabelFormat
from .recognition import json_with
from .values import check_name, class_number, image_name, is_whole, listed, number, numbers, shown, side, vertices

Palette = tuple[Colour, ...]
FILE_KEYS = ('version', 'classes', 'images')
HEAD_KEYS = (*FILE_KEYS, 'part', 'parts')
IMAGE_KEYS = ('file_name', 'width', 'height', 'points', 'scribbles', 'boxes', 'tags', 'mask')
ITEM_KEYS = {'points': ('x', 'y', 'class'), 'scribbles': ('points', 'class'), 'boxes': ('box', 'class')}


def read_canonical(path: str, classes: tuple[str, ...] | None = None) -> WeakLabelSet:
    """Read ``weak_labels.json``, or its Arrow form.

    Args:
        path: The file. Mask paths in it are relative to its folder. Of several Arrow files it is the first.
        classes: The class names of the data set, or None to take those of the file.

    Raises:
        FileNotFoundError: If the file does not exist.
        ValueError: If the file does not have the documented form, or has other classes.
    """
    data = _load(path)
    names, palette = _classes(data['classes'], path)
    if classes is not None and tuple(classes) != names:
        raise ValueError(
            f'{path} has the classes {names}, but the data set has {tuple(classes)} in its metainfo. Both must be the '
            'same, in the same order; leave the metainfo out to take the classes of the file.'
        )
    if is_arrow(path):
        return WeakLabelSet(names, palette, open_images(path))
    images = ImageCollector(path)
    for index, image in enumerate(listed(data['images'], path, 'images')):
        where = f'{path}: images[{index}]'
        entry = _image(image, where, Path(path).parent)
        images.add(entry.file_name, (entry.width, entry.height), entry.annotations, where)
    return WeakLabelSet(names, palette, images.images)


def read_classes(path: str) -> tuple[tuple[str, ...], Palette | None]:
    """Return only the class names and the palette (None if the file has no colours)."""
    data = _load(path)
    return _classes(data['classes'], path)


def _load(path: str) -> Mapping[str, Any]:
    if not is_arrow(path) and Path(path).suffix == SUFFIX and Path(path).is_file():
        raise ValueError(f'{path} is not an Arrow file: it is empty, damaged or of another format; write it again')
    data: Mapping[str, Any] = read_head(path) if is_arrow(path) else load_json(path, 'a weak-label file')
    _check_keys(data, HEAD_KEYS if is_arrow(path) else FILE_KEYS, FILE_KEYS, path)
    if not is_whole(data['version']) or data['version'] != 1:
        raise ValueError(f'{path}: version must be 1, got {shown(data["version"])}: was it written by a newer release?')
    return data


def _classes(classes: Any, path: str) -> tuple[tuple[str, ...], Palette | None]:
    if not isinstance(classes, list) or not classes:
        raise ValueError(f'{path}: classes must be a list with at least one {{"name": ..}}, got {shown(classes)}')
    for index, item in enumerate(classes):
        where = f'{path}: classes[{index}]'
        _check_keys(item, ('name', 'color'), ('name',), where)
        if not isinstance(item['name'], str) or not item['name'].strip():
            raise ValueError(f'{where}: name must be a text that is not empty, got {shown(item["name"])}')
        color = item.get('color', [0, 0, 0])
        if not isinstance(color, list) or len(color) != 3 or not all(map(_is_grey, color)):
            raise ValueError(f'{where}: color must be three integers in 0..255, got {shown(color)}')
    names = tuple(item['name'] for item in classes)
    coloured = ['color' in item for item in classes]
    if any(coloured) and not all(coloured):
        raise ValueError(f'{path}: classes: give every class a color or none; {coloured.count(False)} have no color')
    try:
        return WeakLabelSet(names).classes, tuple(_colour(item['color']) for item in classes) if all(coloured) else None
    except ValueError as error:
        raise ValueError(f'{path}: classes: {error}') from error


def _colour(values: list[Any]) -> Colour:
    red, green, blue = map(int, values)
    return red, green, blue


def _is_grey(value: Any) -> bool:
    return is_whole(value) and 0 <= value <= 255


def _image(image: Any, where: str, root: Path) -> ImageEntry:
    if isinstance(image, Mapping) and 'file_name' in image:
        where = f'{where} ({shown(image["file_name"])})'
    _check_keys(image, IMAGE_KEYS, ('file_name',), where)
    name = image_name(image['file_name'], where, 'file_name')
    width, height = (_side(image.get(key), where, key) for key in ('width', 'height'))
    drawing = Drawing()
    for index, item in enumerate(_items(image, 'points', where)):
        place = f'{where}, points[{index}]'
        x, y = number(item['x'], place, 'x'), number(item['y'], place, 'y')
        drawing.click(x, y, class_number(item['class'], place, 'class'))
    for index, item in enumerate(_items(image, 'scribbles', where)):
        place = f'{where}, scribbles[{index}]'
        line = vertices(item['points'], place, 'points')
        if not line:
            raise ValueError(f'{place}: a scribble has no points; leave it out')
        drawing.scribble(line, class_number(item['class'], place, 'class'))
    for index, item in enumerate(_items(image, 'boxes', where)):
        place = f'{where}, boxes[{index}]'
        box = numbers(item['box'], 4, place, 'box must be four numbers [x1, y1, x2, y2]')
        drawing.box(box, class_number(item['class'], place, 'class'))
    drawing.mask = _mask(image.get('mask'), where, root)
    return ImageEntry(name, width, height, replace(drawing.annotations(), tags=_tags(image.get('tags'), where)))


def _items(image: Mapping[str, Any], kind: str, where: str) -> list[dict[str, Any]]:
    items = listed(image.get(kind, []), where, kind)
    keys = ITEM_KEYS[kind]
    for index, item in enumerate(items):
        if not isinstance(item, dict) or item.keys() != set(keys):
            _check_keys(item, keys, keys, f'{where}, {kind}[{index}]')
    return items


def _side(value: Any, where: str, key: str) -> int | None:
    if value is None:
        return None
    if not is_whole(value):
        raise ValueError(f'{where}: {key} must be an integer, got {shown(value)}')
    return side(value, where, key)


def _tags(tags: Any, where: str) -> tuple[int, ...] | None:
    if tags is None:
        return None
    if not isinstance(tags, list) or not all(map(is_whole, tags)):
        raise ValueError(f'{where}: tags must be a list of class ids, got {shown(tags)}')
    return tuple(class_number(tag, where, 'tags') for tag in tags)


def _mask(mask: Any, where: str, root: Path) -> str | None:
    if mask is None:
        return None
    if not isinstance(mask, str) or not mask.strip() or '\0' in mask:
        raise ValueError(f'{where}: mask must be a path relative to the label file, got {shown(mask)}')
    check_name(mask, where, 'mask')
    return str(root / mask)


def _check_keys(item: Any, known: Collection[str], required: Collection[str], where: str) -> None:
    if not isinstance(item, Mapping):
        raise ValueError(f'{where}: expected an object with the keys {", ".join(known)}, got {type(item).__name__}')
    for key in item:
        if key not in known:
            raise ValueError(f'{where}: unknown key {shown(key)}; {nearest(key, known)}.')
    missing = [key for key in required if key not in item]
    if missing:
        raise ValueError(f'{where}: the key {missing[0]!r} is missing; expected {", ".join(required)}.')


def _recognise(path: Path) -> bool:
    return json_with(path, 'version', 'classes', 'images', without=('annotations', 'source')) or (
        path.suffix == SUFFIX and is_arrow(path)
    )


FORMAT = LabelFormat(
    'canonical', 'weak_labels.json', 'the JSON file, or the (first) Arrow file', read_canonical, _recognise
)
