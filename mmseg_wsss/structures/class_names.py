"""Class names that compare across data sets."""

from __future__ import annotations

from collections.abc import Iterable

SYNONYMS = {
    'airplane': 'aeroplane',
    'couch': 'sofa',
    'motorcycle': 'motorbike',
    'plane': 'aeroplane',
    'bike': 'bicycle',
    'plant': 'pottedplant',
    'table': 'diningtable',
    'tv': 'tvmonitor',
    'monitor': 'tvmonitor',
}
"""Names of VOC classes in COCO and ScribbleSup, letters alone, to those of VOC."""


def plain_name(name: str) -> str:
    """Return a class name that compares across data sets: letters and digits, synonyms as VOC has them.

    Example:
        >>> plain_name('Dining table'), plain_name('diningtable'), plain_name('couch')
        ('diningtable', 'diningtable', 'sofa')
    """
    letters = ''.join(filter(str.isalnum, name.lower()))
    return SYNONYMS.get(letters, letters)


def other_classes(classes: Iterable[str], target_classes: Iterable[str]) -> tuple[str, ...]:
    """Return the classes that are no target class by :func:`plain_name`, in their order.

    Example:
        >>> other_classes(['person', 'bench', 'tv'], ['tvmonitor', 'person'])
        ('bench',)
    """
    targets = {plain_name(name) for name in target_classes}
    return tuple(name for name in classes if plain_name(name) not in targets)
