"""The one matrix that geometric transforms multiply, and the frames that cut the image on its way.

``results['homography_matrix']`` (3 x 3) maps the original to the current image in edge coordinates: pixel i covers
[i, i + 1). ``results['weak_frames']`` lists (matrix, (height, width)) after each step. What a crop cut off does not
come back when a later rotation turns its place into the picture, so a pixel has an image behind it only if it lies
inside every frame.
"""

from typing import Any

import numpy as np
import numpy.typing as npt

Matrix = npt.NDArray[np.float64]


def multiply(results: dict[str, Any], matrix: Matrix) -> None:
    """Put one more geometric step behind those that the sample has been through.

    Raises:
        ValueError: If the labels were not loaded before.
    """
    if 'homography_matrix' not in results:
        raise ValueError('no homography_matrix in the sample: put LoadWeakAnnotations before the geometric transforms')
    results['homography_matrix'] = matrix @ results['homography_matrix']
    add_frame(results, results['img'].shape[:2])


def add_frame(results: dict[str, Any], size: tuple[int, int]) -> None:
    """Note that the image now ends at (height, width)."""
    results.setdefault('weak_frames', []).append((results['homography_matrix'], size))


def inside_all_frames(results: dict[str, Any], points: Matrix, tolerance: float = 0.0) -> npt.NDArray[np.bool_]:
    """Return which points of the original image, (N, 2), no step cut off."""
    inside = np.ones(len(points), dtype=bool)
    for matrix, (height, width) in results['weak_frames']:
        x, y = apply(matrix, points).T
        inside &= (x >= -tolerance) & (x < width + tolerance) & (y >= -tolerance) & (y < height + tolerance)
    return inside


def scaling(x: float, y: float) -> Matrix:
    """Return the matrix of a scaling."""
    return np.diag([x, y, 1.0])


def translation(x: float, y: float) -> Matrix:
    """Return the matrix of a translation."""
    matrix = np.eye(3)
    matrix[:2, 2] = x, y
    return matrix


def apply(matrix: Matrix, points: npt.NDArray[np.floating]) -> Matrix:
    """Map points, (N, 2) as (x, y)."""
    return points @ matrix[:2, :2].T + matrix[:2, 2]
