"""Checks on the numbers of a label set, on whole columns: a file of 12k images takes well under a second."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from itertools import islice
from typing import Any

import numpy as np
import numpy.typing as npt

from ...structures import WeakAnnotations, WeakLabelSet
from .columns import BoolArray, Column, LabelColumns, columns_of_images
from .label_format import ReadReport

Size = tuple[int, int]
TOLERANCE = 0.5
"""How far, in pixels, a coordinate may lie outside the image: 1-based and edge coordinates reach that far."""


def check_numbers(labels: WeakLabelSet, source: str) -> None:
    """Check class ids, finite coordinates and the order of box corners.

    Args:
        labels: What a reader returned.
        source: The file (or folder) that it came from, for the messages.

    Raises:
        ValueError: If an entry is wrong. The message names the file, the image and the key of the first one.
    """
    for columns in columns_of_images(labels.images):
        _check_columns(columns, labels, source)


def check_pixels(labels: WeakLabelSet, source: str) -> None:
    """Check that the coordinates in the file of another program are pixels.

    Args:
        labels: The labels, whose numbers are checked.
        source: The file (or folder) that it came from, for the message.

    Raises:
        ValueError: If all coordinates are shares of the image.
    """
    count, largest, is_whole = 0, 0.0, True
    for columns in columns_of_images(labels.images):
        for xy in (column.values for column in columns.places):
            count += len(xy)
            largest = max(largest, float(np.abs(xy).max(initial=0)))
            is_whole = is_whole and bool((xy == np.rint(xy)).all())
    if count > 1 and largest <= 1 and not is_whole:
        raise ValueError(
            f'{source}: no coordinate is larger than 1, so they are shares of the image; expected pixels of the image. '
            'Multiply x by its width and y by its height'
        )


def _check_columns(columns: LabelColumns, labels: WeakLabelSet, source: str) -> None:
    count = len(labels.classes)
    for column in columns.ids:
        ids = column.values
        bad: BoolArray = np.asarray((ids < 0) | (ids >= count))
        if bad.any():
            raise _fault(
                columns, column, bad, labels, source,
                f'class {ids[bad.argmax()]} is not one of the {count} classes (ids 0..{count - 1}: '
                f'{labels.classes[0]} .. {labels.classes[-1]}). Correct the id or the list of classes',
            )  # fmt: skip
    for column in columns.places:
        xy = column.values
        if (bad := np.asarray(~np.isfinite(xy).all(axis=1))).any():
            expected = f'coordinates must be finite numbers, got {xy[bad.argmax()].tolist()}'
            raise _fault(columns, column, bad, labels, source, f'{expected}. Correct or remove the entry')
        swapped = (xy[0::2] > xy[1::2]).any(axis=1) if column.kind == 'boxes' else np.zeros(0, dtype=np.bool_)
        if (bad := np.repeat(swapped, 2)).any():
            box = xy[bad.argmax() : bad.argmax() + 2].ravel().tolist()
            expected = 'expected [x1, y1, x2, y2] with x1 <= x2 and y1 <= y2, both corners inside the box'
            fault = f'box {box} is empty or has swapped corners; {expected}'
            raise _fault(columns, column, bad, labels, source, fault)


def fit_to_images(labels: WeakLabelSet, sizes: Mapping[str, Size], source: str) -> WeakLabelSet:
    """Check that coordinates lie in their image, and move those at most half a pixel outside to the border.

    Args:
        labels: The label set.
        sizes: (width, height) by image id. Images without a size are not checked.
        source: The file that the labels came from, for the messages.

    Returns:
        The label set, in which an x in ``[-1, -0.5)`` or ``[width - 0.5, width]`` is moved to the border pixel, and y
        likewise.

    Raises:
        ValueError: If a coordinate lies further outside. The message names the file, the image and the key.
    """
    unknown = (np.nan, np.nan)  # compares false with everything
    limits = np.array([sizes.get(key, unknown) for key in labels.images], dtype=np.float64).reshape(-1, 2)
    images = dict(labels.images)
    keys = list(images)
    for key in (keys[index] for index in np.flatnonzero(beyond_the_edge(labels, limits, source)).tolist()):
        images[key] = replace(images[key], annotations=clipped(images[key].annotations, sizes[key]))
    return replace(labels, images=images)


def beyond_the_edge(labels: WeakLabelSet, limits: npt.NDArray[np.floating[Any]], source: str) -> BoolArray:
    """Return which images have a coordinate beyond their edge, by at most half a pixel, (N,).

    Args:
        labels: The label set.
        limits: (width, height) of its images, (N, 2), nan where unknown.
        source: The file that the labels came from, for the messages.

    Raises:
        ValueError: If a coordinate lies further outside. The message names the file, the image and the key.
    """
    moved = np.zeros(len(limits), dtype=np.bool_)
    for columns in columns_of_images(labels.images):
        for column in columns.places:
            image = columns.positions[column.image]
            xy, limit = column.values, limits[image]
            beyond = np.maximum(-0.5 - xy, xy - (limit - 0.5)).max(axis=1, initial=-np.inf)
            if (bad := beyond > TOLERANCE).any():
                (x, y), (width, height) = xy[bad.argmax()], limit[bad.argmax()]
                raise _fault(
                    columns, column, bad, labels, source,
                    f'({x:g}, {y:g}) lies outside the image, which is {width:g} x {height:g} pixels (width x height). '
                    'Coordinates are (x, y) in pixels of the original image, from 0. Check '
                    'that the labels were made on this size and that x and y are not swapped'
                    + ('; wsss convert --clip cuts boxes off at the edge' if column.kind == 'boxes' else ''),
                )  # fmt: skip
            moved[image[beyond >= 0]] = True
    return moved


def clip_boxes(labels: WeakLabelSet, sizes: Mapping[str, Size], report: ReadReport) -> WeakLabelSet:
    """Clip boxes at the edges of their image, and leave out boxes that are completely outside.

    Args:
        labels: The label set.
        sizes: (width, height) by image id. Images without a size are left as they are.
        report: Counts the boxes that were cut or left out.
    """
    images = dict(labels.images)
    for key, entry in labels.images.items():
        boxes, last = entry.annotations.boxes, np.array(sizes.get(key, (np.inf, np.inf)), dtype=np.float64) - 1
        clipped = boxes.reshape(-1, 2).clip(0, last).reshape(-1, 4)
        outside = (boxes[:, :2] > last + TOLERANCE).any(axis=1) | (boxes[:, 2:] < -TOLERANCE).any(axis=1)
        for index in np.flatnonzero(outside).tolist():
            report.leave_out('boxes outside of their image', f'box {index} of {entry.file_name}')
        for index in np.flatnonzero((clipped != boxes).any(axis=1) & ~outside).tolist():
            report.change('boxes cut off at the edge of their image', f'box {index} of {entry.file_name}')
        annotations = replace(
            entry.annotations, boxes=clipped[~outside], box_labels=entry.annotations.box_labels[~outside]
        )
        images[key] = replace(entry, annotations=annotations)
    return replace(labels, images=images)


def clipped(annotations: WeakAnnotations, size: Size) -> WeakAnnotations:
    """Return labels whose coordinates are moved to the border of the image if they lie outside."""
    last = np.array(size, dtype=np.float64) - 1
    return replace(
        annotations,
        points=annotations.points.clip(0, last),
        polylines=tuple(line.clip(0, last) for line in annotations.polylines),
        boxes=annotations.boxes.reshape(-1, 2).clip(0, last).reshape(-1, 4),
    )


def _fault(
    columns: LabelColumns, column: Column, bad: BoolArray, labels: WeakLabelSet, source: str, explanation: str
) -> ValueError:
    """The error for the first bad row; it also states the number of other entries with the same problem."""
    row = int(bad.argmax())
    key = next(islice(labels.images, int(columns.positions[column.image[row]]), None))
    others = len(set(zip(column.image[bad].tolist(), column.item[bad].tolist(), strict=True))) - 1
    more = f' ({others} more {column.kind} have this fault.)' if others else ''
    return ValueError(f'{source}: image {key!r}, {column.kind}[{column.item[row]}]: {explanation}.{more}')
