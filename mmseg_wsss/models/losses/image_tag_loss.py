"""Classification of whole images by the maps of a segmentor."""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Any

import torch
import torch.nn.functional as F
from mmseg.registry import MODELS
from torch import Tensor

from ...structures import LossInputs
from .base_tag_loss import BaseTagLoss

POOLING = MappingProxyType({'type': 'NGWPPooling'})


@MODELS.register_module()
class ImageTagLoss(BaseTagLoss):
    r"""Multi-label soft margin loss between pooled logits and image tags.

    .. math:: -\frac{1}{C} \sum_c t_c \log \sigma(y_c) + (1 - t_c) \log \sigma(-y_c)

    with scores :math:`y` of the foreground classes from the pooling and tags :math:`t`, averaged over the tagged images
    (Araslanov and Roth, 2020, section 3.2, with nGWP). Pixels outside the original image are excluded from the pooling.

    Args:
        pooling: ``NGWPPooling``, ``AveragePooling``, ``MaxPooling``, or another module with the same signature.
        loss_weight: Factor of the loss.
        start: Fraction of the training before which the loss is 0.
    """

    def __init__(self, pooling: Mapping[str, Any] = POOLING, loss_weight: float = 1.0, start: float = 0.0) -> None:
        super().__init__(loss_weight, start)
        self.pooling = MODELS.build(dict(pooling))

    def image_losses(self, inputs: LossInputs, tags: Tensor, tagged: Tensor) -> Tensor:
        """Return the loss of every image, (B,)."""
        scores = self.pooling(inputs.logits, inputs.probs, inputs.valid_cells)
        tags = torch.where(tagged[:, None], tags, 0).to(scores.dtype)
        return F.multilabel_soft_margin_loss(scores, tags, reduction='none')
