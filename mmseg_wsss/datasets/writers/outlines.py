"""Convert masks to outlines, in the order in which painting them restores the mask."""

from __future__ import annotations

from typing import NamedTuple

import cv2
import numpy as np
import numpy.typing as npt
from scipy import ndimage
from skimage.measure import find_contours, label

from .._regions import Mask

MAX_CHANGE = 0.1
"""Outlines whose area would change by a larger share, which are those of a few pixels, keep all vertices."""
Ring = npt.NDArray[np.float64]


class Outline(NamedTuple):
    """The outline of one connected area: the value of its pixels, and its vertices (x, y), the first one once."""

    value: int
    ring: Ring


def area_outlines(mask: Mask, *, tolerance: float = 0.4, min_area: int = 1) -> tuple[list[Outline], int]:
    """Return the outer outlines of all areas of a mask, larger ones first.

    Polygons of most annotation tools have no holes. A hole is a separate area, which comes later, so it is
    painted over the area around it. Areas of the background (0) that reach the edge of the image are left out, because
    nothing is painted there. A mask with only background is one outline.

    Args:
        mask: Class ids, (H, W); 0 is the background.
        tolerance: Largest distance of an outline from that of the area, in pixels; 0 keeps every pixel.
        min_area: Areas with fewer pixels are left out, and get the value of the area around them.

    Returns:
        The outlines, measured from the edge of the image (pixel i covers [i, i + 1)), and the number of areas that were
        left out.

    Example:
        >>> outlines, _ = area_outlines(np.pad(np.ones((1, 2), int), 1))
        >>> outlines[0].value, outlines[0].ring.min(axis=0).tolist(), outlines[0].ring.max(axis=0).tolist()
        (1, [1.0, 1.0], [3.0, 2.0])
    """
    height, width = mask.shape
    parts = label(mask.astype(np.int32), connectivity=1, background=-1)  # type: ignore[no-untyped-call]
    found: list[tuple[float, Outline]] = []
    small = 0
    for index, (rows, columns) in enumerate(ndimage.find_objects(parts), start=1):
        inside = parts[rows, columns] == index
        value = int(mask[rows, columns][inside][0])
        if value == 0 and (min(rows.start, columns.start) == 0 or rows.stop == height or columns.stop == width):
            continue
        if inside.sum() < min_area:
            small += 1
            continue
        exact = _outer_ring(inside)
        ring = _simplified(exact, tolerance) + np.array([columns.start, rows.start])
        found.append((_ring_area(exact), Outline(value, ring)))
    if not found and not small:
        corners = np.array([(0, 0), (width, 0), (width, height), (0, height)], dtype=np.float64)
        return [Outline(0, corners)], 0
    return [outline for _, outline in sorted(found, key=lambda item: -item[0])], small


def _outer_ring(inside: npt.NDArray[np.bool_]) -> Ring:
    """The outer outline of one area, (x, y) from the edge of its window, with its corners cut."""
    padded = np.pad(inside, 1).astype(np.float64)
    rings = find_contours(padded, 0.5, fully_connected='low')  # type: ignore[no-untyped-call]
    return max((ring[:, ::-1] - 0.5 for ring in rings), key=_ring_area)


def _simplified(ring: Ring, tolerance: float) -> Ring:
    """Simplify a closed ring, without repeating the first vertex; it keeps all vertices if its area would change."""
    open_ring = ring[:-1]
    if tolerance == 0:
        return open_ring
    simple: Ring = cv2.approxPolyDP(open_ring.astype(np.float32), tolerance, True)[:, 0].astype(np.float64)
    area = _ring_area(ring)
    return simple if abs(_ring_area(simple) - area) <= MAX_CHANGE * area else open_ring


def _ring_area(ring: Ring) -> float:
    x, y = ring.T
    return abs(float(np.sum(x * np.roll(y, -1) - y * np.roll(x, -1)))) / 2
