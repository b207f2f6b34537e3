r"""Pixel-adaptive mask refinement (PAMR), which aligns soft masks with the edges of the image.

Araslanov, Roth: "Single-Stage Semantic Segmentation from Image Labels", 2020. This is the textbook form: every
iteration lays out the neighbours of every pixel, at the cost of two tensors that are larger than the masks by 8 times
the number of dilations. ``pamr`` of :mod:`mmseg_wsss.ops` is its fast version.

Shape letters: B batch, C channels of the masks, H x W their grid, h x w the image, P = 8 * number of dilations
neighbours.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

import torch
import torch.nn.functional as F
from torch import Tensor

from .checks import (
    check_float_map,
    check_integer,
    check_mask_of,
    check_shape,
    compute_dtype,
    describe,
    is_integer,
)

AFFINITIES = ('reference', 'paper')
EPS = 1e-8
# A pixel is outside if at least this share of its mask is interpolated from outside; less is rounding.
_ROUNDING = 1e-4


class PAMRInputs(NamedTuple):
    """The checked arguments of :func:`pamr`, resized to the grid of the image."""

    masks: Tensor  # (B, C, h, w), 0 where masked
    image: Tensor  # (B, 3, h, w), 0 where masked
    inside: Tensor | None  # (B, 1, h, w) bool; None if all pixels count
    dilations: tuple[int, ...]


@torch.no_grad()
def pamr(
    masks: Tensor,
    image: Tensor,
    *,
    num_iters: int = 10,
    dilations: Sequence[int] = (1, 2, 4, 8, 12, 24),
    affinity: str = 'reference',
    mask: Tensor | None = None,
) -> Tensor:
    r"""Move soft masks towards pixels of similar colour, ``num_iters`` times.

    .. math::
        m_i \leftarrow \sum_{n \in N(i)} \alpha_{in} m_n, \qquad \alpha_{in} = \operatorname{softmax}_n
        \left( \frac13 \sum_{rgb} \frac{-|I_i - I_n|}{10^{-8} + 0.1\, \sigma_i} \right)

    :math:`N(i)` are the 8 neighbours at every dilation; beyond the border the image and the masks repeat their last
    pixel. :math:`\sigma_i` is the unbiased standard deviation of a colour over the neighbours and, once per dilation,
    the pixel itself, which is not its own neighbour except for repeats at the border. Each channel is refined
    independently. Computed in float32 at least, also under autocast. The result does not carry a gradient, because it
    is a target, as in the published training.

    Differs from the paper: there, the difference is divided by :math:`\sigma_i^2`, see ``affinity``.

    Args:
        masks: Soft masks :math:`m`, (B, C, H, W); first resized to h x w, bilinearly with aligned corners.
        image: Colours :math:`I`, (B, 3, h, w), in any units. The paper resizes the image to the masks instead: at a
            stride of 4, dilations reach 4 times further.
        num_iters: Number of updates of the masks, at least 1.
        dilations: Distances to the neighbours in pixels of h x w.
        affinity: ``'reference'`` is the formula above, from the published code; ``'paper'`` divides by
            :math:`10^{-8} + \sigma_i^2` for an image in [0, 1].
        mask: 1 inside the image, (B, 1, H, W); anything below is outside. A pixel of h x w is outside if its mask is
            interpolated from a cell outside. It does not affect others, may hold NaN or inf in ``masks`` and ``image``,
            and is 0 in the result. A pixel without a neighbour inside keeps its value.

    Returns:
        Refined masks, (B, C, h, w), in float32, or float64 for float64 masks.

    Raises:
        TypeError: If an argument has the wrong type.
        ValueError: If shapes do not match or a setting is out of range.

    Example:
        >>> masks, image = torch.rand(1, 2, 8, 8), torch.rand(1, 3, 16, 16)
        >>> pamr(masks, image, dilations=(1, 2)).shape
        torch.Size([1, 2, 16, 16])
    """
    inputs = prepare_inputs(masks, image, num_iters, dilations, affinity, mask)
    refined = inputs.masks
    with torch.autocast(masks.device.type, enabled=False):
        weights = _neighbour_weights(inputs, affinity)
        has_neighbours = weights.sum(dim=1, keepdim=True) > 0
        for _ in range(num_iters):
            average = (weights[:, None] * _neighbours(refined, inputs.dilations)).sum(dim=2)
            refined = average if inputs.inside is None else torch.where(has_neighbours, average, refined)
    return refined


def prepare_inputs(
    masks: Tensor, image: Tensor, num_iters: int, dilations: Sequence[int], affinity: str, mask: Tensor | None
) -> PAMRInputs:
    """Check the arguments of :func:`pamr`, resize the masks to the image and set pixels that do not count to 0."""
    check_arguments(masks, image, num_iters, dilations, affinity, mask)
    dtype = compute_dtype(masks)
    with torch.autocast(masks.device.type, enabled=False):
        masks, image = masks.detach().to(dtype), image.detach().to(dtype)
        inside = None
        size = (image.shape[2], image.shape[3])
        if mask is None:
            masks = _resize(masks, size)
        else:
            outside = (mask >= 1).logical_not()
            inside = _resize(outside.to(dtype), size) < _ROUNDING
            masks = torch.where(inside, _resize(torch.where(outside, 0, masks), size), 0)
            image = torch.where(inside, image, 0)
        # Beyond the longer side there are only repeats of the border.
        return PAMRInputs(masks, image, inside, tuple(min(dilation, max(size)) for dilation in dilations))


def offsets(dilations: Sequence[int]) -> list[tuple[int, int]]:
    """Return the neighbours as (rows down, columns right), 8 for each dilation."""
    around = [(y, x) for y in (-1, 0, 1) for x in (-1, 0, 1) if (y, x) != (0, 0)]
    return [(y * dilation, x * dilation) for dilation in dilations for y, x in around]


def check_arguments(masks: Any, image: Any, num_iters: Any, dilations: Any, affinity: Any, mask: Any) -> None:
    """Raise unless the arguments of :func:`pamr` match."""
    check_float_map(masks, 'masks')
    if not isinstance(image, Tensor) or image.is_complex():
        raise TypeError(f'image must be a tensor (B, 3, h, w), got {describe(image)}')
    check_shape(image, 'image', f'({len(masks)}, 3, h, w)')
    if len(image) != len(masks):
        raise ValueError(f'image and masks must have the same batch size, got {len(image)} and {len(masks)}')
    check_integer(num_iters, 'num_iters')
    if isinstance(dilations, str) or not isinstance(dilations, Sequence):
        raise TypeError(f'dilations must be a sequence such as (1, 2, 4), got {describe(dilations)}')
    if not dilations or not all(map(is_integer, dilations)):
        raise ValueError(f'dilations must be one or more positive integers, got {dilations!r}')
    if affinity not in AFFINITIES:
        raise ValueError(f'unknown affinity {affinity!r}: choose from {", ".join(AFFINITIES)}')
    if mask is not None:
        check_mask_of(mask, masks, 'masks')


def _neighbour_weights(inputs: PAMRInputs, affinity: str) -> Tensor:
    r"""Return :math:`\alpha_{in}`, (B, P, h, w); all 0 where a pixel is outside or all its neighbours are."""
    image, dilations = inputs.image[:, :, None], inputs.dilations
    neighbours = _neighbours(inputs.image, dilations)
    samples = torch.cat([neighbours, image.expand(-1, -1, len(dilations), -1, -1)], dim=2)
    if inputs.inside is None:
        scores = _scores(image, neighbours, samples.std(dim=2, keepdim=True), affinity)
        return scores.softmax(dim=1)
    inside = inputs.inside[:, :, None].to(image.dtype)
    neighbours_inside = _neighbours(inside[:, :, 0], dilations)
    counted = torch.cat([neighbours_inside, inside.expand(-1, -1, len(dilations), -1, -1)], dim=2)
    count = counted.sum(dim=2, keepdim=True)
    mean = (counted * samples).sum(dim=2, keepdim=True) / count.clamp(min=1)
    variance = (counted * (samples - mean).square()).sum(dim=2, keepdim=True) / (count - 1).clamp(min=1)
    scores = _scores(image, neighbours, variance.sqrt(), affinity)
    counts = (neighbours_inside * inside)[:, 0] > 0
    return torch.where(counts, torch.where(counts, scores, -torch.inf).softmax(dim=1), 0)


def _scores(image: Tensor, neighbours: Tensor, std: Tensor, affinity: str) -> Tensor:
    """Return the logits of the neighbours, (B, P, h, w), from colours (B, 3, P, h, w)."""
    scale = 0.1 * std if affinity == 'reference' else std.square()
    return (-(neighbours - image).abs() / (EPS + scale)).mean(dim=1)


def _neighbours(field: Tensor, dilations: Sequence[int]) -> Tensor:
    """Lay out the neighbours of every pixel, the border repeated: (B, c, h, w) -> (B, c, P, h, w)."""
    height, width = field.shape[2:]
    reach = max(dilations)
    padded = F.pad(field, [reach] * 4, mode='replicate')
    shifted = [
        padded[:, :, reach + y : reach + y + height, reach + x : reach + x + width] for y, x in offsets(dilations)
    ]
    return torch.stack(shifted, dim=2)


def _resize(field: Tensor, size: tuple[int, int]) -> Tensor:
    if field.shape[2:] == size:
        return field
    return F.interpolate(field, size, mode='bilinear', align_corners=True)
