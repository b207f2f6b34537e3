"""Regions of a mask and points inside them, for the simulators of weak labels."""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
from scipy import ndimage
from skimage.graph import MCP_Geometric
from skimage.morphology import skeletonize

EIGHT_CONNECTED = np.ones((3, 3), dtype=bool)
Mask = npt.NDArray[np.integer]


class Region(NamedTuple):
    """A connected region: its class, its binary mask, and the position (x, y) of the mask's corner in the image."""

    label: int
    mask: npt.NDArray[np.bool_]
    corner: tuple[int, int]


def find_regions(
    mask: Mask,
    *,
    instances: Mask | None = None,
    split_instances: bool = False,
    background: bool = False,
    min_area: int = 1,
    ignore_index: int = 255,
) -> list[Region]:
    """Return the objects of a mask, or the connected regions of its background.

    Args:
        mask: Class ids, (H, W); 0 is the background.
        instances: Instance ids, (H, W), 0 if there is none; pixels without an instance are split into components.
        split_instances: Whether an instance that consists of several components counts as several objects.
        background: Return the regions of class 0 instead of the objects.
        min_area: Leave out regions with fewer pixels.
        ignore_index: The value of unlabelled pixels.

    Raises:
        ValueError: If the two maps differ in shape.
    """
    if mask.ndim != 2 or (instances is not None and instances.shape != mask.shape):
        shape = None if instances is None else instances.shape
        raise ValueError(f'mask and instances must be (H, W) of the same size, got {mask.shape} and {shape}')
    regions: list[Region] = []
    for label in np.unique(mask).tolist():
        if label == ignore_index or (label == 0) != background:
            continue
        region = mask == label
        if instances is not None and label != 0:
            ids = np.unique(instances[region & (instances != 0)])
            numbers = np.where(region & (instances != 0), np.searchsorted(ids, instances) + 1, 0)
            found = list(_cut(numbers, label, 1 if split_instances else min_area))
            regions += [part for whole in found for part in _components(whole, min_area)] if split_instances else found
            region = region & (instances == 0)
        regions += _cut(ndimage.label(region, structure=EIGHT_CONNECTED)[0], label, min_area)
    return regions


def small_objects(mask: Mask, min_area: int, *, instances: Mask | None = None, ignore_index: int = 255) -> list[Region]:
    """Return the objects with fewer than ``min_area`` pixels, which :func:`find_regions` leaves out."""
    regions = find_regions(mask, instances=instances, ignore_index=ignore_index)
    return [region for region in regions if region.mask.sum() < min_area]


def _cut(numbers: npt.NDArray[np.integer], label: int, min_area: int) -> Iterator[Region]:
    """Cut every numbered region (1, 2, ..) out of its bounding box."""
    for number, box in enumerate(ndimage.find_objects(numbers), start=1):
        if box is not None:
            mask = numbers[box] == number
            if mask.sum() >= min_area:
                yield Region(label, mask, (box[1].start, box[0].start))


def _components(region: Region, min_area: int) -> Iterator[Region]:
    """Yield the 8-connected components of a region."""
    x, y = region.corner
    for part in _cut(ndimage.label(region.mask, structure=EIGHT_CONNECTED)[0], region.label, min_area):
        yield Region(part.label, part.mask, (part.corner[0] + x, part.corner[1] + y))


def inner_pixels(region: Region, rng: np.random.Generator, count: int, jitter: float) -> list[tuple[int, int]]:
    """Draw pixels (x, y) at least ``1 - jitter`` times as deep inside the region as its deepest one."""
    depth = ndimage.distance_transform_edt(np.pad(region.mask, 1))[1:-1, 1:-1]
    rows, columns = np.nonzero(region.mask & (depth >= (1 - jitter) * depth.max()))
    chosen = rng.choice(len(rows), size=count, replace=count > len(rows))
    x, y = region.corner
    return [(int(columns[i]) + x, int(rows[i]) + y) for i in chosen]


def central_pixel(region: Region, fraction: float, rng: np.random.Generator | None = None) -> tuple[int, int]:
    """Return the centroid (x, y), or a pixel near it if it lies outside of the region.

    Args:
        region: The region.
        fraction: Without ``rng``: a position between the smallest and the largest distance to the centroid; the
            first pixel at this distance or more is returned. With ``rng``: the share of the nearest pixels that the
            pixel is drawn from.
        rng: Source of randomness, or None.
    """
    rows, columns = np.nonzero(region.mask)
    x, y = region.corner
    row, column = round(rows.mean() + y), round(columns.mean() + x)
    if region.mask[row - y, column - x]:
        return column, row
    # Computed from integers, so that pixels on both sides of the centroid have exactly equal distances.
    steps = [(len(axis) * axis - axis.sum()).astype(np.float64) for axis in (rows, columns)]
    distances = np.sqrt(steps[0] ** 2 + steps[1] ** 2)
    order = np.argsort(distances, kind='stable')
    if rng is None:
        nearest, farthest = distances.min(), distances.max()
        far_enough = distances[order] >= nearest + fraction * (farthest - nearest)
        chosen = order[far_enough.argmax()]
    else:
        chosen = rng.choice(order[: max(1, int(fraction * len(rows)))])
    return int(columns[chosen]) + x, int(rows[chosen]) + y


def middle_line(region: Region, rng: np.random.Generator, length: float) -> npt.NDArray[np.float64]:
    """Return a random part of the longest path through the skeleton as vertices (x, y), drawn along the skeleton."""
    skeleton = skeletonize(np.pad(region.mask, 1))[1:-1, 1:-1]
    costs = np.where(skeleton, 1.0, -1.0)
    start = _farthest(costs, tuple(np.argwhere(skeleton)[0]))[0]
    end, finder = _farthest(costs, start)
    path = np.array(finder.traceback(end), dtype=np.float64)
    kept = max(1, round(length * len(path)))
    offset = int(rng.integers(len(path) - kept + 1))
    line: npt.NDArray[np.float64] = _corners(path[offset : offset + kept])[:, ::-1] + np.array(region.corner)
    return line


def _corners(path: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    """Keep both ends of a path of neighbouring pixels and its turns, which draw the same pixels."""
    turns = (np.diff(path, n=2, axis=0) != 0).any(axis=1)
    kept = np.concatenate([[True], turns, [True]])[: len(path)]
    corners: npt.NDArray[np.float64] = path[kept]
    return corners


def _farthest(costs: npt.NDArray[np.float64], start: tuple[int, int]) -> tuple[tuple[int, int], MCP_Geometric]:
    finder = MCP_Geometric(costs)
    distances, _ = finder.find_costs([start])
    distances = np.where(np.isfinite(distances), distances, -1)
    row, column = np.unravel_index(int(distances.argmax()), distances.shape)
    return (int(row), int(column)), finder
