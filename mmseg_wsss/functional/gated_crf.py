r"""Gated CRF loss: pixels near each other that look alike should be predicted alike.

Obukhov, Georgoulis, Dai, Van Gool: "Gated CRF Loss for Weakly Supervised Semantic Image Segmentation", 2019.
This is the textbook form: ``unfold`` lays out the neighbours of every pixel and autograd does the rest, at the cost of
two tensors (2 radius + 1)^2 times the size of the probabilities. ``gated_crf_loss`` of :mod:`mmseg_wsss.ops` is its
fast twin.

Shape letters: B batch, C classes, H x W the grid of the probabilities, h x w the image, P = (2 radius + 1)^2 offsets.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import torch
import torch.nn.functional as F
from torch import Tensor

from .checks import (
    check_float_map,
    check_mask,
    check_positive,
    check_shape,
    compute_dtype,
    describe,
)
from .grids import pool_mask

KernelSettings = Mapping[str, float]
# Squares of a sigma, and of a distance over a sigma, must be numbers of float32.
_SMALLEST_SIGMA, _LARGEST_SIGMA = 1e-15, 1e15


class Kernel(NamedTuple):
    """One Gaussian of the mixture; None leaves a feature out."""

    weight: float
    xy: float | None
    rgb: float | None


class CRFInputs(NamedTuple):
    """The arguments of the loss, checked and brought to the grid of the probabilities."""

    kernels: tuple[Kernel, ...]
    colour: Tensor  # (B, 3, H, W)
    destination: Tensor  # 1 where a cell counts as destination, (B, 1, H, W)
    source: Tensor  # 1 where a cell counts as source, (B, 1, H, W)
    used: Tensor | None  # False where a cell is neither, (B, 1, H, W); None if there is no such cell
    denominator: Tensor  # scalar
    compatibility: Tensor | None  # (C, C)
    rounding: float  # relative error of an energy by rounding, of the probabilities and of the sums


def gated_crf_loss(
    probs: Tensor,
    image: Tensor,
    *,
    kernels: Sequence[KernelSettings],
    radius: int = 5,
    source_mask: Tensor | None = None,
    destination_mask: Tensor | None = None,
    compatibility: Tensor | None = None,
) -> Tensor:
    r"""Penalise different predictions at alike pixels (equations 2-6 of the paper).

    .. math::
        \frac{1}{D} \sum_a m^{dst}_a \sum_{b \in N(a),\, b \ne a} m^{src}_b K_{ab}\, \mu(y_a, y_b), \qquad
        K_{ab} = \sum_p w_p \exp\left(-\tfrac12 \left|\frac{f_a - f_b}{\sigma_p}\right|^2\right)

    :math:`\mu = 1 - \langle y_a, y_b \rangle` (Potts), or :math:`y_a^T M y_b` with ``compatibility`` :math:`M`.
    :math:`N(a)` is the window of 2 ``radius`` + 1 cells around :math:`a`; cells outside the image do not count.
    :math:`D` counts the cells of the destination mask if there is one, else those of the source mask, else all cells;
    at least 1. Computed in float32 at least, also under autocast. There is no gradient to ``image`` or
    ``compatibility``.

    Differs from the published code: there, a neighbour outside the image adds a constant to the value if no source
    mask is given, and no copy of it runs with a custom compatibility. The paper divides by the destination cells only.

    Args:
        probs: Predicted probabilities :math:`y`, (B, C, H, W).
        image: Colours, (B, 3, h, w) of any size; averaged over each cell of H x W. The paper's ``rgb`` sigma of 0.1
            is for an image standardised by its mean and standard deviation.
        kernels: The mixture: dicts of ``weight``, ``xy`` (sigma in cells of H x W) and ``rgb`` (sigma in the units of
            ``image``); ``xy`` or ``rgb`` may be left out, not both. The paper: ``[dict(weight=1, xy=6, rgb=0.1)]``.
        radius: Half the side of the window, in cells of H x W.
        source_mask: 1 where a pixel may influence others, (B, 1, h, w) of any size; a cell counts only if all its
            pixels do. A cell outside stays a destination.
        destination_mask: 1 where a pixel may be influenced, in the same form. A cell outside both masks has no effect
            at all, and may hold NaN or inf in ``probs`` and ``image``.
        compatibility: Costs :math:`M`, (C, C), used as given: ``[i, j]`` is the cost of class i at the destination
            beside class j at the source. None is Potts.

    Returns:
        Scalar in float32, or float64 for float64 probabilities.

    Raises:
        TypeError: If an argument is of the wrong kind.
        ValueError: If shapes do not fit each other or a setting is out of range.

    Example:
        >>> probs = torch.rand(2, 4, 8, 8).softmax(1)
        >>> loss = gated_crf_loss(probs, torch.rand(2, 3, 32, 32), kernels=[dict(weight=1, xy=6, rgb=0.1)])
    """
    inputs = prepare_inputs(probs, image, kernels, radius, source_mask, destination_mask, compatibility)
    with torch.autocast(probs.device.type, enabled=False):
        probs = probs.to(inputs.colour.dtype)
        if inputs.used is not None:
            probs = torch.where(inputs.used, probs, 0)
        gated_kernel = inputs.destination * _neighbours(inputs.source, radius)[:, 0] * _pairwise_kernel(inputs, radius)
        message = (gated_kernel[:, None] * _neighbours(probs, radius)).sum(dim=2)  # sum_b G_ab K_ab y_b, (B, C, H, W)
        if inputs.compatibility is None:
            total = gated_kernel.sum(dim=1)
            energy = lift_rounding((total - (probs * message).sum(dim=1)).sum(), total.sum(), inputs.rounding)
        else:
            energy = torch.einsum('bihw,ij,bjhw->', probs, inputs.compatibility, message)
        return energy / inputs.denominator


def lift_rounding(energy: Tensor, total: Tensor, rounding: float) -> Tensor:
    """Return 0 for a Potts energy that is negative only by rounding; the gradient stays.

    The energy of probabilities is never below 0, but probabilities of 1 and 0.002 in bfloat16 have a sum above 1, and
    the energy is the small difference of ``total``, the sum of the kernel, and the agreement.
    """
    return energy + torch.where(energy < -rounding * total, 0, -energy).clamp(min=0).detach()


@torch.no_grad()
def prepare_inputs(
    probs: Tensor,
    image: Tensor,
    kernels: Sequence[KernelSettings],
    radius: int,
    source_mask: Tensor | None,
    destination_mask: Tensor | None,
    compatibility: Tensor | None,
) -> CRFInputs:
    """Check the arguments of :func:`gated_crf_loss` and bring image and masks to the grid of the probabilities."""
    _check_arguments(probs, image, radius, source_mask, destination_mask, compatibility)
    dtype = compute_dtype(probs)
    size = (probs.shape[2], probs.shape[3])
    with torch.autocast(probs.device.type, enabled=False):
        colour = F.adaptive_avg_pool2d(image.to(dtype), size)
        ones = torch.ones_like(colour[:, :1])
        source = ones if source_mask is None else pool_mask(source_mask, size, dtype)
        destination = ones if destination_mask is None else pool_mask(destination_mask, size, dtype)
        used = None
        if source_mask is not None and destination_mask is not None:
            used = (source + destination) > 0
            colour = torch.where(used, colour, 0)
        counted = source if destination_mask is None else destination
        return CRFInputs(
            kernels=parse_kernels(kernels),
            colour=colour,
            destination=destination,
            source=source,
            used=used,
            denominator=counted.sum().clamp(min=1),
            compatibility=None if compatibility is None else compatibility.detach().to(dtype),
            rounding=torch.finfo(probs.dtype).eps ** 2 + torch.finfo(dtype).eps * (2 * radius + 1) ** 2,
        )


def parse_kernels(kernels: Sequence[KernelSettings]) -> tuple[Kernel, ...]:
    """Check the mixture of kernels.

    Raises:
        TypeError: If it is not a sequence of dicts of numbers.
        ValueError: If there is no kernel, or one has unknown keys, no weight, no sigma, or one that is not above 0 or
            so small or large that its square is beyond float32.
    """
    if isinstance(kernels, Mapping) or not isinstance(kernels, Sequence):
        raise TypeError(f'kernels must be a list of dicts, got {describe(kernels)}; put a single kernel into a list')
    if not kernels:
        raise ValueError('kernels must hold at least one dict such as dict(weight=1, xy=6, rgb=0.1), got none')
    return tuple(_parse_kernel(settings, f'kernels[{i}]') for i, settings in enumerate(kernels))


def check_radius(radius: Any) -> None:
    """Raise ValueError unless the window is a whole number of cells from 1."""
    if isinstance(radius, bool) or not isinstance(radius, int) or radius < 1:
        raise ValueError(f'radius must be a whole number of cells from 1, got {radius!r}')


def _parse_kernel(settings: KernelSettings, name: str) -> Kernel:
    if not isinstance(settings, Mapping):
        raise TypeError(f'{name} must be a dict such as dict(weight=1, xy=6, rgb=0.1), got {describe(settings)}')
    unknown = set(settings) - {'weight', 'xy', 'rgb'}
    if unknown:
        raise ValueError(f'{name} has unknown keys {sorted(unknown)}: choose from weight, xy, rgb')
    if 'weight' not in settings:
        raise ValueError(f'{name} has no weight: add for example weight=1')
    values = {key: check_positive(value, f'{name}[{key!r}]') for key, value in settings.items()}
    if len(values) == 1:
        raise ValueError(f'kernel without xy and rgb: {name} needs a sigma for xy (in cells), rgb (in colour), or both')
    for key in values.keys() & {'xy', 'rgb'}:
        if not _SMALLEST_SIGMA <= values[key] <= _LARGEST_SIGMA:
            raise ValueError(
                f'{name}[{key!r}] must be a sigma from {_SMALLEST_SIGMA:g} to {_LARGEST_SIGMA:g}, got {values[key]:g}'
            )
    return Kernel(values['weight'], values.get('xy'), values.get('rgb'))


def _check_arguments(
    probs: Any, image: Any, radius: Any, source_mask: Any, destination_mask: Any, compatibility: Any
) -> None:
    check_float_map(probs, 'probs')
    batch, classes = probs.shape[:2]
    if not isinstance(image, Tensor) or image.is_complex():
        raise TypeError(f'image must be a tensor (B, 3, h, w), got {describe(image)}')
    check_shape(image, 'image', f'({batch}, 3, h, w)')
    if len(image) != batch:
        raise ValueError(f'image and probs must have the same batch size, got {len(image)} and {batch}')
    check_radius(radius)
    for name, mask in (('source_mask', source_mask), ('destination_mask', destination_mask)):
        if mask is not None:
            check_mask(mask, name, batch)
    if compatibility is not None:
        if not isinstance(compatibility, Tensor):
            raise TypeError(f'compatibility must be a tensor (C, C), got {describe(compatibility)}')
        if compatibility.shape != (classes, classes):
            raise ValueError(
                f'compatibility must have the shape {(classes, classes)}, a row and a column for each class of probs, '
                f'got {tuple(compatibility.shape)}'
            )


def _pairwise_kernel(inputs: CRFInputs, radius: int) -> Tensor:
    """Return :math:`K_{ab}` for every cell and offset, (B, P, H, W); 0 for the cell itself."""
    side = torch.arange(-radius, radius + 1, dtype=inputs.colour.dtype, device=inputs.colour.device)
    squared_distance = (side[:, None].square() + side.square()).view(1, -1, 1, 1)
    total = torch.zeros_like(squared_distance)
    for kernel in inputs.kernels:
        exponent = torch.zeros_like(squared_distance)
        if kernel.xy is not None:
            exponent = exponent + squared_distance / kernel.xy**2
        if kernel.rgb is not None:
            colour = inputs.colour / kernel.rgb
            exponent = exponent + (_neighbours(colour, radius) - colour[:, :, None]).square().sum(dim=1)
        total = total + kernel.weight * torch.exp(-0.5 * exponent)
    return total * (squared_distance > 0)


def _neighbours(field: Tensor, radius: int) -> Tensor:
    """Lay out the window around every cell, zeros outside of the image: (B, c, H, W) -> (B, c, P, H, W)."""
    batch, channels, height, width = field.shape
    return F.unfold(field, 2 * radius + 1, padding=radius).view(batch, channels, -1, height, width)
