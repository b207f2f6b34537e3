"""Label files of whatever format, with the classes that they name themselves."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from ...structures import WeakLabelSet
from ..formats import read_labels
from ..formats._xml import parse_xml
from ..formats.canonical import read_classes
from ..formats.files import load_json
from .folders import is_mask_folder

TITLES = {
    'canonical': 'weak_labels.json',
    'coco': 'COCO instances',
    'voc_xml': 'XML boxes of PASCAL VOC',
    'scribblesup': 'XML scribbles of ScribbleSup',
    'index_png': 'painted index PNGs',
    'whats_the_point': "clicks as those of What's the Point",
}


def recognise(path: Path) -> str:
    """Return the name of the format of a label file or folder.

    Raises:
        ValueError: If it looks like none.
    """
    if path.is_dir():
        (first, *_) = [*sorted(path.rglob('*.xml')), None]
        if first is not None:
            return 'scribblesup' if parse_xml(first).find('polygon') is not None else 'voc_xml'
        if is_mask_folder(path):
            return 'index_png'
    elif path.suffix == '.json':
        content: Any = load_json(path, 'a label file')
        keys = set(content) if isinstance(content, dict) else set()
        if {'version', 'classes', 'images'} <= keys:
            return 'canonical'
        if {'annotations', 'categories', 'images'} <= keys:
            return 'coco'
        if keys and all(isinstance(value, list) for value in content.values()):
            return 'whats_the_point'
    raise ValueError(
        f'{path} looks like none of the label formats {", ".join(TITLES)} (docs/formats.md): convert it with "wsss '
        'convert", and name weak_labels.json with --labels'
    )


def read_any(path: Path, classes: Sequence[str] | None, img_suffix: str) -> tuple[WeakLabelSet, str, bool]:
    """Read labels of any format.

    Args:
        path: The file or folder.
        classes: Class names by id; None: those that the files name, after ``background``.
        img_suffix: Suffix of the images, for formats that name images without one.

    Returns:
        The labels, what their format is, and whether somebody has put the classes into an order.

    Raises:
        ValueError: If the format is not known, or its files do not name their classes.
    """
    name = recognise(path)
    names = tuple(classes) if classes is not None else _names(path, name)
    labels = read_labels({'format': name, 'path': str(path)}, names, img_suffix=img_suffix)
    if name == 'canonical':
        labels = WeakLabelSet(labels.classes, read_classes(str(path))[1], labels.images)
    return labels, TITLES[name], classes is not None or name == 'canonical'


def _names(path: Path, name: str) -> tuple[str, ...]:
    if name == 'canonical':
        return read_classes(str(path))[0]
    if name == 'coco':
        categories = json.loads(path.read_text(encoding='utf-8'))['categories']
        return ('background', *(item['name'] for item in sorted(categories, key=lambda item: item['id'])))
    if name in ('voc_xml', 'scribblesup'):
        tag = 'object/name' if name == 'voc_xml' else 'polygon/tag'
        found = {
            node.text.strip()
            for file in sorted(path.rglob('*.xml'))
            for node in parse_xml(file).iterfind(tag)
            if node.text
        }
        return ('background', *sorted(found - {'background'}))
    raise ValueError(f'{path} ({TITLES[name]}) does not name its classes: name them with --classes')
