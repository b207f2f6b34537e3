r"""Feature similarity loss in tiles of pairs: value and gradient in closed form, in one pass.

With :math:`A_{ij} = w_{ij} f_{ij}`, which is symmetric, the sums :math:`s_i = \sum_j A_{ij} (a_i - a_j)` give both: the
loss is :math:`-\frac1D \sum_i \langle a_i, s_i \rangle` and its gradient :math:`-\frac2D s_i`. Every pair of lines is
visited once. The tangent is a fraction, with :math:`r = (\delta + \epsilon) / (1 - \delta + \epsilon)`:

.. math::
    f = \tanh(\mu + \log r) = 1 - \frac{2}{q}, \qquad
    \frac{\partial f}{\partial \mu} = 1 - f^2 = \frac4q \left(1 - \frac1q\right), \qquad q = 1 + e^{2 \mu} r^2, \qquad
    \frac{\partial w}{\partial \sigma} = w \left(\frac{d^2}{\sigma^3} - \frac2\sigma\right)

Shape letters: B images at a time, K classes, H x W the grid; of a tile: n pixels of a few lines, m pixels of the same
lines or of later ones.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Iterator
from typing import Any, NamedTuple

import torch
from torch import Tensor

from ..functional.feature_similarity import EPS, SimilarityInputs, prepare_inputs
from ._autograd import scale_gradients
from .dispatch import require_backend

# Number of pairs in one tile, chosen for the cache of a CPU core and for the occupancy of a GPU.
_CPU_PAIRS = 2**16
_GPU_PAIRS = 2**24
# Beyond this value, f is exactly 1 or -1 even in float64, and exp(mu) is finite in float32.
_LARGEST_MU = 40.0


class _Tile(NamedTuple):
    """Pairs of the pixels ``here`` and ``there`` of a few images; both are slices of lines and columns."""

    here: tuple[slice, slice]
    there: tuple[slice, slice]

    @property
    def both_ways(self) -> bool:
        """Whether the tile contains every pair in both orders."""
        return self.here[0] == self.there[0]

    def take_here(self, field: Tensor) -> Tensor:
        """Return (B, c, H, W) as (B, c, n)."""
        return field[(..., *self.here)].flatten(2)

    def take_there(self, field: Tensor) -> Tensor:
        """Return (B, c, H, W) as (B, c, m)."""
        return field[(..., *self.there)].flatten(2)

    def add_here(self, field: Tensor, values: Tensor) -> None:
        """Add (B, c, n) to (B, c, H, W)."""
        window = field[(..., *self.here)]
        window += values.view_as(window)

    def add_there(self, field: Tensor, values: Tensor) -> None:
        """Add (B, c, m) to (B, c, H, W)."""
        window = field[(..., *self.there)]
        window += values.view_as(window)


def feature_similarity_loss(
    probs: Tensor,
    image: Tensor,
    *,
    mu: float | Tensor = 2.5,
    sigma: float | Tensor = 5.0,
    radius: float | None = None,
    normalise: str = 'pixels',
    mask: Tensor | None = None,
    backend: str = 'auto',
) -> Tensor:
    """Compute :func:`mmseg_wsss.functional.feature_similarity_loss` fast and with little memory.

    In addition to ``probs``, one tensor of its size, in float32 at least, is kept for the backward pass. Second
    derivatives and ``torch.func.grad`` are not supported: use ``backward``.

    Args:
        probs: Same as in the reference.
        image: Same as in the reference.
        mu: Same as in the reference. Its gradient takes about half the time again.
        sigma: Same as in the reference. Its gradient takes about half the time again.
        radius: Same as in the reference. A smaller radius takes less time, down to a few operations per line of
            pixels: on a CPU at 56 x 56, radius 20 takes 0.6 of the time of all pairs, 10 takes 0.4 and 5 takes 0.3.
        normalise: Same as in the reference.
        mask: Same as in the reference.
        backend: ``'auto'`` or ``'torch'``.

    Returns:
        Scalar in float32, or float64 for float64 probabilities.

    Raises:
        TypeError: If an argument has the wrong type.
        ValueError: If shapes do not match, a setting is out of range or the backend does not support the call.

    Example:
        >>> probs = torch.rand(2, 4, 8, 8).softmax(1).requires_grad_()
        >>> feature_similarity_loss(probs, torch.rand(2, 3, 8, 8), radius=4).backward()
    """
    require_backend(backend)
    inputs = prepare_inputs(probs, image, mu, sigma, radius, mask, normalise)
    loss: Tensor = _FeatureSimilarity.apply(probs, inputs.mu, inputs.sigma, inputs)  # type: ignore[no-untyped-call]
    return loss


class _Slopes(NamedTuple):
    """The derivatives with respect to settings, or whether they are needed."""

    mu: Any
    sigma: Any


class _FeatureSimilarity(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, probs: Tensor, mu: Tensor, sigma: Tensor, inputs: SimilarityInputs) -> Tensor:
        with torch.autocast(probs.device.type, enabled=False):
            loss, gradient, slopes = _loss_and_gradient(probs, inputs, _Slopes(*ctx.needs_input_grad[1:3]))
        ctx.save_for_backward(probs, mu, sigma, gradient, *slopes)
        return loss

    @staticmethod
    def backward(ctx: Any, upstream: Tensor) -> tuple[Tensor | None, ...]:
        tensors = ctx.saved_tensors
        scaled = scale_gradients('feature_similarity_loss', upstream, tensors[:3], tensors[3:])
        return *(grad if wanted else None for grad, wanted in zip(scaled, ctx.needs_input_grad, strict=False)), None


def _loss_and_gradient(probs: Tensor, inputs: SimilarityInputs, wanted: _Slopes) -> tuple[Tensor, Tensor, _Slopes]:
    """Return the loss, its gradient and its derivatives with respect to mu and sigma (0 unless needed)."""
    loss = inputs.image.new_zeros(())
    slopes = [torch.zeros_like(loss), torch.zeros_like(loss)]
    gradient = torch.empty(probs.shape, dtype=inputs.image.dtype, device=probs.device)
    at_a_time = 1 if probs.device.type == 'cpu' else len(probs)
    for start in range(0, len(probs), at_a_time):
        part = slice(start, start + at_a_time)
        values, inside = probs[part].to(gradient.dtype), None
        if inputs.inside is not None:
            inside = inputs.inside[part]
            values = torch.where(inside > 0, values, 0)
        # Only differences matter, and near 0 they have smaller rounding errors.
        values = values - values.mean(dim=(2, 3), keepdim=True)
        degrees, sums, part_slopes = _pair_sums(inputs.image[part], values, inside, inputs, wanted)
        part_gradient = torch.addcmul(sums.neg_(), values, degrees)
        loss -= (values * part_gradient).sum()
        slopes = [slope - part_slope for slope, part_slope in zip(slopes, part_slopes, strict=True)]
        gradient[part] = part_gradient
    divided = _Slopes(*(slope / inputs.denominator for slope in slopes))
    return loss / inputs.denominator, gradient.mul_(-2 / inputs.denominator), divided


def _pair_sums(
    colours: Tensor, values: Tensor, inside: Tensor | None, inputs: SimilarityInputs, wanted: _Slopes
) -> tuple[Tensor, Tensor, _Slopes]:
    r"""Return :math:`\sum_j A_{ij}`, :math:`\sum_j A_{ij} a_j`, (B, K, H, W), and the energy's derivatives."""
    degrees, sums = torch.zeros_like(colours[:, :1]), torch.zeros_like(values)
    slopes = [values.new_zeros(()), values.new_zeros(())]
    one = values.new_ones(())
    root = inputs.mu.detach().clamp(-_LARGEST_MU, _LARGEST_MU).exp()
    for tile, weights, stretch in _tiles(values, inputs, wanted.sigma):
        if inside is not None:
            weights = weights * tile.take_here(inside).mT * tile.take_there(inside)
        ratio = _ratio(tile.take_here(colours), tile.take_there(colours)).mul_(root)
        denominator = torch.addcmul(one, ratio, ratio, out=ratio)  # q
        affinity = torch.addcdiv(weights, weights, denominator, value=-2)
        near, far = tile.take_here(values), tile.take_there(values)
        tile.add_here(degrees, affinity.sum(dim=2))
        tile.add_here(sums, far @ affinity.mT)
        if not tile.both_ways:
            tile.add_there(degrees, affinity.sum(dim=1))
            tile.add_there(sums, near @ affinity)
        if wanted.mu or wanted.sigma:
            orders = 1 if tile.both_ways else 2
            half_distance = _half_distance(near, far)
            if stretch is not None:
                slopes[1] += orders * (affinity * stretch * half_distance).sum()
            if wanted.mu:
                inverse = denominator.reciprocal_()
                squares = weights * inverse * (1 - inverse)  # w (1 - f^2) / 4
                slopes[0] += 4 * orders * (squares * half_distance).sum()
    return degrees, sums, _Slopes(*slopes)


def _tiles(
    values: Tensor, inputs: SimilarityInputs, with_stretch: bool
) -> Iterator[tuple[_Tile, Tensor, Tensor | None]]:
    r"""Yield tiles of all pairs within the radius and weights (n, m); pairs of the same lines appear in both orders.

    The third value is :math:`\frac{1}{w} \frac{\partial w}{\partial \sigma}`, (n, m), if needed.
    """
    batch, _, height, width = values.shape
    reach = height + width if inputs.radius is None else math.floor(inputs.radius)
    pairs = max(1, (_CPU_PAIRS if values.device.type == 'cpu' else _GPU_PAIRS) // batch)
    columns = max(1, pairs // min(width, 2 * reach + 1))
    for left in range(0, width, columns):
        here = slice(left, min(left + columns, width))
        there = slice(max(0, here.start - reach), min(width, here.stop + reach))
        pairs_of_lines = (here.stop - here.start) * (there.stop - there.start)
        # Pairs of the same lines are visited twice, so use few lines; but small tiles take as long as larger ones.
        lines = max(1, min(height, math.isqrt(pairs // 4 // pairs_of_lines)))
        step = max(1, pairs // (pairs_of_lines * lines))
        last = min(height, lines + reach)
        for top, bottom in itertools.pairwise([0, *range(lines, last, step), last]):
            weights, stretch = _distance_weights(range(lines), here, range(top, bottom), there, inputs, with_stretch)
            for y in range(0, height - top, lines):
                now, ahead = slice(y, min(y + lines, height)), slice(y + top, min(y + bottom, height))
                kept = (slice(now.stop - y), slice(None), slice(ahead.stop - ahead.start))
                part = weights[kept].flatten(2).flatten(0, 1)
                yield (
                    _Tile((now, here), (ahead, there)),
                    part,
                    (None if stretch is None else stretch[kept].flatten(2).flatten(0, 1)),
                )


def _distance_weights(
    lines: range, here: slice, ahead: range, there: slice, inputs: SimilarityInputs, with_stretch: bool
) -> tuple[Tensor, Tensor | None]:
    r"""Return :math:`w_{ij}` of two windows, and :math:`d_{ij}^2 / \sigma^3 - 2 / \sigma` if needed.

    Both have the shape (lines, columns here, lines ahead, columns there).
    """
    axes = (torch.arange(axis.start, axis.stop, device=inputs.image.device) for axis in (lines, here, ahead, there))
    y, x, y_ahead, x_there = torch.meshgrid(*axes, indexing='ij')
    squared = ((y - y_ahead).square() + (x - x_there).square()).double()
    sigma = inputs.sigma.detach()
    weights = torch.exp(squared / (-2 * sigma**2)) / (2 * math.pi * sigma**2)
    weights *= squared > 0  # a pixel with itself only adds rounding errors
    if inputs.radius is not None:
        weights *= squared <= inputs.radius**2
    stretch = (squared / sigma**3 - 2 / sigma).to(inputs.image.dtype) if with_stretch else None
    return weights.to(inputs.image.dtype), stretch


def _ratio(here: Tensor, there: Tensor) -> Tensor:
    r"""Return :math:`r`, (B, n, m), of colours (B, 3, n) and (B, 3, m)."""
    channels = here.shape[1]
    total = (there[:, :1] - here[:, 0, :, None]).abs_()
    difference = torch.empty_like(total)
    for channel in range(1, channels):
        total += torch.sub(there[:, channel, None], here[:, channel, :, None], out=difference).abs_()
    torch.sub(channels * (1 + EPS), total, out=difference)
    return total.add_(channels * EPS).div_(difference)


def _half_distance(near: Tensor, far: Tensor) -> Tensor:
    r"""Return :math:`\frac12 |a_i - a_j|^2` of a tile, (B, n, m)."""
    squares = near.square().sum(dim=1)[:, :, None] + far.square().sum(dim=1)[:, None]
    return 0.5 * squares - near.mT @ far
