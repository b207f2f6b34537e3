"""Views of each image in two sizes, and refined maps of both."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

import torch.nn.functional as F
from mmseg.registry import MODELS
from torch import Tensor, nn

from ...functional.checks import check_positive
from ...functional.grids import pool_mask
from ...structures import LossInputs
from .base import Network, Views


@MODELS.register_module()
class SiameseViews(Views):
    """A second, smaller view of the batch through the same weights, and refined maps of both (SEAM, 2020).

    ``LossInputs.views`` contains

    - ``second``: the batch at ``scale``, without boxes, points and maps;
    - ``refined`` and ``second_refined``: the logits of both views after ``pixel_correlation``.

    ``MultiViewLoss`` runs any loss on them, ``EquivariantRegularizationLoss`` compares them. Losses that do not name
    views use the original batch. At test time there is one view, of full size, and probabilities are the mean of those
    with and without refinement, or those with refinement if ``refined_alone`` is set; image scores are pooled from the
    logits without refinement.

    SEAM itself is ``refined_alone=True`` with ``refines='activations'`` of ``PixelCorrelation`` and ``SEAMLoss``. It
    differs from the published code in how maps are written (``wsss cams``): there, classes that are not in the image
    are left out of a view; here the others are also divided by their sum with the background. Both then divide each map
    by its maximum.

    The weights of ``pixel_correlation`` belong to the segmentor, as ``pixel_correlation.*``.

    Args:
        pixel_correlation: The module that refines the maps, see ``PixelCorrelation``.
        scale: Size of the second view, in (0, 1].
        refined_alone: Whether only the refined logits give the probabilities at test time.

    Raises:
        TypeError: If ``scale`` is not a number.
        ValueError: If ``scale`` is out of range.
    """

    def __init__(self, pixel_correlation: Mapping[str, Any], scale: float = 0.3, refined_alone: bool = False) -> None:
        self.refined_alone = refined_alone
        self.scale = check_positive(scale, 'scale')
        if scale > 1:
            raise ValueError(f'scale must be the size of the second view relative to the first, in (0, 1], got {scale}')
        self.pixel_correlation: nn.Module = MODELS.build({'type': 'PixelCorrelation', **pixel_correlation})

    def modules(self) -> dict[str, nn.Module]:
        """Return the module that refines the maps."""
        return {'pixel_correlation': self.pixel_correlation}

    def for_losses(self, network: Network, first: LossInputs, inputs: Tensor) -> dict[str, LossInputs]:
        """Return ``second``, ``refined`` and ``second_refined``."""
        height, width = (max(1, int(side * self.scale)) for side in inputs.shape[2:])
        small = _resize(inputs, height, width)
        features, logits = network(small)
        second = replace(
            first,
            logits=logits,
            image=_resize(first.image, height, width),
            labels=F.interpolate(first.labels[:, None].float(), (height, width), mode='nearest')[:, 0].long(),
            valid=pool_mask(first.valid, (height, width)),
            features=tuple(features),
            boxes=(),
            points=(),
            maps={},
        )
        return {
            'second': second,
            'refined': replace(first, logits=self.refine(first.logits, first.features, inputs, first.valid_cells)),
            'second_refined': replace(second, logits=self.refine(logits, features, small, second.valid_cells)),
        }

    def refine(self, logits: Tensor, features: Sequence[Tensor], inputs: Tensor, inside: Tensor | None) -> Tensor:
        """Return the logits after pixel correlation, (B, C, H, W)."""
        refined: Tensor = self.pixel_correlation(logits, features, inputs, inside)
        return refined

    def merge(self, logits: Tensor, refined: Tensor) -> Tensor:
        """Return the mean of both probabilities, or those of the refined logits with ``refined_alone``."""
        return refined.softmax(dim=1) if self.refined_alone else super().merge(logits, refined)


def _resize(image: Tensor, height: int, width: int) -> Tensor:
    return F.interpolate(image, (height, width), mode='bilinear', align_corners=True)
