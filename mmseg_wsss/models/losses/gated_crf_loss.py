"""The Gated CRF loss."""

from collections.abc import Mapping, Sequence
from typing import Any

import torch
from mmseg.registry import MODELS
from torch import Tensor

from ...functional import gated_crf_kernel_map
from ...functional.gated_crf_kernels import FIXED_KEYS, check_radius, parse_kernels
from ...ops import BACKENDS, gated_crf_loss
from ...structures import LossInputs
from .base_weak_loss import BaseWeakLoss

COLOR_SPACES = ('standardised', 'unit')
DESTINATIONS = ('unlabelled', 'valid')


@MODELS.register_module()
class GatedCRFLoss(BaseWeakLoss):
    """Pairwise smoothness within a window, gated by validity (Obukhov et al., 2019).

    See :func:`mmseg_wsss.functional.gated_crf_loss` for the formula. The defaults are the published setting for VOC:
    one kernel, xy 6, rgb 0.1, radius 5, weight 0.1, validity as the source mask.

    Differs from the paper, which does not give a unit for the rgb sigma; the published numbers used 0.1 on colours
    standardised with the ImageNet statistics, about 0.023 of the range [0, 1].

    Args:
        kernels: ``dict(weight=w, xy=sigma, rgb=sigma)`` each; ``xy`` in cells of the logits, ``rgb`` in units of
            ``color_space``. Every other key is the name of a map of the sample and its value the sigma in the units of
            that map, such as ``depth=0.2`` together with ``LoadModality(key='depth', ...)`` and
            ``PackWeakSegInputs(maps=['depth'])``. At least one sigma is required.
        radius: Half width of the window, in cells of the logits; 5 means 11 x 11.
        source_mask: Whether pixels outside the original image (rotation, padding) are excluded as sources.
        destination_mask: The pixels that may be destinations. ``'unlabelled'``: the pixels of the original image
            without a label, as in the paper, where the cross-entropy trains the labelled ones; the loss is 0 if all
            pixels are labelled. ``'valid'`` or True: all pixels of the original image. None or False: all pixels.
        compatibility: (C, C) cost of class i at the destination with class j at the source; None means Potts.
        color_space: ``'standardised'`` (ImageNet mean and standard deviation) or ``'unit'`` ([0, 1]).
        backend: See :func:`mmseg_wsss.ops.gated_crf_loss`.
        loss_weight: Factor of the loss.
        start: Fraction of the training before which the loss is 0.

    Raises:
        ValueError: If a kernel has no sigma, the radius is not a positive integer, ``destination_mask``,
            ``color_space`` or ``backend`` is unknown.
    """

    learns_from = ()
    compatibility: Tensor | None

    def __init__(
        self,
        kernels: Sequence[Mapping[str, float]] = ({'weight': 1.0, 'xy': 6.0, 'rgb': 0.1},),
        radius: int = 5,
        source_mask: bool = True,
        destination_mask: str | bool | None = None,
        compatibility: Sequence[Sequence[float]] | None = None,
        color_space: str = 'standardised',
        backend: str = 'auto',
        loss_weight: float = 0.1,
        start: float = 0.0,
    ) -> None:
        super().__init__(loss_weight, start)
        self.modalities = _modalities(kernels)
        parse_kernels(kernels, self.modalities)
        check_radius(radius)
        if destination_mask is True:
            destination_mask = 'valid'
        if destination_mask and destination_mask not in DESTINATIONS:
            raise ValueError(
                f'destination_mask must be one of {", ".join(DESTINATIONS)} or None, got {destination_mask!r}'
            )
        if backend not in BACKENDS:
            raise ValueError(f'unknown backend {backend!r}: choose from {", ".join(BACKENDS)}')
        if color_space not in COLOR_SPACES:
            raise ValueError(f'color_space must be one of {", ".join(COLOR_SPACES)}, got {color_space!r}')
        self.kernels = [dict(kernel) for kernel in kernels]
        self.radius = radius
        self.source_mask = source_mask
        self.destination_mask = destination_mask or None
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

    def check_inputs(self, inputs: LossInputs) -> None:
        """Check that the batch has the maps of all kernels, before the loss starts.

        Raises:
            KeyError: If it does not.
        """
        for name in self.modalities:
            self._map(inputs, name)

    def compute(self, inputs: LossInputs) -> Tensor:
        """Return the energy of the head's probabilities at their own resolution."""
        return gated_crf_loss(
            inputs.probs,
            self._colours(inputs),
            kernels=self.kernels,
            radius=self.radius,
            source_mask=inputs.valid if self.source_mask else None,
            destination_mask=self._destinations(inputs),
            compatibility=self.compatibility,
            modalities={name: self._map(inputs, name) for name in self.modalities},
            backend=self.backend,
        )

    def kernel_map(self, inputs: LossInputs) -> Tensor:
        """Return the kernels around some cells of the logits' grid, in [0, 1], (B, 1, H, W).

        See :func:`mmseg_wsss.functional.gated_crf_kernel_map`; 1 is the sum of the weights.

        Raises:
            KeyError: If a kernel names a map that the batch does not have.
        """
        total = gated_crf_kernel_map(
            self._colours(inputs),
            size=(inputs.logits.shape[2], inputs.logits.shape[3]),
            kernels=self.kernels,
            radius=self.radius,
            modalities={name: self._map(inputs, name) for name in self.modalities},
        )
        return total / sum(kernel['weight'] for kernel in self.kernels)

    def _colours(self, inputs: LossInputs) -> Tensor:
        return inputs.standardised_image if self.color_space == 'standardised' else inputs.image

    def _destinations(self, inputs: LossInputs) -> Tensor | None:
        if self.destination_mask is None:
            return None
        if self.destination_mask == 'valid':
            return inputs.valid
        return torch.where(inputs.labels[:, None] == inputs.ignore_index, inputs.valid, 0)

    def _map(self, inputs: LossInputs, name: str) -> Tensor:
        if name not in inputs.maps:
            raise KeyError(
                f'a kernel of GatedCRFLoss compares {name!r}, but the batch has the maps '
                f'{", ".join(inputs.maps) or "(none)"}: choose from weight, xy, rgb, or load it '
                f"(LoadModality(key='{name}', ...)) and pack it (PackWeakSegInputs(maps=['{name}']))"
            )
        return inputs.maps[name]


def _modalities(kernels: Any) -> tuple[str, ...]:
    """Return the modalities that kernels name; other functions check that ``kernels`` is a list of dicts."""
    dicts = [kernel for kernel in kernels if isinstance(kernel, Mapping)] if isinstance(kernels, Sequence) else []
    return tuple(dict.fromkeys(key for kernel in dicts for key in kernel if key not in FIXED_KEYS))
