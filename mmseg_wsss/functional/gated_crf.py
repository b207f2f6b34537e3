r"""Gated CRF loss: nearby pixels of similar colour should get similar predictions.

Obukhov, Georgoulis, Dai, Van Gool: "Gated CRF Loss for Weakly Supervised Semantic Image Segmentation", 2019.
This is the textbook form: ``unfold`` lays out the neighbours of every pixel and autograd computes the gradients, at the
cost of two tensors (2 radius + 1)^2 times the size of the probabilities. ``gated_crf_loss`` of :mod:`mmseg_wsss.ops` is
its fast version.

Shape letters: B batch, C classes, H x W the grid of the probabilities, h x w the image, P = (2 radius + 1)^2 offsets.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import torch
import torch.nn.functional as F
from torch import Tensor

from .checks import check_float_map, check_mask, compute_dtype, describe
from .gated_crf_kernels import Kernel, KernelSettings, check_radius, prepare_guides
from .grids import pool_mask


class CRFInputs(NamedTuple):
    """The checked arguments of the loss, resized to the grid of the probabilities."""

    kernels: tuple[Kernel, ...]
    guides: Mapping[str, Tensor]  # what kernels compare besides positions: rgb (B, 3, H, W), modalities (B, K, H, W)
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
    modalities: Mapping[str, Tensor] | None = None,
) -> Tensor:
    r"""Penalise different predictions at similar pixels (equations 2-6 of the paper).

    .. math::
        \frac{1}{D} \sum_a m^{dst}_a \sum_{b \in N(a),\, b \ne a} m^{src}_b K_{ab}\, \mu(y_a, y_b), \qquad
        K_{ab} = \sum_p w_p \exp\left(-\tfrac12 \left|\frac{f_a - f_b}{\sigma_p}\right|^2\right)

    :math:`\mu = 1 - \langle y_a, y_b \rangle` (Potts), or :math:`y_a^T M y_b` with ``compatibility`` :math:`M`.
    :math:`N(a)` is the window of 2 ``radius`` + 1 cells around :math:`a`; cells outside the image do not count.
    :math:`D` is the number of cells of the destination mask if given, otherwise of the source mask if given, otherwise
    of all cells; it is at least 1. Computed in float32 at least, also under autocast. ``image``, ``modalities`` and
    ``compatibility`` do not receive gradients.

    The features :math:`f` of a kernel are the position, the colour and any other modality of the scene such as depth or
    infrared, which the paper mentions but does not use.

    Differs from the published code: there, a neighbour outside the image adds a constant to the value if there is no
    source mask, and a custom compatibility does not work. The paper divides only by the destination cells.

    Args:
        probs: Predicted probabilities :math:`y`, (B, C, H, W).
        image: Colours, (B, 3, h, w) of any size; averaged over each cell of H x W. The paper's ``rgb`` sigma of 0.1
            is for an image standardised by its mean and standard deviation.
        kernels: The mixture: dicts of ``weight``, ``xy`` (sigma in cells of H x W), ``rgb`` (sigma in the units of
            ``image``) and the names of ``modalities`` (sigma in the units of each). At least one sigma is required. The
            paper has ``[dict(weight=1, xy=6, rgb=0.1)]``.
        radius: Half the side of the window, in cells of H x W.
        source_mask: 1 where a pixel may influence others, (B, 1, h, w) of any size; a cell counts only if all its
            pixels do. A cell outside of the mask stays a destination.
        destination_mask: 1 where a pixel may be influenced, in the same form. A cell outside both masks has no effect
            at all, and may hold NaN or inf in ``probs`` and ``image``.
        compatibility: Costs :math:`M`, (C, C), used as given: ``[i, j]`` is the cost of class i at the destination
            with class j at the source. None means the Potts model.
        modalities: Further features by the names that ``kernels`` use, (B, K, h, w) each, of any size and number of
            channels, averaged over each cell like ``image``.

    Returns:
        Scalar in float32, or float64 for float64 probabilities.

    Raises:
        TypeError: If an argument has the wrong type.
        ValueError: If shapes do not match, a setting is out of range, or the names in kernels and modalities differ.

    Example:
        >>> probs, image, depth = torch.rand(2, 4, 8, 8).softmax(1), torch.rand(2, 3, 32, 32), torch.rand(2, 1, 32, 32)
        >>> loss = gated_crf_loss(probs, image, kernels=[dict(weight=1, xy=6, rgb=0.1)])
        >>> kernels = [dict(weight=1, xy=6, rgb=0.1), dict(weight=0.5, xy=6, depth=0.2)]
        >>> loss = gated_crf_loss(probs, image, kernels=kernels, modalities={'depth': depth})
    """
    inputs = prepare_inputs(probs, image, kernels, radius, source_mask, destination_mask, compatibility, modalities)
    with torch.autocast(probs.device.type, enabled=False):
        probs = probs.to(inputs.source.dtype)
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
    """Return 0 for a Potts energy that is negative only because of rounding, and keep its gradient.

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
    modalities: Mapping[str, Tensor] | None = None,
) -> CRFInputs:
    """Check the arguments of :func:`gated_crf_loss` and resize image and masks to the grid of the probabilities."""
    check_float_map(probs, 'probs')
    check_radius(radius)
    _check_masks(probs, source_mask, destination_mask, compatibility)
    dtype = compute_dtype(probs)
    size = (probs.shape[2], probs.shape[3])
    mixture, guides = prepare_guides(kernels, image, modalities, size, dtype, len(probs))
    with torch.autocast(probs.device.type, enabled=False):
        ones = torch.ones_like(guides['rgb'][:, :1])
        source = ones if source_mask is None else pool_mask(source_mask, size, dtype)
        destination = ones if destination_mask is None else pool_mask(destination_mask, size, dtype)
        used = None
        if source_mask is not None and destination_mask is not None:
            used = (source + destination) > 0
            guides = {name: torch.where(used, guide, 0) for name, guide in guides.items()}
        counted = source if destination_mask is None else destination
        return CRFInputs(
            kernels=mixture,
            guides=guides,
            destination=destination,
            source=source,
            used=used,
            denominator=counted.sum().clamp(min=1),
            compatibility=None if compatibility is None else compatibility.detach().to(dtype),
            rounding=torch.finfo(probs.dtype).eps ** 2 + torch.finfo(dtype).eps * (2 * radius + 1) ** 2,
        )


def _check_masks(probs: Tensor, source_mask: Any, destination_mask: Any, compatibility: Any) -> None:
    batch, classes = probs.shape[:2]
    for name, mask in (('source_mask', source_mask), ('destination_mask', destination_mask)):
        if mask is not None:
            check_mask(mask, name, batch)
    if compatibility is not None:
        if not isinstance(compatibility, Tensor):
            raise TypeError(f'compatibility must be a tensor (C, C), got {describe(compatibility)}')
        if compatibility.shape != (classes, classes):
            raise ValueError(
                f'compatibility must have the shape {(classes, classes)}, one row and one column per class of probs, '
                f'got {tuple(compatibility.shape)}'
            )


def _pairwise_kernel(inputs: CRFInputs, radius: int) -> Tensor:
    """Return :math:`K_{ab}` for every cell and offset, (B, P, H, W); 0 for the cell itself."""
    side = torch.arange(-radius, radius + 1, dtype=inputs.source.dtype, device=inputs.source.device)
    squared_distance = (side[:, None].square() + side.square()).view(1, -1, 1, 1)
    total = torch.zeros_like(squared_distance)
    for kernel in inputs.kernels:
        exponent = torch.zeros_like(squared_distance)
        if kernel.xy is not None:
            exponent = exponent + squared_distance / kernel.xy**2
        for name, sigma in kernel.guides().items():
            guide = inputs.guides[name] / sigma
            exponent = exponent + (_neighbours(guide, radius) - guide[:, :, None]).square().sum(dim=1)
        total = total + kernel.weight * torch.exp(-0.5 * exponent)
    return total * (squared_distance > 0)


def _neighbours(field: Tensor, radius: int) -> Tensor:
    """Lay out the window around every cell, zeros outside of the image: (B, c, H, W) -> (B, c, P, H, W)."""
    batch, channels, height, width = field.shape
    return F.unfold(field, 2 * radius + 1, padding=radius).view(batch, channels, -1, height, width)
