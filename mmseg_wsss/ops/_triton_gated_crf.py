r"""The Triton kernel of the Gated CRF loss: Potts energy and gradient of the whole batch in one launch.

One thread processes one pixel :math:`a` and loops over its window; the kernel :math:`K_{ab}` of a neighbour is computed
once and used for all channels of the block. Pairs are not shared between threads, so atomics are not needed and results
are deterministic.

The cost for B x C x H x W with P = (2 radius + 1)^2 - 1 neighbours per pixel, on an H200 (67 TFLOP/s, 4.5
TB/s of memory, 29 TB/s from the L1 caches of its 132 multiprocessors):

- arithmetic: B H W P (2 C + 12) and an exponential per pair and kernel, 1.3 GFLOP for 48x21x64x64 at radius 5 and 1.8
  GFLOP for 8x19x192x192: 19 and 26 microseconds;
- memory: probabilities read and written with a margin, read again by the kernel, gradient written: 85 and 95 MB, 19 and
  21 microseconds;
- L1: every pair loads C probabilities, 3 colours and 2 gates in float32, 2.5 and 3.4 GB: 85 and 115 microseconds, and
  up to twice that because neighbours are not aligned;
- instructions: 122 for a pair of 32 pixels and 32 channels (also where C is less), 91 and 136 million: 98 and 147
  microseconds at 132 x 4 per cycle and 1.755 GHz. This and L1 are the expected bounds, plus launches and the small
  kernels that check and pool the inputs. Half a window (K is symmetric) would halve both, but needs sums from two
  sides.

The margin of zeros puts every load of a row at a fixed distance from the previous one, without a mask or an address
computation: compiled for compute capability 9.0, a pair of pixels takes 122 instructions for 32 channels, half as many
as with masked loads. Tiles are 32 pixels wide (one warp loads one row of them at a time) and 4 high, 61 KB with the
margin of radius 5 for 21 channels, so that neighbours come from L1. The sums of at most 32 channels fit the 255
registers of a thread; more channels need more blocks, which compute the kernel again. Not measured on a GPU yet.

Shape letters: B batch, C classes, H x W the grid, h x w the same with its margin.
"""

from __future__ import annotations

import math

import torch
import torch.nn.functional as F
import triton
import triton.language as tl
from torch import Tensor

from ..functional.gated_crf import CRFInputs, lift_rounding

_TILE_PIXELS = 128
_TILE_WIDTH = 32
_BLOCK_CHANNELS = 32


def loss_and_gradient(probs: Tensor, inputs: CRFInputs, radius: int) -> tuple[Tensor, Tensor]:
    """Return the Potts loss and its gradient with respect to ``probs``, both in float32."""
    batch, channels, height, width = probs.shape
    block_channels = min(_BLOCK_CHANNELS, triton.next_power_of_2(channels))
    tile_width = min(_TILE_WIDTH, triton.next_power_of_2(width))
    tile_height = _TILE_PIXELS // tile_width
    tiles_down, tiles_across = triton.cdiv(height, tile_height), triton.cdiv(width, tile_width)
    blocks = triton.cdiv(channels, block_channels)
    # With zeros wherever a window may reach, loads do not need a mask, and a mask of 0 closes the gate.
    below, beside = tiles_down * tile_height - height, tiles_across * tile_width - width
    margin = (radius, radius + beside, radius, radius + below)
    guide = F.pad(torch.cat([inputs.guides['rgb'], inputs.destination, inputs.source], dim=1), margin).contiguous()
    if inputs.used is not None:
        probs = torch.where(inputs.used, probs, 0)
    padded = F.pad(probs.float(), margin).contiguous()

    gradient = torch.empty(probs.shape, dtype=torch.float32, device=probs.device)
    total = gradient.new_empty(batch, height, width)
    agreement = gradient.new_empty(blocks, batch, height, width)
    with torch.cuda.device_of(probs):  # type: ignore[no-untyped-call]
        _potts_kernel[(tiles_down * tiles_across, blocks, batch)](
            padded,
            guide,
            inputs.denominator,
            gradient,
            total,
            agreement,
            batch,
            channels,
            height,
            width,
            *padded.shape[2:],
            WEIGHTS=tuple(kernel.weight for kernel in inputs.kernels),
            XY=tuple(_exponent(kernel.xy) for kernel in inputs.kernels),
            RGB=tuple(_exponent(kernel.rgb) for kernel in inputs.kernels),
            RADIUS=radius,
            BLOCK_CHANNELS=block_channels,
            TILE_HEIGHT=tile_height,
            TILE_WIDTH=tile_width,
            num_warps=_TILE_PIXELS // 32,
        )
    # Total and agreement of a pixel were summed in the same order: equal one-hot predictions cost exactly 0.
    energy = 0.5 * (total - agreement.sum(dim=0)).sum()
    return lift_rounding(energy, total.sum(), inputs.rounding) / inputs.denominator, gradient


def _exponent(sigma: float | None) -> float:
    """Return the factor of a squared distance in the exponent of 2; 0 leaves the feature out."""
    return 0.0 if sigma is None else -0.5 / math.log(2) / sigma**2


@triton.jit(do_not_specialize=['batch', 'channels', 'height', 'width', 'padded_height', 'padded_width'])  # type: ignore[untyped-decorator]
def _potts_kernel(
    probs: tl.tensor,  # (B, C, h, w)
    guide: tl.tensor,  # colour, destination and source mask, (B, 5, h, w)
    denominator: tl.tensor,  # scalar
    gradient: tl.tensor,  # out, (B, C, H, W)
    total: tl.tensor,  # out: sum_b (G_ab + G_ba) K_ab, (B, H, W)
    agreement: tl.tensor,  # out: <y_a, S_a> of each block of channels, (blocks, B, H, W)
    batch: tl.tensor,
    channels: tl.tensor,
    height: tl.tensor,
    width: tl.tensor,
    padded_height: tl.tensor,
    padded_width: tl.tensor,
    WEIGHTS: tl.constexpr,
    XY: tl.constexpr,
    RGB: tl.constexpr,
    RADIUS: tl.constexpr,
    BLOCK_CHANNELS: tl.constexpr,
    TILE_HEIGHT: tl.constexpr,
    TILE_WIDTH: tl.constexpr,
) -> None:
    tiles_across = tl.cdiv(width, TILE_WIDTH)
    tile, block = tl.program_id(0), tl.program_id(1)
    image = tl.program_id(2).to(tl.int64)
    pixel = tl.arange(0, TILE_HEIGHT * TILE_WIDTH)
    y = (tile // tiles_across) * TILE_HEIGHT + pixel // TILE_WIDTH
    x = (tile % tiles_across) * TILE_WIDTH + pixel % TILE_WIDTH
    padded_plane = padded_height * padded_width
    here = (y + RADIUS) * padded_width + x + RADIUS
    guide += image * 5 * padded_plane + here
    red = tl.load(guide)
    green = tl.load(guide + padded_plane)
    blue = tl.load(guide + 2 * padded_plane)
    destination = tl.load(guide + 3 * padded_plane)
    source = tl.load(guide + 4 * padded_plane)

    first = image * channels + block * BLOCK_CHANNELS
    channel = tl.arange(0, BLOCK_CHANNELS)
    is_channel = (block * BLOCK_CHANNELS + channel < channels)[:, None]
    probs += first * padded_plane + channel[:, None] * padded_plane + here[None, :]
    sums = tl.full([BLOCK_CHANNELS, TILE_HEIGHT * TILE_WIDTH], 0.0, tl.float32)
    kernel_sum = tl.full([TILE_HEIGHT * TILE_WIDTH], 0.0, tl.float32)
    for down in range(-RADIUS, RADIUS + 1):
        probs_row = probs + down * padded_width
        red_row = guide + down * padded_width
        green_row = red_row + padded_plane
        blue_row = green_row + padded_plane
        destination_row = blue_row + padded_plane
        source_row = destination_row + padded_plane
        # Rows are summed separately: hundreds of terms added one by one would have larger rounding errors than the
        # reference.
        row_sums = tl.full([BLOCK_CHANNELS, TILE_HEIGHT * TILE_WIDTH], 0.0, tl.float32)
        row_kernel_sum = tl.full([TILE_HEIGHT * TILE_WIDTH], 0.0, tl.float32)
        for right in tl.static_range(-RADIUS, RADIUS + 1):
            red_step = tl.load(red_row + right) - red
            green_step = tl.load(green_row + right) - green
            blue_step = tl.load(blue_row + right) - blue
            squared_difference = red_step * red_step + green_step * green_step + blue_step * blue_step
            squared_distance = down * down + right * right
            kernel = 0.0
            for i in tl.static_range(len(WEIGHTS)):
                exponent = tl.full([TILE_HEIGHT * TILE_WIDTH], 0.0, tl.float32) + squared_distance * XY[i]
                if RGB[i] != 0.0:  # a kernel of only positions does not read colours, which may be inf
                    exponent += squared_difference * RGB[i]
                kernel += WEIGHTS[i] * tl.exp2(exponent)
            gates = destination * tl.load(source_row + right) + source * tl.load(destination_row + right)
            kernel = tl.where(squared_distance > 0, kernel * gates, 0.0)
            row_sums += kernel[None, :] * tl.load(probs_row + right, mask=is_channel)
            row_kernel_sum += kernel
        sums += row_sums
        kernel_sum += row_kernel_sum

    exists = (y < height) & (x < width)
    plane = height * width
    cell = y * width + x
    agreed = tl.sum(tl.where(is_channel, tl.load(probs, mask=is_channel) * sums, 0.0), axis=0)
    tl.store(agreement + (block * batch + image) * plane + cell, agreed, mask=exists)
    if block == 0:
        tl.store(total + image * plane + cell, kernel_sum, mask=exists)
    gradient += first * plane + channel[:, None] * plane + cell[None, :]
    tl.store(gradient, -sums / tl.load(denominator), mask=is_channel & exists[None, :])
