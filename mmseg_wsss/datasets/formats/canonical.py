"""``weak_labels.json``, the one format that all others are turned into (docs/formats.md)."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from pathlib import Path
from typing import Any

from ...files import relative_name
from ...structures import ImageEntry, WeakAnnotations, WeakLabelSet, image_id
from .files import load_json, nearest
from .label_format import LabelFormat
from .recognition import json_with

Palette = tuple[tuple[int, int, int], ...]
FILE_KEYS = ('version', 'classes', 'images')
IMAGE_KEYS = ('file_name', 'width', 'height', 'points', 'scribbles', 'boxes', 'tags', 'mask')
ITEM_KEYS = {'points': ('x', 'y', 'class'), 'scribbles': ('points', 'class'), 'boxes': ('box', 'class')}


def read_canonical(path: str, classes: tuple[str, ...] | None = None) -> WeakLabelSet:
    """Read ``weak_labels.json``.

    Args:
        path: The file. Mask paths in it are relative to its folder.
        classes: The class names that the data set is about, or None to take the file's.

    Raises:
        FileNotFoundError: If there is no such file.
        ValueError: If the file is not as documented, or has other classes.
    """
    data = load_json(path, 'a weak-label file')
    _check_keys(data, FILE_KEYS, FILE_KEYS, path)
    if data['version'] != 1:
        raise ValueError(f'{path}: version must be 1, got {data["version"]!r}: was it written by a newer release?')
    names, palette = _classes(data['classes'], path)
    if classes is not None and tuple(classes) != names:
        raise ValueError(
            f'{path} has the classes {names}, but the data set has {tuple(classes)} in its metainfo. Both must be the '
            'same, in the same order; leave the metainfo out to take the classes of the file.'
        )
    if not isinstance(data['images'], list):
        raise ValueError(f'{path}: images must be a list, got {type(data["images"]).__name__}')
    images: dict[str, ImageEntry] = {}
    for index, image in enumerate(data['images']):
        entry = _image(image, f'{path}: images[{index}]', Path(path).parent)
        key = image_id(entry.file_name)
        if key in images:
            raise ValueError(
                f'{path}: image {key!r} comes twice ({images[key].file_name!r}, {entry.file_name!r}): the id of an '
                'image is its name without the suffix. Join the entries of one file; rename one of two files.'
            )
        images[key] = entry
    return WeakLabelSet(names, palette, images)


def read_classes(path: str) -> tuple[tuple[str, ...], Palette | None]:
    """Return only the class names and the palette (None if the file has no colours)."""
    data = load_json(path, 'a weak-label file')
    _check_keys(data, FILE_KEYS, FILE_KEYS, path)
    return _classes(data['classes'], path)


def _classes(classes: Any, path: str) -> tuple[tuple[str, ...], Palette | None]:
    if not isinstance(classes, list) or not classes:
        raise ValueError(f'{path}: classes must be a list with at least one {{"name": ..}}, got {classes!r}')
    for index, item in enumerate(classes):
        where = f'{path}: classes[{index}]'
        _check_keys(item, ('name', 'color'), ('name',), where)
        color = item.get('color', [0, 0, 0])
        if not isinstance(color, list) or len(color) != 3 or any(value not in range(256) for value in color):
            raise ValueError(f'{where}: color must be three integers in 0..255, got {color!r}')
    names = tuple(str(item['name']) for item in classes)
    coloured = ['color' in item for item in classes]
    if any(coloured) and not all(coloured):
        raise ValueError(f'{path}: classes: give every class a color, or none; {coloured.count(False)} lack it')
    return names, tuple((*item['color'],) for item in classes) if all(coloured) else None


def _image(image: Any, where: str, root: Path) -> ImageEntry:
    if isinstance(image, Mapping) and 'file_name' in image:
        where = f'{where} ({image["file_name"]!r})'
    _check_keys(image, IMAGE_KEYS, ('file_name',), where)
    if not isinstance(image['file_name'], str) or not image['file_name']:
        raise ValueError(f'{where}: file_name must be a path below the image folder, got {image["file_name"]!r}')
    try:
        relative_name(image['file_name'])
    except ValueError as error:
        raise ValueError(f'{where}: file_name: {error}') from error
    for key in ('width', 'height'):
        if image.get(key) is not None and (type(image[key]) is not int or image[key] < 1):
            raise ValueError(f'{where}: {key} must be an integer, got {image[key]!r}')
    for kind, keys in ITEM_KEYS.items():
        items = image.get(kind, [])
        if not isinstance(items, list):
            raise ValueError(f'{where}: {kind} must be a list, got {items!r}')
        for index, item in enumerate(items):
            _check_item(item, keys, where, kind, index)
        if kind == 'scribbles' and any(item['points'] == [] for item in items):
            raise ValueError(f'{where}: a scribble has no points; leave it out')
    tags = image.get('tags')
    if tags is not None and (not isinstance(tags, list) or any(type(tag) is not int for tag in tags)):
        raise ValueError(f'{where}: tags must be a list of class ids, got {tags!r}')
    mask = image.get('mask')
    if mask is not None and not isinstance(mask, str):
        raise ValueError(f'{where}: mask must be a path relative to the label file, got {mask!r}')
    try:
        annotations = WeakAnnotations.from_dict({**image, 'mask': None if mask is None else str(root / mask)})
    except (TypeError, ValueError) as error:
        raise ValueError(f'{where}: {error}. See docs/formats.md for the form of an entry.') from error
    return ImageEntry(image['file_name'], image.get('width'), image.get('height'), annotations)


def _check_item(item: Any, keys: tuple[str, ...], where: str, kind: str, index: int) -> None:
    if not isinstance(item, dict) or item.keys() != set(keys):
        _check_keys(item, keys, keys, f'{where}, {kind}[{index}]')
    if type(item['class']) is not int:
        raise ValueError(f'{where}, {kind}[{index}]: class must be a class id (an integer), got {item["class"]!r}')


def _check_keys(item: Any, known: Collection[str], required: Collection[str], where: str) -> None:
    if not isinstance(item, Mapping):
        raise ValueError(f'{where}: expected an object with the keys {", ".join(known)}, got {type(item).__name__}')
    for key in item:
        if key not in known:
            raise ValueError(f'{where}: unknown key {key!r}; {nearest(key, known)}.')
    missing = [key for key in required if key not in item]
    if missing:
        raise ValueError(f'{where}: the key {missing[0]!r} is missing; expected {", ".join(required)}.')


def _recognise(path: Path) -> bool:
    return json_with(path, 'version', 'classes', 'images', without=('annotations',))


FORMAT = LabelFormat('canonical', 'weak_labels.json', 'the JSON file', read_canonical, _recognise)
