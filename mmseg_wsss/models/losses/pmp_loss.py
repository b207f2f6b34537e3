"""A model that learns from points and from what it makes of them."""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Any

from mmseg.registry import MODELS
from torch import Tensor

from ...functional import partial_cross_entropy
from ...structures import LossInputs
from ..pseudo_masks import ExpandingMaps
from .base_weak_loss import BaseWeakLoss

PSEUDO_MASKS = MappingProxyType({'type': 'ExpandingPseudoMasks'})


@MODELS.register_module()
class PMPLoss(BaseWeakLoss):
    """Cross-entropy on pseudo-masks made from points in the same forward pass (Akiva and Dana, 2021).

    The mean over the pixels of the pseudo-mask, at the size of the image; 0 where there is none. Goes with
    ``ExpandingConfidenceHook``, which lets the fields expand; without it they stay as they are.

    Differs from the paper: there label 0 means unlabelled and the background is the last class; here the background is
    class 0, as everywhere in this project.

    Args:
        pseudo_masks: ``dict(type='ExpandingPseudoMasks', ...)``, or another part that makes ``ExpandingMaps`` of
            ``LossInputs``.
        loss_weight: Factor of the loss.
        start: Fraction of the training before which the loss is 0.
    """

    def __init__(
        self, pseudo_masks: Mapping[str, Any] = PSEUDO_MASKS, loss_weight: float = 1.0, start: float = 0.0
    ) -> None:
        super().__init__(loss_weight, start)
        self.pseudo_masks = MODELS.build(dict(pseudo_masks))

    def make_maps(self, inputs: LossInputs) -> ExpandingMaps:
        """Return the pseudo-labels of a batch and every step on the way, for pictures."""
        return self.pseudo_masks(inputs)

    def compute(self, inputs: LossInputs) -> Tensor:
        """Return the cross-entropy of the resized logits on the pseudo-labels."""
        labels = self.make_maps(inputs).labels
        return partial_cross_entropy(inputs.full_logits, labels, ignore_index=inputs.ignore_index)
