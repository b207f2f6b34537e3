"""Pseudo-labels: the folder that ``wsss pseudo-labels`` writes, to train the next network on."""

from __future__ import annotations

import os
from pathlib import Path

from ...files import path_inside
from ...structures import WeakAnnotations, WeakLabelSet
from ...structures.weak_label_set import Colour
from ..index_file import FolderIndex
from .collecting import ImageCollector
from .files import existing
from .label_format import LabelFormat
from .recognition import json_with
from .values import image_name, side

INDEX = 'pseudo_labels.json'
"""The file that is written last and names classes and images."""


def read_pseudo_labels(path: str, classes: tuple[str, ...] | None = None) -> WeakLabelSet:
    """Read the masks of a folder of pseudo-labels as they are: class ids, and 255 where the network was unsure.

    Args:
        path: The folder, or ``pseudo_labels.json`` in it.
        classes: The class names of the data set, or None to take those of the folder.

    Raises:
        FileNotFoundError: If the folder, its index or a mask is missing.
        ValueError: If the index is damaged, or the folder has other classes.
    """
    folder, index = _read(path)
    if classes is not None and tuple(classes) != index.classes:
        raise ValueError(
            f'{path} has the classes {index.classes}, and not {tuple(classes)}: its masks hold their ids. Leave the '
            'classes out to take those of the folder.'
        )
    images = ImageCollector(path)
    for key, image in index.images.items():
        where = f'{folder / INDEX}, image {key!r}'
        mask = existing(path_inside(folder / 'masks', f'{key}.png'), f'the pseudo-label of {key!r}')
        name = image_name(image['file_name'], where, 'file_name')
        size = side(image['width'], where, 'width'), side(image['height'], where, 'height')
        images.add(name, size, WeakAnnotations(mask_path=str(mask)), where, key=key)
    return WeakLabelSet(index.classes, index.palette, images.images)


def read_pseudo_classes(path: str) -> tuple[tuple[str, ...], tuple[Colour, ...]]:
    """Return only the class names and the palette."""
    index = _read(path)[1]
    return index.classes, index.palette


def _read(path: str) -> tuple[Path, FolderIndex]:
    place = existing(path, 'the folder of pseudo-labels')
    folder = place.parent if place.name == INDEX else place
    return folder, FolderIndex.read(folder / INDEX, f'"wsss pseudo-labels CONFIG CHECKPOINT -o {folder}" writes it')


def is_pseudo_labels(path: Path) -> bool:
    """Whether a path is a folder of pseudo-labels, or the index of one."""
    if path.name == INDEX:
        return json_with(path, 'classes', 'images', 'source')
    return os.path.isfile(path / INDEX)


FORMAT = LabelFormat(
    'pseudo_labels',
    'pseudo-labels of a network',
    'the folder of the pseudo-labels',
    read_pseudo_labels,
    is_pseudo_labels,
)
