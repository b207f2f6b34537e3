"""Boundaries of masks, and how well the boundaries of two masks match.

The counts behind the contour accuracy of Jonnarth, Felsberg: "Importance Sampling CAMs for Weakly-Supervised
Segmentation", 2022, after Perazzi et al.: "A Benchmark Dataset and Evaluation Methodology for Video Object
Segmentation", CVPR 2016. Shape letters: H x W pixels, K classes.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from numbers import Real
from typing import Any

import numpy as np
import numpy.typing as npt
from scipy.spatial import KDTree

Counts = npt.NDArray[np.int64]


def boundary_matches(pred: npt.ArrayLike, target: npt.ArrayLike, *, bound: float = 0.008) -> tuple[int, int, int, int]:
    """Count the boundary pixels of two masks, and those that are near a boundary pixel of the other mask.

    A boundary pixel differs from its right, lower or lower-right neighbour; in the last row and column only the one
    neighbour that exists counts, and the corner pixel never is a boundary pixel. Near means within a disk of radius
    ceil(bound * diagonal); the diagonal is sqrt(H^2 + W^2). The sums of these counts over the images of a data set
    give precision (first over third) and recall (second over fourth).

    Args:
        pred: Predicted mask of zeros and ones, (H, W).
        target: True mask, in the same form.
        bound: Radius as a fraction of the diagonal, in [0, 1].

    Returns:
        ``(pred_matches, target_matches, num_pred, num_target)``: boundary pixels of ``pred`` near the boundary of
        ``target``, those of ``target`` near that of ``pred``, all of ``pred`` and all of ``target``.

    Raises:
        TypeError: If ``bound`` is not a number.
        ValueError: If a mask has a wrong shape or other values, or ``bound`` is out of range.

    Example:
        >>> pred, target = np.zeros((2, 40, 60), dtype=bool)
        >>> pred[:, :20] = target[:, :22] = True
        >>> boundary_matches(pred, target), boundary_matches(pred, target, bound=0.03)
        ((0, 0, 40, 40), (40, 40, 40, 40))
    """
    first, second = _as_mask(pred, 'pred'), _as_mask(target, 'target')
    if first.shape != second.shape:
        raise ValueError(f'pred and target must have the same size, got {first.shape} and {second.shape}')
    radius = math.ceil(check_bound(bound) * math.hypot(*first.shape))
    pred_pixels, target_pixels = (np.argwhere(_boundary(mask)) for mask in (first, second))
    return (
        _count_near(pred_pixels, target_pixels, radius),
        _count_near(target_pixels, pred_pixels, radius),
        len(pred_pixels),
        len(target_pixels),
    )


def count_contours(
    pred: npt.NDArray[Any], target: npt.NDArray[Any], classes: Sequence[int], *, bound: float = 0.008
) -> Counts:
    """Return the four counts of :func:`boundary_matches` for some classes of two label maps.

    Args:
        pred: Predicted class ids, (H, W).
        target: True class ids, (H, W); unlabelled pixels are not part of any class.
        classes: Ids of the K classes to count.
        bound: Same as in :func:`boundary_matches`.

    Returns:
        Counts, (K, 4) int64, 0 for a class that is in neither map. The counts of several images may be added.

    Example:
        >>> pred = np.array([[0, 1, 1, 0]])
        >>> count_contours(pred, np.array([[0, 1, 0, 0]]), [1, 2], bound=0.0).tolist()
        [[1, 1, 2, 2], [0, 0, 0, 0]]
    """
    there = {*np.unique(pred).tolist(), *np.unique(target).tolist()}
    counts = [boundary_matches(pred == c, target == c, bound=bound) if c in there else (0, 0, 0, 0) for c in classes]
    return np.array(counts, dtype=np.int64).reshape(-1, 4)


def contour_scores(counts: Counts, *, absent_score: float | None = 1.0) -> npt.NDArray[np.float64]:
    r"""Return the contour accuracy of each class.

    .. math:: P = \frac{matches_{pred}}{num_{pred}}, \quad R = \frac{matches_{target}}{num_{target}}, \quad
        F = \frac{2 P R}{P + R}

    A class without predicted contours has P = 1 and one without true contours has R = 1, so F = 0 if only one of the
    two is missing.

    Args:
        counts: Counts of :func:`count_contours`, summed over the images, (K, 4).
        absent_score: F, P and R, in [0, 1], of a class without any contour; None means NaN.

    Returns:
        F, P and R, (3, K), in [0, 1].

    Example:
        >>> contour_scores(np.array([[30, 8, 40, 10]])).round(3).tolist()
        [[0.774], [0.75], [0.8]]
    """
    pred_matches, target_matches, num_pred, num_target = counts.T.astype(np.float64)
    precision = np.where(num_pred > 0, pred_matches / np.maximum(num_pred, 1), 1)
    recall = np.where(num_target > 0, target_matches / np.maximum(num_target, 1), 1)
    # A class that only one of the two contains: there are no matches, and P and R are 0 and 1.
    total = precision + recall
    f_score = np.where(total > 0, 2 * precision * recall / np.where(total > 0, total, 1), 0)
    scores = np.stack([f_score, precision, recall])
    scores[:, (num_pred == 0) & (num_target == 0)] = np.nan if absent_score is None else absent_score
    return scores


def check_bound(bound: Any) -> float:
    """Return ``bound`` as a float; raise unless it is a fraction of the diagonal."""
    if isinstance(bound, bool) or not isinstance(bound, Real):
        raise TypeError(f'bound must be a number in [0, 1], got {bound!r}')
    if not 0 <= float(bound) <= 1:
        raise ValueError(f'bound is a fraction of the diagonal, in [0, 1], got {bound}; the usual value is 0.008')
    return float(bound)


def _as_mask(value: npt.ArrayLike, name: str) -> npt.NDArray[np.bool_]:
    array = np.asarray(value)
    if array.ndim != 2:
        raise ValueError(f'{name} must be a mask (H, W), got the shape {array.shape}')
    mask = array.astype(bool)
    if not np.array_equal(mask, array):
        raise ValueError(
            f'{name} must hold zeros and ones, got values from {array.min()} to {array.max()}; take one class at a '
            'time: labels == class_id'
        )
    return mask


def _boundary(mask: npt.NDArray[np.bool_]) -> npt.NDArray[np.bool_]:
    boundary = np.zeros_like(mask)
    boundary[:, :-1] |= mask[:, :-1] != mask[:, 1:]
    boundary[:-1] |= mask[:-1] != mask[1:]
    boundary[:-1, :-1] |= mask[:-1, :-1] != mask[1:, 1:]
    return boundary


def _count_near(pixels: npt.NDArray[np.intp], others: npt.NDArray[np.intp], radius: int) -> int:
    """Count the pixels (n, 2) that have one of the others (m, 2) within the radius."""
    if not len(pixels) or not len(others):
        return 0
    distances, _ = KDTree(others).query(pixels)
    return int((distances <= radius).sum())
