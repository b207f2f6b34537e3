r"""Pixel-adaptive mask refinement without copies of the neighbours.

The weights and positions of the neighbours do not change from one iteration to the next. With the channels of a
pixel adjacent in memory, an iteration is one ``embedding_bag``: for every pixel the weighted sum of a few rows of a
table, which runs at the speed of the cache on a CPU.

Shape letters: B batch, C channels, h x w the image, N pixels, n pixels of a tile, P neighbours of a pixel.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor

from ..functional.checks import describe
from ..functional.grids import all_inside
from ..functional.pamr import EPS, PAMRInputs, check_arguments, offsets, prepare_inputs
from .dispatch import choose_backend

# Number of pairs in one tile, chosen for the cache of a CPU core and for the occupancy of a GPU.
_CPU_PAIRS = 2**16
_GPU_PAIRS = 2**24


@torch.no_grad()
def pamr(
    masks: Tensor,
    image: Tensor,
    *,
    num_iters: int = 10,
    dilations: Sequence[int] = (1, 2, 4, 8, 12, 24),
    affinity: str = 'reference',
    mask: Tensor | None = None,
    present: Tensor | None = None,
    backend: str = 'auto',
) -> Tensor:
    """Compute :func:`mmseg_wsss.functional.pamr` fast and with little memory.

    Args:
        masks: Same as in the reference.
        image: Same as in the reference.
        num_iters: Same as in the reference.
        dilations: Same as in the reference.
        affinity: Same as in the reference.
        mask: Same as in the reference.
        present: Channels to refine in each image, (B, C) of zeros and ones, for example the background and the tagged
            classes. The others are not computed and are 0 in the result. Reading it synchronises with a GPU.
        backend: ``'torch'``, ``'triton'``, or ``'auto'``, which is Triton on a GPU if it supports the call.

    Returns:
        Refined masks, (B, C, h, w), in float32, or float64 for float64 masks, without a gradient.

    Raises:
        TypeError: If an argument has the wrong type.
        ValueError: If shapes do not match, a setting is out of range or the backend does not support the call.

    Example:
        >>> masks, image = torch.rand(1, 3, 8, 8), torch.rand(1, 3, 16, 16)
        >>> pamr(masks, image, present=torch.tensor([[1, 0, 1]])).sum((0, 2, 3)) > 0
        tensor([ True, False,  True])
    """
    check_arguments(masks, image, num_iters, dilations, affinity, mask)
    backend = choose_backend(backend, masks)
    if present is not None:
        _check_present(present, masks)
    if mask is not None and all_inside(mask >= 1):
        mask = None
    settings = (num_iters, dilations, affinity, mask)
    with torch.autocast(masks.device.type, enabled=False):
        if present is None:
            inputs = prepare_inputs(masks, image, *settings)
            return _refine(inputs, [masks.shape[1]] * len(masks), num_iters, affinity, backend)
        chosen = present.to(masks.device) != 0
        counts = chosen.sum(dim=1).tolist()
        # Present channels first; images with fewer of them than others are padded with zeros.
        order = chosen.logical_not().to(torch.uint8).argsort(dim=1, stable=True)[:, : max(1, *counts)]
        channels = order[:, :, None, None]
        few = masks.gather(1, channels.expand(-1, -1, *masks.shape[2:]))
        few = torch.where(chosen.gather(1, order)[:, :, None, None], few, 0)
        refined = _refine(prepare_inputs(few, image, *settings), counts, num_iters, affinity, backend)
        result = refined.new_zeros(len(masks), masks.shape[1], *image.shape[2:])
        return result.scatter_(1, channels.expand_as(refined), refined)


def _check_present(present: Any, masks: Tensor) -> None:
    if not isinstance(present, Tensor) or present.is_complex():
        raise TypeError(f'present must be a tensor of zeros and ones, got {describe(present)}')
    if present.shape != masks.shape[:2]:
        raise ValueError(
            f'present must have the shape {tuple(masks.shape[:2])}, one number per channel of masks, '
            f'got {tuple(present.shape)}'
        )


def _refine(inputs: PAMRInputs, counts: Sequence[int], num_iters: int, affinity: str, backend: str) -> Tensor:
    """Return the refined masks, (B, C, h, w), with at least the first ``counts`` channels of each image."""
    if backend == 'triton':
        # Imported here because triton is optional.
        from . import _triton_pamr

        return _triton_pamr.refine(inputs, num_iters, affinity)
    batch, _, height, width = inputs.masks.shape
    result = torch.zeros_like(inputs.masks, memory_format=torch.contiguous_format)
    neighbours = _neighbour_index(height, width, inputs.dilations, result.device)
    at_a_time = 1 if result.device.type == 'cpu' else max(1, _GPU_PAIRS // neighbours.numel())
    for start in range(0, batch, at_a_time):
        images = slice(start, min(start + at_a_time, batch))
        channels = max(counts[images])
        if not channels:
            continue
        first = height * width * torch.arange(images.stop - start, dtype=neighbours.dtype, device=result.device)
        index = (neighbours + first[:, None, None]).flatten(0, 1)
        inside = None if inputs.inside is None else inputs.inside[images].flatten()
        colours = inputs.image[images].transpose(0, 1).flatten(1).contiguous()
        weights = _neighbour_weights(colours, inside, index, len(inputs.dilations), affinity)
        table = inputs.masks[images, :channels].permute(0, 2, 3, 1).reshape(-1, channels).contiguous()
        for _ in range(num_iters):
            table = F.embedding_bag(index, table, per_sample_weights=weights, mode='sum')
        result[images, :channels] = table.view(-1, height, width, channels).permute(0, 3, 1, 2)
    return result


def _neighbour_index(height: int, width: int, dilations: Sequence[int], device: torch.device) -> Tensor:
    """Return the indices of the neighbours of each pixel of an image, (h * w, P); the border is repeated."""
    y = torch.arange(height, dtype=torch.int32, device=device)[:, None, None]
    x = torch.arange(width, dtype=torch.int32, device=device)[:, None]
    down, right = torch.tensor(offsets(dilations), dtype=torch.int32, device=device).unbind(dim=1)
    return ((y + down).clamp(0, height - 1) * width + (x + right).clamp(0, width - 1)).flatten(0, 1)


def _neighbour_weights(
    colours: Tensor, inside: Tensor | None, index: Tensor, num_dilations: int, affinity: str
) -> Tensor:
    r"""Return :math:`\alpha_{in}`, (N, P), from colours (3, N).

    ``index`` is changed in place: a neighbour that does not count is replaced by the pixel itself, with a weight of 0,
    or with the whole weight if none of the neighbours counts.
    """
    pixels, neighbours = index.shape
    weights = colours.new_empty(pixels, neighbours)
    tile = max(1, (_CPU_PAIRS if colours.device.type == 'cpu' else _GPU_PAIRS) // neighbours)
    for start in range(0, pixels, tile):
        here = slice(start, min(start + tile, pixels))
        count: int | Tensor = neighbours + num_dilations
        if inside is not None:
            itself = torch.arange(here.start, here.stop, dtype=index.dtype, device=index.device)[:, None]
            counted = inside.index_select(0, index[here].flatten()).view(-1, neighbours) & inside[here, None]
            index[here] = torch.where(counted, index[here], itself)
            count = counted.sum(dim=1) + num_dilations
        scores = _scores(colours, here, index[here], count, affinity)
        if inside is not None:
            scores.masked_fill_(~counted, -torch.inf)
            scores[:, 0].masked_fill_(~counted.any(dim=1), 0)
        torch.softmax(scores, dim=1, out=weights[here])
    return weights


def _scores(colours: Tensor, here: slice, index: Tensor, count: int | Tensor, affinity: str) -> Tensor:
    """Return the logits of the neighbours of a tile, (n, P)."""
    scores = colours.new_zeros(index.shape)
    for colour in colours:
        difference = colour.index_select(0, index.flatten()).view(index.shape).sub_(colour[here, None])
        # The pixel itself is in the sample, with a difference of 0, so the sum of squares is much larger than the value
        # subtracted from it. A neighbour that does not count is the pixel itself here, and adds 0.
        total, squares = difference.sum(dim=1), difference.square().sum(dim=1)
        variance = (squares - total.square() / count).clamp_(min=0) / (count - 1)
        scale = 0.1 * variance.sqrt() if affinity == 'reference' else variance
        scores.addcdiv_(difference.abs_(), (EPS + scale)[:, None], value=-1 / len(colours))
    return scores
