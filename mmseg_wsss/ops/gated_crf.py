r"""Gated CRF loss in the memory of the probabilities: value and gradient in closed form, in one pass.

With :math:`G_{ab} = m^{dst}_a m^{src}_b`, the sums :math:`S_a = \sum_b (G_{ab} + G_{ba}) K_{ab} y_b` give both: the
gradient of the Potts energy is :math:`-S_a` and the energy
:math:`\frac12 \sum_a (\sum_b (G_{ab} + G_{ba}) K_{ab} - \langle y_a, S_a \rangle)`. :math:`K` is symmetric, so half of
the offsets need an exponential.

A few images at a time are stored channel by channel as one line of cells, with blank cells on the right and below, so
that a neighbour is a fixed number of cells away and every step uses contiguous memory that stays in the cache.

Shape letters: B batch, C classes, H x W the grid, F channels of the summed fields, N cells of a line, n cells of a
tile, O offsets of one row of the window.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import torch
import torch.nn.functional as F
from torch import Tensor

from ..functional.gated_crf import CRFInputs, lift_rounding, prepare_inputs
from ..functional.gated_crf_kernels import Kernel, KernelSettings
from ._autograd import scale_gradients
from .dispatch import choose_backend

# Number of values of a field that are processed at a time, so that they stay in the cache of a CPU core.
_CACHED_VALUES = 2**17
# The Triton kernel is unrolled along a row of the window.
_MAX_TRITON_RADIUS = 10


class _Line(NamedTuple):
    """The layout of a few images: H x W cells each, and blank cells as far as the window reaches."""

    height: int
    width: int
    reach_y: int
    reach_x: int

    @classmethod
    def around(cls, field: Tensor, radius: int) -> _Line:
        height, width = field.shape[2:]
        return cls(height, width, min(radius, height - 1), min(radius, width - 1))

    @property
    def row(self) -> int:
        """Number of cells from one cell to the cell below."""
        return self.width + self.reach_x

    def lay_out(self, field: Tensor) -> Tensor:
        """Return (B, F, H, W) as (F, N)."""
        padded = F.pad(field, (0, self.reach_x, 0, self.reach_y))
        return padded.transpose(0, 1).reshape(field.shape[1], -1)

    def take_up(self, line: Tensor) -> Tensor:
        """Return (F, N) as (B, F, H, W)."""
        images = line.view(len(line), -1, self.height + self.reach_y, self.row)
        return images[:, :, : self.height, : self.width].transpose(0, 1)


def gated_crf_loss(
    probs: Tensor,
    image: Tensor,
    *,
    kernels: Sequence[KernelSettings],
    radius: int = 5,
    source_mask: Tensor | None = None,
    destination_mask: Tensor | None = None,
    compatibility: Tensor | None = None,
    modalities: Mapping[str, Tensor] | None = None,
    backend: str = 'auto',
) -> Tensor:
    """Compute :func:`mmseg_wsss.functional.gated_crf_loss` fast and with little memory.

    In addition to ``probs``, one tensor of its size, in float32 at least, is kept for the backward pass. Second
    derivatives and ``torch.func.grad`` are not supported: use ``backward``. A custom ``compatibility`` takes up to
    twice the time of Potts. The Triton backend supports Potts in windows of radius up to 10 without modalities; it
    computes in float32.

    Args:
        probs: Same as in the reference.
        image: Same as in the reference.
        kernels: Same as in the reference.
        radius: Same as in the reference.
        source_mask: Same as in the reference.
        destination_mask: Same as in the reference.
        compatibility: Same as in the reference.
        modalities: Same as in the reference.
        backend: ``'torch'``, ``'triton'``, or ``'auto'``, which is Triton on a GPU if it supports the call.

    Returns:
        Scalar in float32, or float64 for float64 probabilities.

    Raises:
        TypeError: If an argument has the wrong type.
        ValueError: If shapes do not match, a setting is out of range or the backend does not support the call.
    """
    inputs = prepare_inputs(probs, image, kernels, radius, source_mask, destination_mask, compatibility, modalities)
    chosen = choose_backend(backend, probs, _limit_of_triton(radius, compatibility, modalities))
    loss: Tensor = _GatedCRF.apply(probs, inputs, radius, chosen)  # type: ignore[no-untyped-call]
    return loss


def _limit_of_triton(radius: int, compatibility: Tensor | None, modalities: Mapping[str, Tensor] | None) -> str | None:
    if compatibility is not None:
        return 'its kernel only supports the Potts compatibility'
    if modalities:
        return f'its kernel only compares positions and colours, got the modalities {", ".join(modalities)}'
    return None if radius <= _MAX_TRITON_RADIUS else f'its largest radius is {_MAX_TRITON_RADIUS}, got {radius}'


class _GatedCRF(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, probs: Tensor, inputs: CRFInputs, radius: int, backend: str) -> Tensor:
        with torch.autocast(probs.device.type, enabled=False):
            if backend == 'triton':
                # Imported here because triton is optional.
                from . import _triton_gated_crf

                loss, gradient = _triton_gated_crf.loss_and_gradient(probs, inputs, radius)
            else:
                loss, gradient = _loss_and_gradient(probs, inputs, radius)
        ctx.save_for_backward(probs, gradient)
        return loss

    @staticmethod
    def backward(ctx: Any, upstream: Tensor) -> tuple[Tensor | None, ...]:
        probs, gradient = ctx.saved_tensors
        return *scale_gradients('gated_crf_loss', upstream, [probs], [gradient]), None, None, None


def _loss_and_gradient(probs: Tensor, inputs: CRFInputs, radius: int) -> tuple[Tensor, Tensor]:
    energy = inputs.denominator.new_zeros(())
    gradient = torch.empty(probs.shape, dtype=energy.dtype, device=probs.device)
    step = max(1, _CACHED_VALUES // probs[0].numel()) if probs.device.type == 'cpu' else len(probs)
    for start in range(0, len(probs), step):
        images = slice(start, start + step)
        values = probs[images].to(energy.dtype)
        if inputs.used is not None:
            values = torch.where(inputs.used[images], values, 0)
        part = inputs._replace(
            guides={name: guide[images] for name, guide in inputs.guides.items()},
            destination=inputs.destination[images],
            source=inputs.source[images],
        )
        line = _Line.around(values, radius)
        if inputs.compatibility is None:
            energy += _potts(values, part, line, gradient[images])
        else:
            energy += _custom(values, part, line, inputs.compatibility, gradient[images])
    return energy / inputs.denominator, gradient.div_(inputs.denominator)


def _potts(probs: Tensor, inputs: CRFInputs, line: _Line, gradient: Tensor) -> Tensor:
    """Return the Potts energy of a few images and write its gradient."""
    # The last field, all ones, gives sum_b (G_ab + G_ba) K_ab in the order of the others, so the energy of equal
    # one-hot predictions is exactly 0.
    fields = line.lay_out(torch.cat([probs, torch.ones_like(probs[:, :1])], dim=1))
    gates = line.lay_out(inputs.destination)[0], line.lay_out(inputs.source)[0]
    sums = _window_sums(fields, _used_guides(inputs, line), gates, inputs.kernels, line)
    torch.neg(line.take_up(sums[:-1]), out=gradient)
    total = sums[-1] * fields[-1]
    energy = 0.5 * (total - (fields[:-1] * sums[:-1]).sum(dim=0)).sum()
    return lift_rounding(energy, total.sum(), inputs.rounding)


def _custom(probs: Tensor, inputs: CRFInputs, line: _Line, costs: Tensor, gradient: Tensor) -> Tensor:
    """Return the energy of a few images for any compatibility matrix and write its gradient."""
    destination, source = line.lay_out(probs * inputs.destination), line.lay_out(probs * inputs.source)
    sums = _window_sums(torch.cat([destination, source]), _used_guides(inputs, line), None, inputs.kernels, line)
    from_destination, from_source = sums.chunk(2)
    cost = costs @ from_source
    torch.mul(line.take_up(cost), inputs.destination, out=gradient)
    gradient.addcmul_(line.take_up(costs.T @ from_destination), inputs.source)
    return (destination * cost).sum()


def _used_guides(inputs: CRFInputs, line: _Line) -> dict[str, Tensor]:
    """Lay out the features that kernels compare, (channels, N) each; colours only if a kernel uses them."""
    names = dict.fromkeys(name for kernel in inputs.kernels for name in kernel.guides())
    return {name: line.lay_out(inputs.guides[name]) for name in names}


def _window_sums(
    fields: Tensor,
    guides: Mapping[str, Tensor],
    gates: tuple[Tensor, Tensor] | None,
    kernels: Sequence[Kernel],
    line: _Line,
) -> Tensor:
    r"""Return :math:`\sum_b (G_{ab} + G_{ba}) K_{ab} y_b` of fields (F, N); without :math:`G` if no gates."""
    sums = torch.zeros_like(fields)
    length = fields.shape[1] - line.reach_y * line.row - line.reach_x  # cells beyond have no neighbour ahead
    tile = max(1024, _CACHED_VALUES // len(fields)) if fields.device.type == 'cpu' else max(1, length)
    for start in range(0, length, tile):
        size = min(tile, length - start)
        here = slice(start, start + size)
        fields_here, sums_here = fields[:, here], sums[:, here]
        for down in range(line.reach_y + 1):
            # The half of the window that lies ahead; every pair is visited once and counts for both of its cells.
            left = 1 if down == 0 else -line.reach_x
            right = torch.arange(left, line.reach_x + 1, device=fields.device)
            if not len(right):
                continue
            first = start + down * line.row + left
            ahead = slice(first, first + size + len(right) - 1)
            squared_distance = (right.square() + down**2).to(fields.dtype)[:, None]
            pairs = {name: (guide[:, here], guide[:, ahead].unfold(1, size, 1)) for name, guide in guides.items()}
            kernel = _mixture(kernels, squared_distance, pairs)
            if gates is not None:
                kernel = _pair_gates(gates, here, ahead).mul_(kernel)
            # Rows are summed separately: 120 terms added one by one would have larger rounding errors than the
            # reference.
            row_sums = torch.zeros_like(fields[:, ahead])
            row_sums_here = torch.zeros_like(fields_here)
            # One view per offset, (F, n): the cells at that offset from the tile.
            fields_there, sums_there = (x.unfold(1, size, 1).unbind(1) for x in (fields[:, ahead], row_sums))
            for k, y, s in zip(kernel.unbind(0), fields_there, sums_there, strict=True):
                row_sums_here.addcmul_(k, y)
                s.addcmul_(k, fields_here)
            sums_here += row_sums_here
            sums[:, ahead] += row_sums
    return sums


def _mixture(
    kernels: Sequence[Kernel], squared_distance: Tensor, guides: Mapping[str, tuple[Tensor, Tensor]]
) -> Tensor:
    """Return the kernel of a tile and the offsets of a row, (O, n), or (O, 1) if it only depends on positions.

    Args:
        kernels: The mixture.
        squared_distance: Squared distance of the positions, (O, 1).
        guides: Other features by name: those of the tile, (channels, n), and those at the offsets, (channels, O, n).
    """
    squared_differences = {name: _squared_difference(here, there) for name, (here, there) in guides.items()}
    total = torch.zeros_like(squared_distance)
    for kernel in kernels:
        # In powers of 2, because torch.exp takes ten times longer where it underflows.
        exponent = squared_distance * (0.0 if kernel.xy is None else -0.5 / math.log(2) / kernel.xy**2)
        for name, sigma in kernel.guides().items():
            exponent = torch.add(exponent, squared_differences[name], alpha=-0.5 / math.log(2) / sigma**2)
        # Products with denormal numbers are slow, and these are too small to matter.
        similarity = F.threshold(exponent.exp2_(), torch.finfo(total.dtype).tiny ** 0.5, 0.0, inplace=True)
        total = total + similarity.mul_(kernel.weight)
    return total


def _squared_difference(here: Tensor, there: Tensor) -> Tensor:
    """Return the squared distance of features (channels, n) to those (channels, O, n), (O, n)."""
    total = here.new_zeros(there.shape[1:])
    difference = torch.empty_like(total)
    for a, b in zip(here, there, strict=True):
        torch.sub(b, a, out=difference)
        total.addcmul_(difference, difference)
    return total


def _pair_gates(gates: tuple[Tensor, Tensor], here: slice, ahead: slice) -> Tensor:
    """Return :math:`G_{ab} + G_{ba}` of a tile and the offsets of a row, (O, n)."""
    destination, source = gates
    size = here.stop - here.start
    destination_ahead, source_ahead = (gate[ahead].unfold(0, size, 1) for gate in gates)
    # The views overlap, and a result would have their layout; writing to contiguous memory is 3x faster.
    pairs = destination.new_empty(destination_ahead.shape)
    torch.mul(source_ahead, destination[here], out=pairs)
    return pairs.addcmul_(destination_ahead, source[here])
