"""Weak labels made from full masks: what an annotator might have clicked, drawn or ticked.

All functions are pure: they take a mask (H, W) of class ids and a numpy ``Generator`` and return coordinates. An
*object* is an 8-connected component of a foreground class, or one id of an instance map.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence

import numpy as np

from ..structures import WeakAnnotations
from ..structures.weak_annotations import IntArray
from ._regions import Mask, Region, central_pixel, find_regions, inner_pixels, middle_line

KINDS = ('points', 'scribbles', 'boxes', 'tags')
POINT_RULES = ('objects', 'box-centres')
CLICK_RULES = ('first', 'random')


def simulate_clicks(
    mask: Mask,
    rng: np.random.Generator,
    *,
    num_per_object: int = 1,
    num_background: int | None = None,
    jitter: float = 0.5,
    instances: Mask | None = None,
    min_area: int = 1,
    ignore_index: int = 255,
) -> WeakAnnotations:
    """Click on every object, and on the background.

    Args:
        mask: Class ids, (H, W).
        rng: Source of randomness.
        num_per_object: Clicks per object.
        num_background: Clicks on the background; None means as many as on objects, but at least one.
        jitter: How far a click may be from the middle of its object, in [0, 1]: it falls on a pixel whose distance to
            the border is at least ``1 - jitter`` of the largest. 0 means the innermost pixel, 1 any pixel. Background
            clicks fall anywhere on the background.
        instances: Instance ids, (H, W), or None for connected components.
        min_area: Objects with fewer pixels get no click.
        ignore_index: The value of unlabelled pixels.
    """
    _check_fraction('jitter', jitter)
    points: list[tuple[int, int]] = []
    labels: list[int] = []
    for region in find_regions(mask, instances=instances, min_area=min_area, ignore_index=ignore_index):
        points += inner_pixels(region, rng, num_per_object, jitter)
        labels += [region.label] * num_per_object
    rows, columns = np.nonzero((mask == 0) & (mask != ignore_index))
    wanted = max(1, len(points)) if num_background is None else num_background
    for index in rng.choice(len(rows), size=min(wanted, len(rows)), replace=False) if len(rows) else ():
        points.append((int(columns[index]), int(rows[index])))
        labels.append(0)
    return WeakAnnotations(points=np.array(points, dtype=np.float64), point_labels=np.array(labels, dtype=np.int64))


def simulate_scribbles(
    mask: Mask,
    rng: np.random.Generator,
    *,
    length: float = 0.7,
    num_background: int | None = None,
    instances: Mask | None = None,
    min_area: int = 1,
    ignore_index: int = 255,
) -> WeakAnnotations:
    """Draw one line along the middle of every object, and of the largest background regions.

    The line is a random part of the longest path in the region's skeleton.

    Args:
        mask: Class ids, (H, W).
        rng: Source of randomness.
        length: Length of the line as a fraction of that path, in (0, 1].
        num_background: Maximum number of background regions that get a line, the largest first; None means the number
            of objects, but at least one.
        instances: Instance ids, (H, W), or None for connected components.
        min_area: Regions with fewer pixels get no line.
        ignore_index: The value of unlabelled pixels.
    """
    _check_fraction('length', length)
    objects = find_regions(mask, instances=instances, min_area=min_area, ignore_index=ignore_index)
    background = find_regions(mask, background=True, min_area=min_area, ignore_index=ignore_index)
    background.sort(key=lambda region: -int(region.mask.sum()))
    wanted = max(1, len(objects)) if num_background is None else num_background
    regions = [*objects, *background[:wanted]]
    lines = tuple(middle_line(region, rng, length) for region in regions)
    return WeakAnnotations(polylines=lines, polyline_labels=_labels_of(regions))


def simulate_boxes(
    mask: Mask,
    rng: np.random.Generator,
    *,
    jitter: float = 0.0,
    instances: Mask | None = None,
    min_area: int = 1,
    ignore_index: int = 255,
) -> WeakAnnotations:
    """Draw the tight box of every object.

    Args:
        mask: Class ids, (H, W).
        rng: Source of randomness.
        jitter: Maximum shift of every side, inwards or outwards, as a fraction of the box's width or height, in
            [0, 0.5). Boxes stay inside the image.
        instances: Instance ids, (H, W), or None for connected components.
        min_area: Objects with fewer pixels get no box.
        ignore_index: The value of unlabelled pixels.
    """
    if not 0 <= jitter < 0.5:
        raise ValueError(f'jitter must lie in [0, 0.5), otherwise corners could swap; got {jitter}')
    regions = find_regions(mask, instances=instances, min_area=min_area, ignore_index=ignore_index)
    last = np.array([mask.shape[1], mask.shape[0]]) - 1
    boxes = []
    for region in regions:
        first = np.array(region.corner)
        extent = np.array(region.mask.shape[::-1]) - 1
        shift = rng.uniform(-jitter, jitter, size=(2, 2)) * (extent + 1)
        low, high = np.rint(first + shift[0]), np.rint(first + extent + shift[1])
        boxes.append(np.concatenate([low.clip(0, last), np.maximum(low, high).clip(0, last)]))
    return WeakAnnotations(boxes=np.array(boxes, dtype=np.float64), box_labels=_labels_of(regions))


def points_from_boxes(
    boxes: WeakAnnotations, size: tuple[int, int], rng: np.random.Generator, *, num_background: int = 4
) -> WeakAnnotations:
    """Click on the centre of every box, and outside of all boxes: the points of PMP (Akiva and Dana, 2021) on VOC.

    A centre need not lie on its object. If the boxes cover the whole image, there are no background points.

    Args:
        boxes: Labels with boxes; other kinds of labels are ignored.
        size: (height, width) of the image.
        rng: Source of randomness.
        num_background: Background points per box, drawn uniformly without replacement from the pixels outside of all
            boxes.

    Raises:
        ValueError: If ``num_background`` is below 0.
    """
    if num_background < 0:
        raise ValueError(f'num_background must not be negative, got {num_background}')
    last = np.array(size[::-1]) - 1
    centres = np.floor((boxes.boxes[:, :2] + boxes.boxes[:, 2:] + 1) / 2).clip(0, last)
    free = np.ones(size, dtype=bool)
    for x1, y1, x2, y2 in boxes.boxes:
        free[max(0, math.floor(y1)) : math.ceil(y2) + 1, max(0, math.floor(x1)) : math.ceil(x2) + 1] = False
    rows, columns = np.nonzero(free)
    wanted = min(num_background * len(centres), len(rows))
    chosen = rng.choice(len(rows), wanted, replace=False) if len(rows) else np.zeros(0, dtype=np.int64)
    background = np.stack([columns[chosen], rows[chosen]], axis=1).reshape(-1, 2)
    return WeakAnnotations(
        points=np.concatenate([centres, background]),
        point_labels=np.concatenate([boxes.box_labels, np.zeros(len(background), dtype=np.int64)]),
    )


def simulate_tags(mask: Mask, *, min_area: int = 1, ignore_index: int = 255) -> WeakAnnotations:
    """Return the foreground classes that have at least ``min_area`` pixels."""
    ids, counts = np.unique(mask, return_counts=True)
    kept = (ids != 0) & (ids != ignore_index) & (counts >= min_area)
    return WeakAnnotations(tags=tuple(ids[kept].tolist()))


def simulate_weak_annotations(
    mask: Mask,
    rng: np.random.Generator,
    *,
    kinds: Sequence[str],
    num_classes: int,
    ignore_index: int = 255,
    instances: Mask | None = None,
    num_per_object: int = 1,
    jitter: float = 0.5,
    length: float = 0.7,
    min_area: int = 1,
    points: str = 'objects',
) -> WeakAnnotations:
    """Return weak labels of several kinds for one mask.

    Args:
        mask: Class ids, (H, W).
        rng: Source of randomness.
        kinds: Some of ``points``, ``scribbles``, ``boxes``, ``tags``.
        num_classes: Number of classes; the mask must not contain other ids.
        ignore_index: The value of unlabelled pixels.
        instances: Instance ids, (H, W), or None for connected components.
        num_per_object: Clicks per object.
        jitter: Jitter of the clicks, see :func:`simulate_clicks`. Boxes are tight.
        length: Length of the scribbles, see :func:`simulate_scribbles`.
        min_area: Objects with fewer pixels are left out.
        points: Where clicks fall: ``'objects'``, see :func:`simulate_clicks`, or ``'box-centres'``, one per object,
            see :func:`points_from_boxes`.

    Raises:
        ValueError: If a kind or a rule for points is unknown or the mask has a value that is not a class id.

    Example:
        >>> mask = np.zeros((8, 8), dtype=np.uint8)
        >>> mask[2:5, 2:5] = 1
        >>> simulate_weak_annotations(mask, np.random.default_rng(0), kinds=['boxes'], num_classes=2).boxes
        array([[2., 2., 4., 4.]])
    """
    unknown = [kind for kind in kinds if kind not in KINDS]
    if unknown or not kinds:
        raise ValueError(f'kinds must be some of {", ".join(KINDS)}, got {list(kinds)}')
    wrong = [value for value in np.unique(mask).tolist() if not 0 <= value < num_classes and value != ignore_index]
    if wrong:
        raise ValueError(
            f'the mask holds the values {wrong[:8]}, which are neither ids of the {num_classes} classes '
            f'(0..{num_classes - 1}) nor {ignore_index} (unlabelled: ignore_index, --ignore-index)'
        )
    if points not in POINT_RULES:
        raise ValueError(f'points must be one of {", ".join(POINT_RULES)}, got {points!r}')
    shared = {'min_area': min_area, 'ignore_index': ignore_index}
    height, width = mask.shape
    simulators: dict[str, Callable[[], WeakAnnotations]] = {
        'points': lambda: (
            points_from_boxes(simulate_boxes(mask, rng, instances=instances, **shared), (height, width), rng)
            if points == 'box-centres'
            else simulate_clicks(mask, rng, num_per_object=num_per_object, jitter=jitter, instances=instances, **shared)
        ),
        'scribbles': lambda: simulate_scribbles(mask, rng, length=length, instances=instances, **shared),
        'boxes': lambda: simulate_boxes(mask, rng, instances=instances, **shared),
        'tags': lambda: simulate_tags(mask, **shared),
    }
    annotations = WeakAnnotations()
    for kind in (kind for kind in KINDS if kind in kinds):
        annotations = annotations.merged(simulators[kind]())
    return annotations


def cityscapes_clicks(
    train_ids: Mask,
    instances: Mask | None,
    rng: np.random.Generator | None = None,
    *,
    rule: str = 'first',
    min_stuff_area: int = 256,
    nearest_fraction: float = 0.025,
    ignore_index: int = 255,
) -> WeakAnnotations:
    """One click per object of a street scene: the Cityscapes clicks of the Gated CRF paper (supplement 6.4).

    Every 8-connected component of an instance gets a click, and so does every component of the pixels without an
    instance that has at least ``min_stuff_area`` pixels. The click is the centroid if it lies on the object.
    Otherwise, with distances to the centroid from :math:`d_{min}` to :math:`d_{max}`, it is the nearest pixel of the
    object at a distance of :math:`d_{min} + f (d_{max} - d_{min})` or more, with ``nearest_fraction`` :math:`f`. No
    click is random. Class 0 is an ordinary class here (road).

    Args:
        train_ids: Train ids, (H, W).
        instances: ``*_instanceIds.png``, (H, W): values from 1000 name instances. None: components only.
        rng: Source of randomness, for ``rule='random'``.
        rule: ``'first'``, as above, or ``'random'``, for several sets of clicks: an instance with several parts is one
            object, and a click that cannot be the centroid is drawn from the ``nearest_fraction`` of the pixels.
        min_stuff_area: Smallest component without an instance that gets a click, in pixels.
        nearest_fraction: The fraction :math:`f` above, in (0, 1].
        ignore_index: The value of pixels that are not evaluated.

    Raises:
        ValueError: If the two maps differ in shape, the fraction is out of range, or the rule is unknown or is
            ``'random'`` without ``rng``.
    """
    _check_fraction('nearest_fraction', nearest_fraction)
    if rule not in CLICK_RULES or (rule == 'random' and rng is None):
        raise ValueError(f"rule must be one of {', '.join(CLICK_RULES)}, 'random' with an rng, got {rule!r}")
    if instances is not None and instances.shape != train_ids.shape:
        raise ValueError(f'train_ids and instances must have equal sizes, got {train_ids.shape} and {instances.shape}')
    things = (
        np.zeros_like(train_ids, dtype=np.int64) if instances is None else np.where(instances >= 1000, instances, 0)
    )
    shifted = np.where(train_ids == ignore_index, 0, train_ids.astype(np.int64) + 1)
    regions = find_regions(shifted, instances=things, split_instances=rule == 'first', ignore_index=-1)
    points, labels = [], []
    for region in regions:
        x, y = region.corner
        rows, columns = np.nonzero(region.mask)
        is_thing = things[rows[0] + y, columns[0] + x] > 0
        if not is_thing and len(rows) < min_stuff_area:
            continue
        points.append(central_pixel(region, nearest_fraction, rng if rule == 'random' else None))
        labels.append(region.label - 1)
    return WeakAnnotations(points=np.array(points, dtype=np.float64), point_labels=np.array(labels, dtype=np.int64))


def _labels_of(regions: Sequence[Region]) -> IntArray:
    return np.array([region.label for region in regions], dtype=np.int64)


def _check_fraction(name: str, value: float) -> None:
    low = '[0' if name == 'jitter' else '(0'
    if not (0 < value <= 1 or (value == 0 and name == 'jitter')):
        raise ValueError(f'{name} must lie in {low}, 1], got {value}')
