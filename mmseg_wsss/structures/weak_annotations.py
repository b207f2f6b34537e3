"""The weak labels of one image, as coordinates.

Labels stay coordinates until the last step of a pipeline: if clicks were rasterised before a resize by one half, three
out of four would be lost.

Coordinates are pixels of the original image, ``(x, y)``, with pixel *centres* at integers: the click ``(3, 5)`` lies
in the middle of column 3, row 5. Shape letters: P points, L polylines, V vertices of one polyline, K boxes.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import numpy.typing as npt

FloatArray = npt.NDArray[np.float64]
IntArray = npt.NDArray[np.int64]

KEYS = ('points', 'scribbles', 'boxes', 'tags', 'mask')


def _coordinates(values: Any, width: int, name: str) -> FloatArray:
    array = np.asarray(values, dtype=np.float64)
    if array.size == 0:
        array = array.reshape(0, width)
    if array.ndim != 2 or array.shape[1] != width:
        raise ValueError(f'{name} must have shape (N, {width}), got {array.shape}')
    return array


def _class_ids(values: Any, count: int, name: str) -> IntArray:
    array = np.asarray(values, dtype=np.int64).reshape(-1)
    if len(array) != count:
        raise ValueError(f'{name} must have one class id per entry ({count}), got {len(array)}')
    return array


@dataclass(frozen=True, eq=False)
class WeakAnnotations:
    """Points, polylines, boxes, tags and an optional dense mask file of one image.

    Args:
        points: Clicks, (P, 2) as (x, y).
        point_labels: Class ids of the clicks, (P,).
        polylines: L arrays of shape (V, 2): the scribbles.
        polyline_labels: Class ids of the scribbles, (L,).
        boxes: (K, 4) as (x1, y1, x2, y2). Both corners are the centres of pixels that belong to the box.
        box_labels: Class ids of the boxes, (K,).
        tags: Classes known to be in the image, or None if unknown. An empty tuple means that there are none.
        mask_path: A dense label file of this image, or None.

    Raises:
        ValueError: If a shape is wrong, or the number of class ids differs from the number of coordinates.

    Example:
        >>> labels = WeakAnnotations(points=[[3, 5]], point_labels=[1])
        >>> labels.num_labels, sorted(labels.classes)
        (1, [1])
    """

    points: FloatArray = field(default_factory=lambda: np.zeros((0, 2)))
    point_labels: IntArray = field(default_factory=lambda: np.zeros(0, dtype=np.int64))
    polylines: tuple[FloatArray, ...] = ()
    polyline_labels: IntArray = field(default_factory=lambda: np.zeros(0, dtype=np.int64))
    boxes: FloatArray = field(default_factory=lambda: np.zeros((0, 4)))
    box_labels: IntArray = field(default_factory=lambda: np.zeros(0, dtype=np.int64))
    tags: tuple[int, ...] | None = None
    mask_path: str | None = None

    def __post_init__(self) -> None:
        set_field = object.__setattr__
        set_field(self, 'points', _coordinates(self.points, 2, 'points'))
        set_field(self, 'point_labels', _class_ids(self.point_labels, len(self.points), 'point_labels'))
        polylines = tuple(_coordinates(line, 2, 'a polyline') for line in self.polylines)
        set_field(self, 'polylines', polylines)
        set_field(self, 'polyline_labels', _class_ids(self.polyline_labels, len(polylines), 'polyline_labels'))
        set_field(self, 'boxes', _coordinates(self.boxes, 4, 'boxes'))
        set_field(self, 'box_labels', _class_ids(self.box_labels, len(self.boxes), 'box_labels'))
        if self.tags is not None:
            set_field(self, 'tags', tuple(int(tag) for tag in self.tags))

    @property
    def num_labels(self) -> int:
        """Number of clicks, scribbles and boxes."""
        return len(self.points) + len(self.polylines) + len(self.boxes)

    @property
    def classes(self) -> set[int]:
        """Class ids of all clicks, scribbles, boxes and tags."""
        named = set(self.point_labels.tolist()) | set(self.polyline_labels.tolist()) | set(self.box_labels.tolist())
        return named | set(self.tags or ())

    def image_tags(self) -> tuple[int, ...] | None:
        """Foreground classes of the image: the tags if given, otherwise the classes of the other labels, or None."""
        if self.tags is not None:
            return self.tags
        foreground = tuple(sorted(self.classes - {0}))
        return foreground or None

    def merged(self, other: WeakAnnotations) -> WeakAnnotations:
        """Return both sets of labels; those of ``other`` come later and win over earlier labels of the same kind."""
        tags = None if self.tags is None and other.tags is None else (*(self.tags or ()), *(other.tags or ()))
        return WeakAnnotations(
            points=np.concatenate([self.points, other.points]),
            point_labels=np.concatenate([self.point_labels, other.point_labels]),
            polylines=(*self.polylines, *other.polylines),
            polyline_labels=np.concatenate([self.polyline_labels, other.polyline_labels]),
            boxes=np.concatenate([self.boxes, other.boxes]),
            box_labels=np.concatenate([self.box_labels, other.box_labels]),
            tags=None if tags is None else tuple(sorted(set(tags))),
            mask_path=other.mask_path or self.mask_path,
        )

    def select(self, kinds: Collection[str]) -> WeakAnnotations:
        """Keep only some kinds of labels, named as in the label file.

        Args:
            kinds: Some of ``points``, ``scribbles``, ``boxes``, ``tags``, ``mask``.

        Raises:
            ValueError: If a kind is unknown.
        """
        unknown = set(kinds) - set(KEYS)
        if unknown:
            raise ValueError(f'unknown kinds of labels {sorted(unknown)}: choose from {", ".join(KEYS)}')
        kept: dict[str, Any] = {}
        if 'points' in kinds:
            kept.update(points=self.points, point_labels=self.point_labels)
        if 'scribbles' in kinds:
            kept.update(polylines=self.polylines, polyline_labels=self.polyline_labels)
        if 'boxes' in kinds:
            kept.update(boxes=self.boxes, box_labels=self.box_labels)
        if 'tags' in kinds:
            kept.update(tags=self.tags)
        if 'mask' in kinds:
            kept.update(mask_path=self.mask_path)
        return WeakAnnotations(**kept)

    def of_classes(self, classes: Collection[int]) -> WeakAnnotations:
        """Keep only the labels of some classes; the dense mask stays.

        Args:
            classes: Their ids, including the background if its clicks and scribbles are to stay.
        """
        wanted = sorted(classes)
        points, lines, boxes = (np.isin(x, wanted) for x in (self.point_labels, self.polyline_labels, self.box_labels))
        return WeakAnnotations(
            points=self.points[points],
            point_labels=self.point_labels[points],
            polylines=tuple(line for line, kept in zip(self.polylines, lines, strict=True) if kept),
            polyline_labels=self.polyline_labels[lines],
            boxes=self.boxes[boxes],
            box_labels=self.box_labels[boxes],
            tags=None if self.tags is None else tuple(tag for tag in self.tags if tag in classes),
            mask_path=self.mask_path,
        )

    def to_dict(self) -> dict[str, Any]:
        """Return the labels of one image in the form of ``weak_labels.json`` (docs/formats.md)."""
        entry: dict[str, Any] = {}
        if len(self.points):
            pairs = zip(self.points.tolist(), self.point_labels.tolist(), strict=True)
            entry['points'] = [{'x': x, 'y': y, 'class': label} for (x, y), label in pairs]
        if self.polylines:
            lines = zip(self.polylines, self.polyline_labels.tolist(), strict=True)
            entry['scribbles'] = [{'points': line.tolist(), 'class': label} for line, label in lines]
        if len(self.boxes):
            boxes = zip(self.boxes.tolist(), self.box_labels.tolist(), strict=True)
            entry['boxes'] = [{'box': box, 'class': label} for box, label in boxes]
        if self.tags is not None:
            entry['tags'] = list(self.tags)
        if self.mask_path is not None:
            entry['mask'] = self.mask_path
        return entry

    @classmethod
    def from_dict(cls, entry: Mapping[str, Any]) -> WeakAnnotations:
        """Build the labels of one image from its entry in ``weak_labels.json``.

        Keys that describe the image (``file_name``, ``width``, ``height``) are left to the reader of the file.

        Raises:
            KeyError, TypeError, ValueError: If an entry does not have the documented form.
        """
        points, scribbles, boxes = (entry.get(key, ()) for key in ('points', 'scribbles', 'boxes'))
        fields: dict[str, Any] = {
            'points': [[point['x'], point['y']] for point in points],
            'point_labels': [point['class'] for point in points],
            'polylines': tuple(line['points'] for line in scribbles),
            'polyline_labels': [line['class'] for line in scribbles],
            'boxes': [box['box'] for box in boxes],
            'box_labels': [box['class'] for box in boxes],
            'tags': None if entry.get('tags') is None else tuple(entry['tags']),
            'mask_path': entry.get('mask'),
        }
        return cls(**fields)
