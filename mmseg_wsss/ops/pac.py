r"""Pixel-adaptive convolutions with powers of two instead of exponentials, and colours compared once for equal layers.

The weight of a neighbour is :math:`2^{\mu_i e_{in}}`, where :math:`e_{in} = -\log_2 e \cdot |I_i - I_n| s / \sigma_i`
depends only on the image: successive layers with the same window share it. Exponents are not lower than that of the
smallest normal number, because a processor needs up to 30 times as long for a smaller result. Means and deviations are
sums over rows, then over columns; the deviations in float64, in which squares of colours can be subtracted.

Shape letters: B batch, C channels of the masks, H x W their grid and that of the image.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import NamedTuple

import torch
import torch.nn.functional as F
from torch import Tensor

from ..functional import pac_refine as reference
from ..functional.checks import compute_dtype
from ..functional.pac import (
    DILATIONS,
    EPS,
    KERNEL_SIZES,
    STRIDES,
    check_arguments,
    check_layers,
    check_settings,
    enlarge,
    sizes_before_strides,
)
from .dispatch import require_backend

# The colour of cells that do not count: their weight is about 0, except where the mean is 0, where the masks are 0 too.
_FAR = 1e30

Layer = tuple[int, int, int]
"""Kernel size, dilation and stride."""


@torch.no_grad()
def pac_refine(
    masks: Tensor,
    image: Tensor,
    *,
    kernel_sizes: Sequence[int] = KERNEL_SIZES,
    dilations: Sequence[int] = DILATIONS,
    strides: Sequence[int] = STRIDES,
    normalisation: str = 'softmax',
    sharpness: float = 30.0,
    mask: Tensor | None = None,
    backend: str = 'auto',
) -> Tensor:
    """Compute :func:`mmseg_wsss.functional.pac_refine` fast.

    Args:
        masks: Same as in the reference.
        image: Same as in the reference.
        kernel_sizes: Same as in the reference.
        dilations: Same as in the reference. Successive layers with the same kernel size and dilation cost less.
        strides: Same as in the reference.
        normalisation: Same as in the reference, which computes all but ``'softmax'``.
        sharpness: Same as in the reference.
        mask: Same as in the reference.
        backend: ``'auto'`` or ``'torch'``.

    Returns:
        Refined masks, (B, C, H, W), in float32, or float64 for float64 masks, without a gradient.

    Raises:
        TypeError: If an argument has the wrong type.
        ValueError: If shapes do not match, a setting is out of range or the backend does not support the call.

    Example:
        >>> masks, image = torch.rand(1, 2, 8, 8), torch.rand(1, 3, 8, 8)
        >>> pac_refine(masks, image, kernel_sizes=(5, 3), dilations=(1, 2), strides=(2, 1)).shape
        torch.Size([1, 2, 8, 8])
    """
    require_backend(backend)
    check_arguments(masks, image, mask)
    layers = check_layers(kernel_sizes, dilations, strides)
    sharpness = check_settings(normalisation, sharpness)
    if normalisation != 'softmax':
        return reference(
            masks,
            image,
            kernel_sizes=kernel_sizes,
            dilations=dilations,
            strides=strides,
            normalisation=normalisation,
            sharpness=sharpness,
            mask=mask,
        )
    dtype = compute_dtype(masks)
    with torch.autocast(masks.device.type, enabled=False):
        inside = torch.ones_like(masks[:, :1], dtype=torch.bool) if mask is None else mask >= 1
        refined = torch.where(inside, masks.detach(), 0).to(dtype)
        image = torch.where(inside, image.detach(), 0).to(dtype)
        coarse, previous, colours = inside, None, _Colours.of(image, inside)
        for layer in layers:
            if layer != previous:
                exponents, count = _exponents(colours, layer, sharpness)
            refined = _average(refined, exponents, count, layer)
            previous, stride = layer, layer[2]
            if stride > 1:
                image, coarse, previous = image[:, :, ::stride, ::stride], coarse[:, :, ::stride, ::stride], None
                colours = _Colours.of(image, coarse)
            refined = torch.where(coarse, refined, 0)
        for stride, size in reversed(sizes_before_strides(layers, masks.shape[2:])):
            refined, coarse = enlarge(refined, coarse, stride, size)
        return torch.where(inside, refined, 0)


class _Colours(NamedTuple):
    """What the layers on one grid need of the image."""

    each: Tensor  # one colour after the other, so that their sum is one of contiguous tensors, (3, B, H, W)
    powers: Tensor  # inside or not, the colours minus their mean, and their squares, (B, 7, H, W) float64

    @classmethod
    def of(cls, image: Tensor, inside: Tensor) -> _Colours:
        centred = image.double()
        centred = torch.where(inside, centred - centred.mean(dim=(2, 3), keepdim=True), 0)
        powers = torch.cat([inside.to(centred.dtype), centred, centred.square()], dim=1)
        return cls(torch.where(inside, image, _FAR).transpose(0, 1).contiguous(), powers)


def _exponents(colours: _Colours, layer: Layer, sharpness: float) -> tuple[list[Tensor], Tensor]:
    """Return the exponent of each neighbour for a mean of 1, (B, 1, H, W) each, and the number of cells that count."""
    each = colours.each
    count, total, squares = torch.split(_window_sum(colours.powers, layer), [1, len(each), len(each)], dim=1)
    variance = (squares - total.square() / count.clamp(min=1)) / (count - 1).clamp(min=1)
    scale = variance.transpose(0, 1).to(each.dtype).clamp_(min=0).sqrt_().div_(sharpness).add_(EPS)
    factor = (-1 / (math.log(2) * len(each)) / scale).contiguous()
    centre = each[:, :, :: layer[2], :: layer[2]].contiguous()
    exponents = []
    for near in _neighbours(each, layer, _FAR):
        exponents.append((near - centre).abs_().mul_(factor).sum(dim=0)[:, None])
    return exponents, count.clamp(min=1).to(each.dtype)


def _average(masks: Tensor, exponents: Sequence[Tensor], count: Tensor, layer: Layer) -> Tensor:
    """Return the weighted average of each window, (B, C, H, W), on every ``stride``-th cell."""
    stride = layer[2]
    mean = _window_sum(masks, layer) / count
    lowest = math.log2(torch.finfo(masks.dtype).tiny)
    weight, total, result = torch.empty_like(mean), torch.ones_like(mean), masks[:, :, ::stride, ::stride].clone()
    for near, exponent in zip(_neighbours(masks, layer, 0), exponents, strict=True):
        torch.mul(exponent, mean, out=weight).clamp_(min=lowest).exp2_()
        total += weight
        result.addcmul_(weight, near)
    return result.div_(total)


def _neighbours(field: Tensor, layer: Layer, beyond: float) -> list[Tensor]:
    """Return the field at each offset of the window except the centre; offsets that leave the map are left out."""
    kernel_size, dilation, stride = layer
    height, width = field.shape[2:]
    reach = dilation * (kernel_size // 2)
    padded = F.pad(field, [reach] * 4, value=beyond)
    steps = range(-reach, reach + 1, dilation)
    return [
        padded[:, :, reach + y : reach + y + height : stride, reach + x : reach + x + width : stride]
        for y in steps
        for x in steps
        if (y, x) != (0, 0) and abs(y) < height and abs(x) < width
    ]


def _window_sum(field: Tensor, layer: Layer) -> Tensor:
    """Return the sum over each window; nothing is added beyond the border."""
    kernel_size, dilation, stride = layer
    height, width = field.shape[2:]
    reach = dilation * (kernel_size // 2)
    padded = F.pad(field, [reach] * 4)
    steps = range(dilation, 2 * reach + 1, dilation)
    rows = padded[..., :width:stride].clone()
    for x in steps:
        rows += padded[..., x : x + width : stride]
    total = rows[:, :, :height:stride].clone()
    for y in steps:
        total += rows[:, :, y : y + height : stride]
    return total
