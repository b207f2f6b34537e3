r"""Refinement of soft masks by a stack of pixel-adaptive convolutions (PAC).

Akiva, Dana: "Towards Single Stage Weakly Supervised Semantic Segmentation", 2021 (PMP), after Su et al.:
"Pixel-Adaptive Convolutional Neural Networks", 2019. Every layer has its own kernel size, dilation and stride.
Neighbours are visited one shift at a time, so memory does not grow with the kernels.

Shape letters: B batch, C channels of the masks, H x W their grid and that of the image.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor

from .checks import (
    check_float_map,
    check_mask_of,
    check_positive,
    check_shape,
    compute_dtype,
    describe,
    is_integer,
)

KERNEL_SIZES = (7, 7, 5, 5, 3, 3, 3, 3, 3, 3, 3, 3)
DILATIONS = (1, 1, 2, 2, 4, 4, 8, 8, 16, 16, 32, 32)
STRIDES = (1,) * 12
PAPER_STRIDES = (2, 2, 2, 2, 1, 1, 1, 1, 1, 1, 1, 1)
NORMALISATIONS = ('softmax', 'damped', 'literal')
EPS = 1e-8


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
) -> Tensor:
    r"""Move soft masks towards cells of similar colour, layer by layer.

    .. math::
        k_{in} = -\frac{|I_i - I_n|}{\sigma_i / s + 10^{-8}}\, \mu_i, \qquad
        m_i \leftarrow \sum_{n \in N(i)} \operatorname{softmax}_n(k_{in})\, m_n

    :math:`N(i)` is the window of the layer, with its centre; :math:`|I_i - I_n|` the mean over RGB;
    :math:`\sigma_i` is the standard deviation of a colour in the window, and :math:`\mu_i` the mean of a channel of the
    masks in it: where a class is improbable all neighbours have nearly the same weight, where it is probable only those
    of the same colour count. Neighbours outside the image do not count. A layer with a stride of 2 keeps every
    second cell; the result is resized to H x W bilinearly. Computed in float32 at least, also under autocast. The
    result does not carry a gradient, because it is a target.

    Differs from the paper, which lists 11 kernel sizes for 12 layers (the twelfth here is 3), has strides of 2 in the
    first four (``strides=PAPER_STRIDES``) but does not say how the masks are resized again, does not have a sharpness
    (``sharpness=1``), and does not define how the weights are normalised. In its text a low mean reduces the weight;
    with a softmax it makes all weights equal.

    Args:
        masks: Soft masks :math:`m`, not negative, (B, C, H, W). Channels need not sum to 1 and are refined
            independently.
        image: Colours :math:`I`, (B, 3, H, W), in any units; in the paper they are in [0, 1].
        kernel_sizes: Odd widths of the windows, one per layer.
        dilations: Distances between neighbours, in cells of the layer, one per layer.
        strides: Steps between the cells that a layer keeps, one per layer.
        normalisation: ``'softmax'``; ``'damped'``, with the mean outside of the softmax of the colours,
            :math:`m_i \leftarrow \mu_i \sum_n \operatorname{softmax}_n(k_{in} / \mu_i)\, m_n`, so that weights sum to
            the mean: where a class is improbable they are reduced, as in the text of the paper, and a constant mask of
            p becomes p to the power of 2 to the number of layers, which is about 0 after twelve; ``'literal'``:
            :math:`m_i \leftarrow \sum_n k_{in} m_n`, the printed formula of the paper, with weights that are negative
            and do not sum to 1: values are squared in every layer, and more than four layers overflow float32.
        sharpness: :math:`s`, above 0. It is not in the paper; with a value of 1 twelve layers blur all objects. On
            noisy masks of VOC at strides of 2 and 4, 30 changes the IoU by -2 to +3 points, and 10, the value of PAMR,
            loses at least 16.
        mask: 1 inside the image, (B, 1, H, W); anything below is outside. A cell outside does not affect others, may
            hold NaN or inf in ``masks`` and ``image``, and is 0 in the result.

    Returns:
        Refined masks, (B, C, H, W), in float32, or float64 for float64 masks.

    Raises:
        TypeError: If an argument has the wrong type.
        ValueError: If shapes do not match or a setting is out of range.

    Example:
        >>> masks, image = torch.rand(1, 2, 8, 8), torch.rand(1, 3, 8, 8)
        >>> pac_refine(masks, image, kernel_sizes=(5, 3), dilations=(1, 2), strides=(2, 1)).shape
        torch.Size([1, 2, 8, 8])
    """
    check_arguments(masks, image, mask)
    layers = check_layers(kernel_sizes, dilations, strides)
    sharpness = check_settings(normalisation, sharpness)
    dtype = compute_dtype(masks)
    with torch.autocast(masks.device.type, enabled=False):
        inside = torch.ones_like(masks[:, :1], dtype=torch.bool) if mask is None else mask >= 1
        refined = torch.where(inside, masks.detach(), 0).to(dtype)
        colours = torch.where(inside, image.detach(), 0).to(dtype)
        coarse = inside
        for kernel_size, dilation, stride in layers:
            refined = _layer(refined, colours, coarse, kernel_size, dilation, stride, normalisation, sharpness)
            colours, coarse = colours[:, :, ::stride, ::stride], coarse[:, :, ::stride, ::stride]
        for stride, size in reversed(sizes_before_strides(layers, masks.shape[2:])):
            refined, coarse = enlarge(refined, coarse, stride, size)
        return torch.where(inside, refined, 0)


def check_layers(
    kernel_sizes: Sequence[int], dilations: Sequence[int], strides: Sequence[int]
) -> list[tuple[int, int, int]]:
    """Return the settings of each layer; raise unless all have the same length and are in range."""
    settings = {'kernel_sizes': kernel_sizes, 'dilations': dilations, 'strides': strides}
    for name, values in settings.items():
        if isinstance(values, str) or not isinstance(values, Sequence):
            raise TypeError(f'{name} must be a sequence with one number per layer, got {describe(values)}')
        if not values or not all(map(is_integer, values)):
            raise ValueError(f'{name} must be one or more positive integers, got {values!r}')
    if any(size % 2 == 0 for size in kernel_sizes):
        raise ValueError(f'kernel_sizes must be odd, so that a window has a centre, got {kernel_sizes!r}')
    if len({len(values) for values in settings.values()}) > 1:
        numbers = ', '.join(f'{len(values)} {name}' for name, values in settings.items())
        raise ValueError(f'every layer must have one of each setting, got {numbers}')
    return list(zip(kernel_sizes, dilations, strides, strict=True))


def check_settings(normalisation: Any, sharpness: Any) -> float:
    """Return the sharpness; raise unless it and the normalisation are valid."""
    if normalisation not in NORMALISATIONS:
        raise ValueError(f'unknown normalisation {normalisation!r}: choose from {", ".join(NORMALISATIONS)}')
    return check_positive(sharpness, 'sharpness')


def check_arguments(masks: Any, image: Any, mask: Any) -> None:
    """Raise unless the shapes of the tensors match."""
    check_float_map(masks, 'masks')
    if not isinstance(image, Tensor) or image.is_complex():
        raise TypeError(f'image must be a tensor (B, 3, H, W), got {describe(image)}')
    check_shape(image, 'image', f'({len(masks)}, 3, H, W)')
    if len(image) != len(masks) or image.shape[2:] != masks.shape[2:]:
        raise ValueError(
            f'image and masks must have the same batch and size, got {tuple(image.shape)} and {tuple(masks.shape)}: '
            'resize one of them'
        )
    if mask is not None:
        check_mask_of(mask, masks, 'masks')


def _layer(
    masks: Tensor,
    image: Tensor,
    inside: Tensor,
    kernel_size: int,
    dilation: int,
    stride: int,
    normalisation: str,
    sharpness: float,
) -> Tensor:
    """Return the masks after one layer, on every ``stride``-th cell."""
    counted = inside.to(image.dtype)
    centre = image[:, :, ::stride, ::stride]
    count, total, squares = (centre.new_zeros(()) for _ in range(3))
    for neighbours, there in _shifts((image, counted), kernel_size, dilation, stride):
        difference = (neighbours - centre) * there
        count = count + there
        total = total + difference
        squares = squares + difference.square()
    variance = (squares - total.square() / count.clamp(min=1)).clamp(min=0) / (count - 1).clamp(min=1)
    scale = variance.sqrt() / sharpness + EPS
    mean = sum(near for (near,) in _shifts((masks,), kernel_size, dilation, stride)) / count.clamp(min=1)
    refined, weights = torch.zeros_like(mean), torch.zeros_like(mean)
    for neighbours, there, near in _shifts((image, counted, masks), kernel_size, dilation, stride):
        affinity = -((neighbours - centre).abs() / scale).mean(dim=1, keepdim=True)
        if normalisation != 'damped':
            affinity = affinity * mean
        # The centre has an affinity of 0 and all others less: no maximum must be subtracted before the exponential.
        weight = (affinity if normalisation == 'literal' else affinity.exp()) * there
        refined += weight * near
        weights += weight
    if normalisation != 'literal':
        refined /= torch.where(weights > 0, weights, 1)
    if normalisation == 'damped':
        refined *= mean
    return torch.where(inside[:, :, ::stride, ::stride], refined, 0)


def _shifts(fields: Sequence[Tensor], kernel_size: int, dilation: int, stride: int) -> Iterator[tuple[Tensor, ...]]:
    """Yield, for each offset in the window, the fields at this offset from the kept cells; 0 beyond the border."""
    height, width = fields[0].shape[2:]
    reach = dilation * (kernel_size // 2)
    padded = [F.pad(field, [reach] * 4) for field in fields]
    steps = range(0, 2 * reach + 1, dilation)
    for y in steps:
        for x in steps:
            yield tuple(field[:, :, y : y + height : stride, x : x + width : stride] for field in padded)


def sizes_before_strides(
    layers: Sequence[tuple[int, int, int]], size: Sequence[int]
) -> list[tuple[int, tuple[int, int]]]:
    """Return, for each layer that skips cells, its stride and the size of its input."""
    height, width = size
    sizes = []
    for _, _, stride in layers:
        if stride > 1:
            sizes.append((stride, (height, width)))
            height, width = (height - 1) // stride + 1, (width - 1) // stride + 1
    return sizes


def enlarge(masks: Tensor, inside: Tensor, stride: int, size: tuple[int, int]) -> tuple[Tensor, Tensor]:
    """Undo a stride: cell i belongs to cell i * stride; cells beyond the last one repeat it."""
    height, width = size
    spanned = (stride * (masks.shape[2] - 1) + 1, stride * (masks.shape[3] - 1) + 1)
    share = torch.cat([masks, inside.to(masks.dtype)], dim=1)
    share = F.interpolate(share, spanned, mode='bilinear', align_corners=True)
    share = F.pad(share, (0, width - spanned[1], 0, height - spanned[0]), mode='replicate')
    masks, reached = share[:, :-1], share[:, -1:]
    # interpolated only from the cells inside
    return masks / reached.clamp(min=EPS), reached > 0
