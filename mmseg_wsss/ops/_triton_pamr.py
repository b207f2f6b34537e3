r"""The Triton kernels of PAMR, with one launch for the weights of all neighbours and one per iteration.

One thread processes one pixel and loops over its neighbours at clamped indices, so nothing is padded, copied or shared
between threads, and results are deterministic. The masks alternate between two buffers.

The cost of an iteration, for B x C x h x w with P neighbours per pixel (48 for six dilations):

- arithmetic: 2 B C P h w, 0.21 GFLOP for 16x21x81x81, 3 microseconds at the 67 TFLOP/s of an H200;
- memory: weights read once per block of channels, masks read and written, (2 C + P) B h w floats, 38 MB, 9 microseconds
  at 4.5 TB/s and less where they stay in the L2 cache of 50 MB;
- L1: C + 1 floats for every neighbour, 0.44 GB, 15 microseconds at the 29 TB/s of 132 multiprocessors. This is the
  expected bound: 0.15 ms for 10 iterations, plus 11 launches and the weights.

The weights are computed once and kept, (P + 1) B h w floats. Computing them again in every iteration would save 20 MB
in this example, but would load 3 colours instead of 1 weight and need an exponential and 12 operations per neighbour,
for every block of channels. This is slower, especially for the few channels that are refined in training.
Blocks of 8 channels need few registers for the 64-bit addresses of all channels. Not measured on a GPU yet.

Shape letters: B batch, C channels, h x w the grid, P neighbours.
"""

from __future__ import annotations

import torch
import triton
import triton.language as tl
from torch import Tensor

from ..functional.pamr import EPS, PAMRInputs

_TILE_PIXELS = 128
_TILE_WIDTH = 32
_BLOCK_CHANNELS = 8


def refine(inputs: PAMRInputs, num_iters: int, affinity: str) -> Tensor:
    """Return the refined masks, (B, C, h, w) in float32."""
    masks, image = inputs.masks.contiguous(), inputs.image.contiguous()
    batch, channels, height, width = masks.shape
    tile_width = min(_TILE_WIDTH, triton.next_power_of_2(width))
    tile_height = _TILE_PIXELS // tile_width
    tiles = triton.cdiv(height, tile_height) * triton.cdiv(width, tile_width)
    block_channels = min(_BLOCK_CHANNELS, triton.next_power_of_2(channels))
    shape = {
        'DILATIONS': inputs.dilations,
        'TILE_HEIGHT': tile_height,
        'TILE_WIDTH': tile_width,
        'num_warps': _TILE_PIXELS // 32,
    }
    weights = masks.new_empty(batch, 8 * len(inputs.dilations) + 1, height, width)
    with torch.cuda.device_of(masks):  # type: ignore[no-untyped-call]
        _weights_kernel[(tiles, batch)](
            image,
            image if inputs.inside is None else inputs.inside.to(torch.int8).contiguous(),
            weights,
            height,
            width,
            8 * len(inputs.dilations),
            EPSILON=EPS,
            SQUARED=affinity == 'paper',
            MASKED=inputs.inside is not None,
            **shape,
        )
        # The first iteration reads the masks of the caller, which are not changed.
        buffers = [torch.empty_like(masks) for _ in range(min(2, num_iters))]
        for i in range(num_iters):
            refined = buffers[i % 2]
            _average_kernel[(tiles, triton.cdiv(channels, block_channels), batch)](
                masks, weights, refined, channels, height, width, BLOCK_CHANNELS=block_channels, **shape
            )
            masks = refined
    return masks


@triton.jit(do_not_specialize=['height', 'width', 'neighbours'])  # type: ignore[untyped-decorator]
def _weights_kernel(
    image: tl.tensor,  # (B, 3, h, w)
    inside: tl.tensor,  # (B, 1, h, w), read if MASKED
    weights: tl.tensor,  # out, (B, P + 1, h, w): exponentials, and the reciprocal of their sum or 0 if it is empty
    height: tl.tensor,
    width: tl.tensor,
    neighbours: tl.tensor,  # P: the compiler would unroll a loop of known length, beyond the registers
    EPSILON: tl.constexpr,
    SQUARED: tl.constexpr,
    MASKED: tl.constexpr,
    DILATIONS: tl.constexpr,
    TILE_HEIGHT: tl.constexpr,
    TILE_WIDTH: tl.constexpr,
) -> None:
    tiles_across = tl.cdiv(width, TILE_WIDTH)
    tile = tl.program_id(0)
    batch_index = tl.program_id(1).to(tl.int64)
    pixel = tl.arange(0, TILE_HEIGHT * TILE_WIDTH)
    y = (tile // tiles_across) * TILE_HEIGHT + pixel // TILE_WIDTH
    x = (tile % tiles_across) * TILE_WIDTH + pixel % TILE_WIDTH
    exists = (y < height) & (x < width)
    here = y * width + x
    plane = height * width
    image += batch_index * 3 * plane
    inside += batch_index * plane
    weights += batch_index * (neighbours + 1) * plane + here
    red = tl.load(image + here, mask=exists, other=0.0)
    green = tl.load(image + plane + here, mask=exists, other=0.0)
    blue = tl.load(image + 2 * plane + here, mask=exists, other=0.0)

    zero = tl.full([TILE_HEIGHT * TILE_WIDTH], 0.0, tl.float32)
    count, top, total = zero + len(DILATIONS), zero - 1e38, zero
    red_sum, green_sum, blue_sum = zero, zero, zero
    red_squares, green_squares, blue_squares = zero, zero, zero
    red_factor, green_factor, blue_factor = zero, zero, zero
    # Three loops: statistics of the colours, the largest score, the weights.
    for walk in tl.static_range(3):
        if walk == 1:
            red_factor = _factor(red_sum, red_squares, count, EPSILON, SQUARED)
            green_factor = _factor(green_sum, green_squares, count, EPSILON, SQUARED)
            blue_factor = _factor(blue_sum, blue_squares, count, EPSILON, SQUARED)
        for neighbour in range(neighbours):
            dilation = neighbour * 0
            for i in tl.static_range(len(DILATIONS)):
                dilation += (neighbour // 8 == i) * DILATIONS[i]
            cell = neighbour % 8 + (neighbour % 8 >= 4)  # of 3 x 3, without the centre
            there_y = tl.minimum(tl.maximum(y + (cell // 3 - 1) * dilation, 0), height - 1)
            there_x = tl.minimum(tl.maximum(x + (cell % 3 - 1) * dilation, 0), width - 1)
            there = there_y * width + there_x
            # The statistics are also computed from differences, so the pixel itself only adds its count.
            red_step = tl.load(image + there) - red
            green_step = tl.load(image + plane + there) - green
            blue_step = tl.load(image + 2 * plane + there) - blue
            counts = zero == 0
            if MASKED:
                counts = (tl.load(inside + there) != 0) & (tl.load(inside + here, mask=exists, other=0) != 0)
            if walk == 0:
                count += tl.where(counts, 1.0, 0.0)
                red_sum += tl.where(counts, red_step, 0.0)
                green_sum += tl.where(counts, green_step, 0.0)
                blue_sum += tl.where(counts, blue_step, 0.0)
                red_squares += tl.where(counts, red_step * red_step, 0.0)
                green_squares += tl.where(counts, green_step * green_step, 0.0)
                blue_squares += tl.where(counts, blue_step * blue_step, 0.0)
            else:
                score = tl.abs(red_step) * red_factor + tl.abs(green_step) * green_factor
                score = tl.where(counts, score + tl.abs(blue_step) * blue_factor, -1e38)
                if walk == 1:
                    top = tl.maximum(top, score)
                else:
                    weight = tl.where(counts, tl.exp(score - top), 0.0)
                    total += weight
                    tl.store(weights + neighbour * plane, weight, mask=exists)
    reciprocal = tl.where(total > 0, 1.0 / tl.maximum(total, 1e-30), 0.0)
    tl.store(weights + neighbours * plane, reciprocal, mask=exists)


@triton.jit  # type: ignore[untyped-decorator]
def _factor(
    sums: tl.tensor, squares: tl.tensor, count: tl.tensor, EPSILON: tl.constexpr, SQUARED: tl.constexpr
) -> tl.tensor:
    """Return the factor of the absolute difference of a colour in the score."""
    variance = tl.maximum(squares - sums * sums / count, 0.0) / tl.maximum(count - 1, 1.0)
    scale = EPSILON + variance if SQUARED else EPSILON + 0.1 * tl.sqrt(variance)
    return -1.0 / (3.0 * scale)


@triton.jit(do_not_specialize=['channels', 'height', 'width'])  # type: ignore[untyped-decorator]
def _average_kernel(
    masks: tl.tensor,  # (B, C, h, w)
    weights: tl.tensor,  # (B, P + 1, h, w)
    refined: tl.tensor,  # out, (B, C, h, w)
    channels: tl.tensor,
    height: tl.tensor,
    width: tl.tensor,
    DILATIONS: tl.constexpr,
    BLOCK_CHANNELS: tl.constexpr,
    TILE_HEIGHT: tl.constexpr,
    TILE_WIDTH: tl.constexpr,
) -> None:
    tiles_across = tl.cdiv(width, TILE_WIDTH)
    tile, block = tl.program_id(0), tl.program_id(1)
    batch_index = tl.program_id(2).to(tl.int64)
    pixel = tl.arange(0, TILE_HEIGHT * TILE_WIDTH)
    y = (tile // tiles_across) * TILE_HEIGHT + pixel // TILE_WIDTH
    x = (tile % tiles_across) * TILE_WIDTH + pixel % TILE_WIDTH
    exists = (y < height) & (x < width)
    here = y * width + x
    plane = height * width
    weights += batch_index * (8 * len(DILATIONS) + 1) * plane + here
    channel = tl.arange(0, BLOCK_CHANNELS)
    is_channel = (block * BLOCK_CHANNELS + channel < channels)[:, None]
    first = (batch_index * channels + block * BLOCK_CHANNELS) * plane
    masks += first + channel[:, None] * plane

    sums = tl.full([BLOCK_CHANNELS, TILE_HEIGHT * TILE_WIDTH], 0.0, tl.float32)
    for i in tl.static_range(len(DILATIONS)):
        for k in range(8):
            cell = k + (k >= 4)
            there_y = tl.minimum(tl.maximum(y + (cell // 3 - 1) * DILATIONS[i], 0), height - 1)
            there_x = tl.minimum(tl.maximum(x + (cell % 3 - 1) * DILATIONS[i], 0), width - 1)
            there = there_y * width + there_x
            # Not true at the border, where it is not used: this puts the threads of a warp along a row.
            there = tl.max_contiguous(there, TILE_WIDTH)
            weight = tl.load(weights + (8 * i + k) * plane, mask=exists)
            sums += weight[None, :] * tl.load(masks + there[None, :], mask=is_channel)
    reciprocal = tl.load(weights + 8 * len(DILATIONS) * plane, mask=exists)[None, :]
    stored = is_channel & exists[None, :]
    masks_here = tl.load(masks + here[None, :], mask=stored)
    average = tl.where(reciprocal > 0, sums * reciprocal, masks_here)
    refined += first + channel[:, None] * plane + here[None, :]
    tl.store(refined, average, mask=stored)
