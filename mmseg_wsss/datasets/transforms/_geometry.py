"""The one matrix that geometric transforms multiply.

``results['homography_matrix']`` (3 x 3) maps the original to the current image in edge coordinates: pixel i covers
[i, i + 1).
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
