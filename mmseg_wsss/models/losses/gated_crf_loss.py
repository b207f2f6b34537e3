"""Gated CRF loss as a part of a recipe."""

from collections.abc import Mapping, Sequence

import torch
from mmseg.registry import MODELS
from torch import Tensor

from ...functional.gated_crf import check_radius, parse_kernels
from ...ops import BACKENDS, gated_crf_loss
from ...structures import LossInputs
from .base_weak_loss import BaseWeakLoss

COLOR_SPACES = ('standardised', 'unit')


@MODELS.register_module()
class GatedCRFLoss(BaseWeakLoss):
    """Pairwise smoothness within a window, gated by validity (Obukhov et al., 2019).

    See :func:`mmseg_wsss.functional.gated_crf_loss` for the formula. The defaults are the published setting for VOC:
    one kernel, xy 6, rgb 0.1, radius 5, weight 0.1, validity as the source mask.

    Differs from the paper: there the rgb sigma has no unit; the published numbers used 0.1 on colours standardised with
    the ImageNet statistics, about 0.023 of the range [0, 1].

    Args:
        kernels: ``dict(weight=w, xy=sigma, rgb=sigma)`` each; ``xy`` in cells of the logits, ``rgb`` in units of
            ``color_space``; either may be left out.
        radius: Half width of the window, in cells of the logits; 5 is 11 x 11.
        source_mask: Whether pixels outside the original image (rotation, padding) are no sources.
        destination_mask: Whether they are no destinations either.
        compatibility: (C, C) cost of class i at the destination beside class j at the source; None is Potts.
        color_space: ``'standardised'`` (ImageNet mean and standard deviation) or ``'unit'`` ([0, 1]).
        backend: See :func:`mmseg_wsss.ops.gated_crf_loss`.
        loss_weight: Factor of the loss.
        start: Fraction of the training before which the loss is 0.

    Raises:
        ValueError: If a kernel has neither xy nor rgb, the radius is not a positive integer, ``color_space`` or
            ``backend`` is unknown.
    """

    compatibility: Tensor | None

    def __init__(
        self,
        kernels: Sequence[Mapping[str, float]] = ({'weight': 1.0, 'xy': 6.0, 'rgb': 0.1},),
        radius: int = 5,
        source_mask: bool = True,
        destination_mask: bool = False,
        compatibility: Sequence[Sequence[float]] | None = None,
        color_space: str = 'standardised',
        backend: str = 'auto',
        loss_weight: float = 0.1,
        start: float = 0.0,
    ) -> None:
        super().__init__(loss_weight, start)
        parse_kernels(kernels)
        check_radius(radius)
        if backend not in BACKENDS:
            raise ValueError(f'unknown backend {backend!r}: choose from {", ".join(BACKENDS)}')
        if color_space not in COLOR_SPACES:
            raise ValueError(f'color_space must be one of {", ".join(COLOR_SPACES)}, got {color_space!r}')
        self.kernels = [dict(kernel) for kernel in kernels]
        self.radius = radius
        self.source_mask = source_mask
        self.destination_mask = destination_mask
        self.color_space = color_space
        self.backend = backend
        matrix = None if compatibility is None else torch.as_tensor(compatibility, dtype=torch.float32)
        self.register_buffer('compatibility', matrix, persistent=False)

    def check_num_classes(self, num_classes: int) -> None:
        """Check the size of ``compatibility``."""
        if self.compatibility is not None and self.compatibility.shape != (num_classes, num_classes):
            raise ValueError(
                f'GatedCRFLoss: compatibility must be {num_classes} x {num_classes}, one row per class, got the shape '
                f'{tuple(self.compatibility.shape)}'
            )

    def compute(self, inputs: LossInputs) -> Tensor:
        """Return the energy of the head's probabilities at their own resolution."""
        return gated_crf_loss(
            inputs.probs,
            inputs.standardised_image if self.color_space == 'standardised' else inputs.image,
            kernels=self.kernels,
            radius=self.radius,
            source_mask=inputs.valid if self.source_mask else None,
            destination_mask=inputs.valid if self.destination_mask else None,
            compatibility=self.compatibility,
            backend=self.backend,
        )
