"""The matrix that geometric transforms multiply, and the frames that crop the image.

``results['homography_matrix']`` (3 x 3) maps the original to the current image in edge coordinates: pixel i covers
[i, i + 1). ``results['weak_frames']`` lists (matrix, (height, width)) after each step. A part that a crop has removed
does not come back when a later rotation moves its place into the picture, so a pixel belongs to the image only if it
lies inside every frame.
"""

from typing import Any

import numpy as np
import numpy.typing as npt

from ...structures.sample import ImageSize, Matrix, Sample, moved

Places = npt.NDArray[np.floating[Any]]


def multiply(results: Sample, matrix: Matrix) -> None:
    """Append a geometric step to the previous steps of the sample.

    Raises:
        ValueError: If the labels have not been loaded.
    """
    if 'homography_matrix' not in results:
        raise ValueError('no homography_matrix in the sample: put LoadWeakAnnotations before the geometric transforms')
    results['homography_matrix'] = matrix @ results['homography_matrix']
    height, width = results['img'].shape[:2]
    add_frame(results, (height, width))


def add_frame(results: Sample, size: ImageSize) -> None:
    """Record that the image now ends at (height, width)."""
    results.setdefault('weak_frames', []).append((results['homography_matrix'], size))


def check_unmoved(results: Sample, transform: str) -> None:
    """Raise an error if a transform that reads a picture of the original image comes after the image has moved.

    Raises:
        ValueError: If the image has moved; the message names the transform and its place.
    """
    if moved(results):
        raise ValueError(
            f'{transform} reads a picture of the original image: put it after LoadWeakAnnotations and before the first '
            'transform that moves the image'
        )


def inside_all_frames(
    results: Sample, x: Places, y: Places, *, origin: Matrix | None = None, tolerance: float = 0.0
) -> npt.NDArray[np.bool_]:
    """Return the positions that no step has cut off.

    Args:
        results: The sample, with ``weak_frames``.
        x: Columns in edge coordinates; ``x`` and ``y`` broadcast.
        y: Rows.
        origin: The matrix from (x, y) to the original image; None means positions in the original image.
        tolerance: Distance outside, in pixels, up to which positions still count.
    """
    inside = np.ones(np.broadcast_shapes(x.shape, y.shape), dtype=bool)
    for matrix, (height, width) in results['weak_frames']:
        u, v = _map(matrix if origin is None else matrix @ origin, x, y)
        inside &= (u >= -tolerance) & (u < width + tolerance) & (v >= -tolerance) & (v < height + tolerance)
    return inside


def scaling(x: float, y: float) -> Matrix:
    """Return the matrix of a scaling."""
    return np.diag([x, y, 1.0])


def translation(x: float, y: float) -> Matrix:
    """Return the matrix of a translation."""
    matrix = np.eye(3)
    matrix[:2, 2] = x, y
    return matrix


def apply(matrix: Matrix, points: Places) -> Matrix:
    """Map points, (N, 2) as (x, y)."""
    return np.stack(_map(matrix, *points.T), axis=-1)


def box_corners(boxes: Places, matrix: Matrix) -> Matrix:
    """Return the four mapped corners of each box in edge coordinates, (K, 4, 2)."""
    x1, y1, x2, y2 = boxes.T
    right, bottom = x2 + 1, y2 + 1
    corners = np.stack([x1, y1, right, y1, right, bottom, x1, bottom], axis=1).reshape(-1, 2)
    return apply(matrix, corners).reshape(-1, 4, 2)


def _map(matrix: Matrix, x: Places, y: Places) -> tuple[Matrix, Matrix]:
    (a, b, c), (d, e, f) = matrix[:2]
    return a * x + b * y + c, d * x + e * y + f
