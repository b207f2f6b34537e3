"""The labels of many images as columns, so that a million images are checked and counted without a million objects."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from ...structures import ImageEntry, WeakAnnotations
from ...structures.weak_annotations import FloatArray, IntArray
from .arrow_images import ArrowImages

BoolArray = npt.NDArray[np.bool_]


class Column(NamedTuple):
    """One kind of label of all images: ``values[i]`` belongs to entry ``item[i]`` of image number ``image[i]``."""

    kind: str
    values: FloatArray | IntArray
    image: IntArray
    item: IntArray

    @classmethod
    def of_lists(cls, kind: str, values: FloatArray | IntArray, counts: IntArray) -> Column:
        """Return the column of lists that follow each other, the list of image i with ``counts[i]`` entries."""
        image = np.repeat(np.arange(len(counts)), counts)
        return cls(kind, values, image, np.arange(len(image)) - np.repeat(np.cumsum(counts) - counts, counts))

    @classmethod
    def of_lines(cls, values: FloatArray, vertices: IntArray, lines: Column) -> Column:
        """Return the vertices of scribbles, (V, 2), with ``vertices[i]`` in line i of ``lines``."""
        return cls('scribbles', values, np.repeat(lines.image, vertices), np.repeat(lines.item, vertices))

    @classmethod
    def of_boxes(cls, boxes: FloatArray, labels: Column) -> Column:
        """Return the corners of boxes, (2 K, 2)."""
        return cls('boxes', boxes.reshape(-1, 2), np.repeat(labels.image, 2), np.repeat(labels.item, 2))


@dataclass(frozen=True)
class LabelColumns:
    """The labels of some images.

    Args:
        positions: Numbers of these images in the label set, (N,); ``image`` of a column counts within them.
        ids: Class ids of points, scribbles, boxes and tags.
        places: Points, vertices of scribbles and corners of boxes as rows (x, y).
        tagged: Whether an image has tags, which may be an empty list, (N,).
        masked: Whether an image has a dense mask, (N,).
    """

    positions: IntArray
    ids: tuple[Column, ...]
    places: tuple[Column, ...]
    tagged: BoolArray
    masked: BoolArray


def columns_of(annotations: Sequence[WeakAnnotations]) -> LabelColumns:
    """Return the labels of images as columns."""
    every = [*annotations, WeakAnnotations()]  # numpy cannot concatenate an empty list
    points, scribbles, boxes, tags = (
        _joined(kind, arrays)
        for kind, arrays in (
            ('points', [a.point_labels for a in every]),
            ('scribbles', [a.polyline_labels for a in every]),
            ('boxes', [a.box_labels for a in every]),
            ('tags', [np.array(a.tags or (), dtype=np.int64) for a in every]),
        )
    )
    lines = [line for a in annotations for line in a.polylines]
    vertices = np.array([len(line) for line in lines], dtype=np.int64)
    places = (
        points._replace(values=np.concatenate([a.points for a in every])),
        Column.of_lines(np.concatenate([np.zeros((0, 2)), *lines]), vertices, scribbles),
        Column.of_boxes(np.concatenate([a.boxes for a in every]), boxes),
    )
    tagged, masked = (
        np.array(known, dtype=np.bool_)
        for known in ([a.tags is not None for a in annotations], [a.mask_path is not None for a in annotations])
    )
    return LabelColumns(np.arange(len(annotations)), (points, scribbles, boxes, tags), places, tagged, masked)


def columns_of_images(images: Mapping[str, ImageEntry]) -> Iterator[LabelColumns]:
    """Yield the labels of images as columns: at once, or in parts if they are read from files."""
    if isinstance(images, ArrowImages):
        for batch in images.batches():
            yield columns_of_batch(batch.rows, batch.positions)
        unlabelled = images.unlabelled
        yield replace(columns_of([WeakAnnotations()] * len(unlabelled)), positions=unlabelled)
    else:
        yield columns_of([entry.annotations for entry in images.values()])


def columns_of_batch(rows: Any, positions: IntArray) -> LabelColumns:
    """Return the rows of a record batch as columns, with the numbers of its images in the label set."""
    points, scribbles, boxes = (rows.column(kind).flatten() for kind in ('points', 'scribbles', 'boxes'))
    clicks, lines, rectangles, tags = (
        Column.of_lists(kind, _classes(items), _counts(rows.column(kind)))
        for kind, items in (
            ('points', points),
            ('scribbles', scribbles),
            ('boxes', boxes),
            ('tags', rows.column('tags').flatten()),
        )
    )
    vertices = scribbles.field('points')
    places = (
        clicks._replace(values=np.column_stack([_numbers(points.field(axis)) for axis in ('x', 'y')])),
        Column.of_lines(_numbers(vertices.flatten().flatten()).reshape(-1, 2), _counts(vertices), lines),
        Column.of_boxes(_numbers(boxes.field('box').flatten()), rectangles),
    )
    tagged, masked = (_numbers(rows.column(kind).is_valid()).astype(np.bool_) for kind in ('tags', 'mask'))
    return LabelColumns(positions, (clicks, lines, rectangles, tags), places, tagged, masked)


def _classes(items: Any) -> IntArray:
    ids = items.field('class') if hasattr(items, 'field') else items
    return _numbers(ids).astype(np.int64)


def _counts(lists: Any) -> IntArray:
    """Lengths of lists; null counts as an empty list."""
    return _numbers(lists.value_lengths().fill_null(0)).astype(np.int64)


def _numbers(array: Any) -> npt.NDArray[Any]:
    values: npt.NDArray[Any] = array.to_numpy(zero_copy_only=False)
    return values


def _joined(kind: str, arrays: Sequence[IntArray]) -> Column:
    counts = np.array([len(array) for array in arrays], dtype=np.int64)
    return Column.of_lists(kind, np.concatenate(arrays), counts)
