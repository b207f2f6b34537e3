"""Propagation of class scores between similar pixels.

Shape letters: C classes, H x W the grid, N = H W pixels, P pairs per pixel, see :mod:`.affinity`.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt
from scipy import sparse

from .affinity import pair_offsets
from .checks import check_positive

Array = npt.NDArray[Any]


def random_walk(scores: Array, affinity: Array, *, radius: int = 5, beta: float = 8.0, log2_steps: int = 6) -> Array:
    r"""Propagate scores between similar pixels by a random walk (Ahn and Kwak, CVPR 2018, eq. 10 and 11).

    .. math::
        M^* = M\, T^t, \qquad T_{ij} = \frac{W_{ij}^\beta}{\sum_k W_{kj}^\beta}, \quad W_{ii} = 1, \quad
        t = 2^{\text{log2\_steps}}

    for the scores M, (C, N). Each step replaces the score of a pixel by the weighted mean of those around it, so a
    constant stays unchanged and scores stay in the range of their channel.

    The published code squares T, which needs a dense (N, N) matrix. Here the scores are multiplied t times by the
    sparse T of at most (2 P + 1) N numbers; the results are the same.

    Differs from the published code: pairs reach up to the borders, see :func:`affinity_loss`.

    Args:
        scores: Class scores, (C, H, W).
        affinity: W of the pairs, (P, H, W) in [0, 1], laid out like :func:`affinities`.
        radius: Radius of the pairs.
        beta: Power of the affinities: the larger, the less is propagated across an edge.
        log2_steps: Binary logarithm of the number of steps; 6 means 64 steps.

    Returns:
        The scores after the walk, (C, H, W).

    Raises:
        ValueError: If shapes do not match, or a setting or an affinity is out of range.

    Example:
        >>> import numpy as np
        >>> affinity = np.zeros((4, 1, 3))
        >>> affinity[0, 0] = 1, 0, 0  # the first two pixels are similar, the third is different
        >>> random_walk(np.array([[[1.0, 0.0, 0.0]]]), affinity, radius=2)[0, 0].tolist()
        [0.5, 0.5, 0.0]
    """
    scores = np.asarray(scores, dtype=np.float64)
    if scores.ndim != 3 or 0 in scores.shape[1:]:
        raise ValueError(f'scores must have the shape (C, H, W) with no empty grid, got {scores.shape}')
    check_log2_steps(log2_steps, 'log2_steps')
    expected = (len(pair_offsets(radius)), *scores.shape[1:])
    if np.shape(affinity) != expected:
        raise ValueError(f'affinity must have the shape (P, H, W) = {expected}, got {np.shape(affinity)}')
    # Row j of the transposed T contains the weights by which pixel j averages the others.
    matrix = transition_matrix(affinity, radius=radius, beta=beta).T.tocsr()
    columns = np.ascontiguousarray(scores.reshape(len(scores), matrix.shape[0]).T)
    for _ in range(2**log2_steps):
        columns = matrix @ columns
    return columns.T.reshape(scores.shape)


def check_log2_steps(value: Any, name: str) -> None:
    """Raise unless ``value`` is a valid number of doublings of the steps."""
    if isinstance(value, bool) or not isinstance(value, int) or not 0 <= value <= 16:
        raise ValueError(f'{name} must be an integer from 0 to 16, got {value!r}')


def transition_matrix(affinity: Array, *, radius: int = 5, beta: float = 8.0) -> sparse.csr_matrix:
    """Return T of :func:`random_walk`, (N, N), whose columns sum to 1.

    Args:
        affinity: W of the pairs, (P, H, W) in [0, 1].
        radius: Radius of the pairs.
        beta: Power of the affinities.

    Raises:
        ValueError: If the shape, a setting or an affinity is out of range.
    """
    beta = check_positive(beta, 'beta')
    offsets = pair_offsets(radius)
    weights = np.asarray(affinity, dtype=np.float64)
    if weights.ndim != 3 or len(weights) != len(offsets):
        raise ValueError(f'affinity must have the shape (P, H, W), P = {len(offsets)}, got {weights.shape}')
    if not ((weights >= 0) & (weights <= 1)).all():
        raise ValueError(f'affinity must be in [0, 1], got {weights.min()}..{weights.max()}')
    height, width = weights.shape[1:]
    places = np.arange(height * width).reshape(height, width)
    rows, columns, values = [places.ravel()], [places.ravel()], [np.ones(height * width)]
    for (y, x), weight in zip(offsets, weights, strict=True):
        if y >= height or abs(x) >= width:
            continue
        inside = slice(0, height - y), slice(max(0, -x), width - max(0, x))
        there = slice(y, height), slice(max(0, x), width - max(0, -x))
        ends = places[inside].ravel(), places[there].ravel()
        rows += ends
        columns += ends[::-1]
        values += [weight[inside].ravel() ** beta] * 2
    matrix = sparse.csr_matrix(
        (np.concatenate(values), (np.concatenate(rows), np.concatenate(columns))), shape=(places.size, places.size)
    )
    return (matrix @ sparse.diags(1 / np.asarray(matrix.sum(axis=0)).ravel())).tocsr()
