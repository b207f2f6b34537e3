"""Affinity of neighbouring pixels, learned from labels of few pixels (AffinityNet).

Shape letters: B batch, D features, H x W their grid, P pairs per pixel: one for each offset of :func:`pair_offsets`.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import torch
from torch import Tensor
from torch.autograd.function import once_differentiable

from .checks import check_float_map, check_integer, compute_dtype, describe

BACKGROUND_PAIR, FOREGROUND_PAIR, DIFFERENT_PAIR, NO_PAIR = 0, 1, 2, 255


class AffinityTerms(NamedTuple):
    """The three means of :func:`affinity_terms`, scalars."""

    background: Tensor
    foreground: Tensor
    different: Tensor

    @property
    def total(self) -> Tensor:
        """The weighted sum of :func:`affinity_loss`."""
        return self.background / 4 + self.foreground / 4 + self.different / 2


def pair_offsets(radius: int) -> list[tuple[int, int]]:
    """Return the offsets (rows, columns) to all pixels nearer than ``radius``, each pair of pixels once.

    Args:
        radius: Radius in cells; 5 gives 34 offsets.

    Raises:
        ValueError: If ``radius`` is not an integer of at least 2.

    Example:
        >>> pair_offsets(2)
        [(0, 1), (1, -1), (1, 0), (1, 1)]
    """
    check_integer(radius, 'radius', least=2)
    reach = range(1 - radius, radius)
    return [(y, x) for y in range(radius) for x in reach if (y, x) > (0, 0) and x * x + y * y < radius * radius]


def affinities(features: Tensor, *, radius: int = 5) -> Tensor:
    r"""Affinity of neighbouring pixels (Ahn and Kwak, CVPR 2018, eq. 4).

    .. math::
        W_{ij} = \exp\left(-\tfrac{1}{D} \| f_i - f_j \|_1\right)

    The mean over the features is in the published code; the paper does not state it.

    The backward pass computes the differences again, so that only the features are kept for it and not P D numbers per
    pixel. Second derivatives are not supported.

    Args:
        features: (B, D, H, W).
        radius: Pixels nearer than this, in cells, form pairs.

    Returns:
        (B, P, H, W) in [0, 1], float32 at least: [:, p, y, x] belongs to the pixel (y, x) and the one at offset p of
        :func:`pair_offsets`; 0 if that lies outside.

    Raises:
        TypeError: If ``features`` is not a floating-point tensor.
        ValueError: If its shape or ``radius`` is wrong.

    Example:
        >>> import torch
        >>> affinities(torch.tensor([[[[0.0, 0.0, 1.0]]]]), radius=2)[0, 0, 0].tolist()
        [1.0, 0.3678794503211975, 0.0]
    """
    check_float_map(features, 'features', 'D')
    features = features.to(compute_dtype(features))
    distances: Tensor = _MeanDifferences.apply(features, pair_offsets(radius))  # type: ignore[no-untyped-call]
    return (-distances).exp()


def affinity_labels(labels: Tensor, *, radius: int = 5, ignore_index: int = 255) -> Tensor:
    """Return the label of each pair of pixels: both background, the same foreground class, or different classes.

    Args:
        labels: Class ids, (B, H, W), background 0.
        radius: See :func:`affinities`.
        ignore_index: The value of unlabelled pixels.

    Returns:
        (B, P, H, W) uint8, in the layout of :func:`affinities`: 0 both background, 1 both the same foreground class, 2
        different classes, 255 if one of the pixels is unknown or outside.

    Raises:
        TypeError: If ``labels`` is not a tensor of integers.
        ValueError: If its shape or ``radius`` is wrong.

    Example:
        >>> import torch
        >>> affinity_labels(torch.tensor([[[0, 0, 3, 3, 255]]]), radius=2)[0, 0, 0].tolist()
        [0, 2, 1, 255, 255]
    """
    if not isinstance(labels, Tensor) or labels.is_floating_point() or labels.is_complex():
        raise TypeError(f'labels must be a tensor of class ids (B, H, W), got {describe(labels)}')
    if labels.ndim != 3 or 0 in labels.shape:
        raise ValueError(f'labels must have the shape (B, H, W) with no empty axis, got {tuple(labels.shape)}')
    maps = []
    for offset in pair_offsets(radius):
        whole = labels.new_full(labels.shape, NO_PAIR, dtype=torch.uint8)
        here, there = _ends(labels, offset)
        inner, _ = _ends(whole, offset)
        known = (here != ignore_index) & (there != ignore_index)
        inner[known & (here != there)] = DIFFERENT_PAIR
        inner[known & (here == there)] = FOREGROUND_PAIR
        inner[known & (here == there) & (here == 0)] = BACKGROUND_PAIR
        maps.append(whole)
    return torch.stack(maps, dim=1)


def affinity_terms(
    features: Tensor, labels: Tensor, *, radius: int = 5, ignore_index: int = 255, eps: float = 1e-5
) -> AffinityTerms:
    r"""The parts of :func:`affinity_loss`: means of :math:`-\log W` and :math:`-\log(1 - W)` over the pairs of a kind.

    Each is 0 where the batch has no such pair. Pixels without a label have no effect, regardless of their features.

    Args:
        features: (B, D, H, W).
        labels: Class ids, (B, H, W), background 0.
        radius: See :func:`affinities`.
        ignore_index: The value of unlabelled pixels.
        eps: Added inside the logarithms and to the counts.

    Raises:
        TypeError: If a type is wrong.
        ValueError: If shapes do not match or a setting is out of range.
    """
    check_float_map(features, 'features', 'D')
    pairs = affinity_labels(labels, radius=radius, ignore_index=ignore_index)
    if labels.shape != (len(features), *features.shape[2:]):
        raise ValueError(
            f'labels must be of the grid of the features, {(len(features), *features.shape[2:])}, got '
            f'{tuple(labels.shape)}: resize them, nearest'
        )
    known = (labels != ignore_index)[:, None]
    weights = affinities(torch.where(known, features, 0), radius=radius)
    alike, unlike = -(weights + eps).log(), -(1 + eps - weights).log()
    kinds = ((BACKGROUND_PAIR, alike), (FOREGROUND_PAIR, alike), (DIFFERENT_PAIR, unlike))
    return AffinityTerms(*(_mean(values, pairs == kind, eps) for kind, values in kinds))


def affinity_loss(
    features: Tensor, labels: Tensor, *, radius: int = 5, ignore_index: int = 255, eps: float = 1e-5
) -> Tensor:
    r"""Train similar features within a class and different ones across classes (Ahn and Kwak, CVPR 2018, eq. 6 to 9).

    .. math::
        L = \tfrac14 L_{bg}^+ + \tfrac14 L_{fg}^+ + \tfrac12 L^-, \qquad
        L^+ = -\frac{1}{|P^+|} \sum_{P^+} \log W_{ij}, \quad L^- = -\frac{1}{|P^-|} \sum_{P^-} \log(1 - W_{ij})

    over all pairs of the batch. The paper has four times this; the published code is as here.

    Differs from the published code: pairs count up to the borders. There the first pixel of a pair keeps ``radius`` - 1
    cells from the left, right and lower border.

    Args:
        features: (B, D, H, W).
        labels: Class ids, (B, H, W), background 0.
        radius: See :func:`affinities`.
        ignore_index: The value of unlabelled pixels; such pixels have no effect.
        eps: Added inside the logarithms and to the counts.

    Returns:
        A scalar; 0 if nothing is labelled.

    Raises:
        TypeError: If a type is wrong.
        ValueError: If shapes do not match or a setting is out of range.

    Example:
        >>> import torch
        >>> round(float(affinity_loss(torch.tensor([[[[0.0, 1.0]]]]), torch.tensor([[[0, 1]]]), radius=2)), 4)
        0.2293
    """
    return affinity_terms(features, labels, radius=radius, ignore_index=ignore_index, eps=eps).total


def _ends(field: Tensor, offset: tuple[int, int]) -> tuple[Tensor, Tensor]:
    """Return views of a field (..., H, W): the pixels whose partner at ``offset`` is inside, and their partners."""
    y, x = offset
    height, width = field.shape[-2:]
    if y >= height or abs(x) >= width:
        return field[..., :0, :0], field[..., :0, :0]
    left, right = max(0, -x), width - max(0, x)
    return field[..., : height - y, left:right], field[..., y:, left + x : right + x]


class _MeanDifferences(torch.autograd.Function):
    """Means over D of the absolute differences of all pairs, (B, P, H, W); inf where the partner is outside."""

    @staticmethod
    def forward(ctx: Any, features: Tensor, offsets: list[tuple[int, int]]) -> Tensor:
        ctx.save_for_backward(features)
        ctx.offsets = offsets
        distances = features.new_full((len(features), len(offsets), *features.shape[2:]), torch.inf)
        for offset, distance in zip(offsets, distances.unbind(dim=1), strict=True):
            here, there = _ends(features, offset)
            if here.numel():
                _ends(distance, offset)[0].copy_((here - there).abs_().mean(dim=1))
        return distances

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, upstream: Tensor) -> tuple[Tensor, None]:
        (features,) = ctx.saved_tensors
        gradient = torch.zeros_like(features)
        for offset, of_pair in zip(ctx.offsets, upstream.unbind(dim=1), strict=True):
            here, there = _ends(features, offset)
            slope = (here - there).sign_().mul_(_ends(of_pair, offset)[0][:, None] / features.shape[1])
            for end, sign in zip(_ends(gradient, offset), (1, -1), strict=True):
                end.add_(slope, alpha=sign)
        return gradient, None


def _mean(values: Tensor, chosen: Tensor, eps: float) -> Tensor:
    return torch.where(chosen, values, 0).sum() / (chosen.sum().to(values.dtype) + eps)
