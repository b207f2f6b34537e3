"""What one annotation of COCO holds: its box, its keypoints, and whether it is turned, a crowd or only a box."""

from __future__ import annotations

from typing import Any

import numpy as np

from .values import is_number, number, shown

Record = dict[str, Any]
Labelled = tuple[int, Record, str]
"""Class id, annotation, and its place in the file."""


def corners(item: Record, where: str) -> tuple[float, float, float, float]:
    """Return the first and last column and row of a box.

    Raises:
        ValueError: If it is not a box.
    """
    box = item.get('bbox')
    if not isinstance(box, list) or len(box) != 4 or not all(map(is_number, box)) or min(box[2:]) < 0:
        raise ValueError(
            f'{where}: bbox must be four numbers [x, y, width, height] with no negative side, got {shown(box)}. '
            'boxes=False (--no-boxes) reads none'
        )
    x, y, width, height = map(float, box)
    return x, y, x + max(width - 1, 0), y + max(height - 1, 0)


def is_turned(item: Record) -> bool:
    """Return whether a box is turned around its middle: CVAT writes the angle beside the box as it was before."""
    attributes = item.get('attributes')
    angle: Any = attributes.get('rotation') if isinstance(attributes, dict) else None
    return bool(is_number(angle) and angle % 360)


def is_box(item: Record) -> bool:
    """Return whether the segmentation of an object is its box, as converters of boxes write it."""
    rings, box = item['segmentation'], item.get('bbox')
    if not isinstance(rings, list) or len(rings) != 1 or not isinstance(box, list) or len(box) != 4:
        return False
    if not isinstance(rings[0], list) or len(rings[0]) not in (8, 10) or not all(map(is_number, [*rings[0], *box])):
        return False
    ring, (left, top, width, height) = np.reshape(rings[0], (-1, 2)), box
    (x1, y1), (x2, y2) = ring.min(0), ring.max(0)
    is_there = np.abs([x1 - left, y1 - top, x2 - left - width, y2 - top - height]).max() <= 1
    following = np.roll(ring, -1, axis=0)
    area = abs((ring[:, 0] * following[:, 1] - ring[:, 1] * following[:, 0]).sum()) / 2
    return bool(is_there and area > 0.99 * (x2 - x1) * (y2 - y1))


def keypoint_places(item: Record, where: str) -> list[tuple[float, float]]:
    """Return the places of the keypoints that are labelled (v is not 0)."""
    values = item.get('keypoints', [])
    if not isinstance(values, list) or len(values) % 3:
        raise ValueError(f'{where}: keypoints must be a list [x, y, v, x, y, v, ..], got {shown(values)}')
    places = [[number(value, where, 'keypoints') for value in values[i : i + 3]] for i in range(0, len(values), 3)]
    return [(x, y) for x, y, visible in places if visible]


def is_crowd(labelled: Labelled) -> bool:
    """Return whether an annotation is of a group of objects.

    Raises:
        ValueError: If ``iscrowd`` is not 0 or 1.
    """
    _, item, where = labelled
    value = item.get('iscrowd') or 0
    if value not in (0, 1):
        raise ValueError(f'{where}: iscrowd must be 0 or 1, got {shown(value)}')
    return bool(value)
