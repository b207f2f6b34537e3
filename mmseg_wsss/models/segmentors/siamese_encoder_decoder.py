"""A network that sees each image in two sizes."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

import torch.nn.functional as F
from mmseg.models.decode_heads.decode_head import BaseDecodeHead
from mmseg.registry import MODELS
from torch import Tensor

from ...functional.checks import check_positive
from ...functional.grids import pool_mask
from ...structures import LossInputs
from .tag_encoder_decoder import TagEncoderDecoder


@MODELS.register_module()
class SiameseEncoderDecoder(TagEncoderDecoder):
    """``TagEncoderDecoder`` with a second, smaller view of the batch and refined maps of both (SEAM, 2020).

    In training, losses find in ``LossInputs.views``

    - ``second``: the batch at ``scale``, through the same weights; its boxes, points and maps are left out;
    - ``refined`` and ``second_refined``: the logits of both views after ``pixel_correlation``.

    ``MultiViewLoss`` puts any loss on them, ``EquivariantRegularizationLoss`` compares them. Losses that know nothing
    of views get the batch as it is. At test time probabilities are the mean of those with and without refinement; there
    is one view, of full size.

    Args:
        *args: As of ``TagEncoderDecoder``.
        scale: Size of the second view, in (0, 1].
        pixel_correlation: The module that refines, see ``PixelCorrelation``.
        **kwargs: As of ``TagEncoderDecoder``.

    Raises:
        TypeError: If ``scale`` is no number.
        ValueError: If ``scale`` is out of range.
    """

    def __init__(self, *args: Any, pixel_correlation: Mapping[str, Any], scale: float = 0.3, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.scale = check_positive(scale, 'scale')
        if scale > 1:
            raise ValueError(f'scale is the size of the second view beside the first, in (0, 1], got {scale}')
        self.pixel_correlation = MODELS.build({'type': 'PixelCorrelation', **pixel_correlation})

    def loss_inputs(
        self, head: BaseDecodeHead, features: Sequence[Tensor], inputs: Tensor, data_samples: list[Any]
    ) -> LossInputs:
        """Run ``head`` on both views; auxiliary heads see the first alone."""
        first = super().loss_inputs(head, features, inputs, data_samples)
        if head is not self.decode_head:
            return first
        height, width = (max(1, int(side * self.scale)) for side in inputs.shape[2:])
        small = _resize(inputs, height, width)
        small_features = self.extract_feat(small)
        second = replace(
            first,
            logits=head.forward(small_features),
            image=_resize(first.image, height, width),
            labels=F.interpolate(first.labels[:, None].float(), (height, width), mode='nearest')[:, 0].long(),
            valid=pool_mask(first.valid, (height, width)),
            features=tuple(small_features),
            boxes=(),
            points=(),
            maps={},
        )
        views = {
            'second': second,
            'refined': replace(first, logits=self._refined(first, inputs)),
            'second_refined': replace(second, logits=self._refined(second, small)),
        }
        return replace(first, views=views)

    def _refined(self, view: LossInputs, inputs: Tensor) -> Tensor:
        return self.pixel_correlation(view.logits, view.features, inputs, view.valid_cells)

    def class_probs(
        self, logits: Tensor, features: Sequence[Tensor], inputs: Tensor, mask: Tensor | None = None
    ) -> Tensor:
        """Return the mean of the probabilities with and without refinement, (B, C, H, W)."""
        refined = self.pixel_correlation(logits, features, inputs, mask)
        return (logits.softmax(dim=1) + refined.softmax(dim=1)) / 2


def _resize(image: Tensor, height: int, width: int) -> Tensor:
    return F.interpolate(image, (height, width), mode='bilinear', align_corners=True)
