"""Class names that can be compared across data sets."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

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
"""The VOC name of a class for its name in COCO or ScribbleSup, letters only."""


def plain_name(name: str) -> str:
    """Return a class name that can be compared across data sets: letters and digits, with the synonyms of VOC.

    Example:
        >>> plain_name('Dining table'), plain_name('diningtable'), plain_name('couch')
        ('diningtable', 'diningtable', 'sofa')
    """
    letters = ''.join(filter(str.isalnum, name.lower()))
    return SYNONYMS.get(letters, letters)


def other_classes(classes: Iterable[str], target_classes: Iterable[str]) -> tuple[str, ...]:
    """Return the classes that are not target classes, compared by :func:`plain_name`, in their order.

    Example:
        >>> other_classes(['person', 'bench', 'tv'], ['tvmonitor', 'person'])
        ('bench',)
    """
    targets = {plain_name(name) for name in target_classes}
    return tuple(name for name in classes if plain_name(name) not in targets)


def class_ids(chosen: Iterable[str] | None, classes: Sequence[str]) -> list[int]:
    """Return the ids of some classes of a data set.

    Args:
        chosen: Their names; None means all classes.
        classes: The class names of the data set, by id.

    Raises:
        ValueError: If a name is not a class of the data set.

    Example:
        >>> class_ids(['dog', 'cat'], ['background', 'cat', 'dog'])
        [2, 1]
    """
    classes = list(classes)
    names = classes if chosen is None else list(chosen)
    unknown = [name for name in names if name not in classes]
    if unknown:
        raise ValueError(
            f'classes names {unknown}, and the data set has {classes}: choose from these, or leave classes out to '
            'average over all of them'
        )
    return [classes.index(name) for name in names]
