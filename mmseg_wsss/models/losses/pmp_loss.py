"""A loss on points and the pseudo-masks that a model makes from them."""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Any

import torch
import torch.nn.functional as F
from mmseg.registry import MODELS
from torch import Tensor

from ...functional import partial_cross_entropy
from ...functional.grids import resize_at
from ...structures import LossInputs
from ...structures.loss_inputs import REFERENCE_KEY
from ..pseudo_masks import ExpandingMaps
from .base_weak_loss import BaseWeakLoss

# Up to this share of labelled pixels, their cross-entropy is faster than that of logits which another loss has resized.
_FEW = 0.25
REDUCTIONS = ('mean', 'sum')
PSEUDO_MASKS = MappingProxyType({'type': 'ExpandingPseudoMasks'})


@MODELS.register_module()
class PMPLoss(BaseWeakLoss):
    r"""Cross-entropy on pseudo-masks made from points in the same forward pass (Akiva and Dana, 2021).

    The loss is the mean, or the sum, over the pixels of the pseudo-mask, at the size of the image; 0 if there are none.
    Combine it with ``ExpandingConfidenceHook``, which expands the fields; without it they do not change.

    Points are few and balanced, but pseudo-masks are not: if most of the labelled pixels are background, a network may
    predict only the background after a short training. An additional ``PartialCrossEntropyLoss`` (ours, not in the
    paper) gives the points more weight:
    ``losses=dict(loss_points=dict(type='PartialCrossEntropyLoss'), loss_pmp=dict(type='PMPLoss'))``.

    The log also has:

    - ``point_loss``, the cross-entropy at the points themselves, the mean over the classes that have one in the batch
      (NaN without any). A network that predicts background everywhere has a low loss on its own labels and a high one
      here, so ``ExpandingConfidenceHook(loss_name='loss_pmp/point_loss')`` does not mistake this collapse for progress.
    - ``labelled_share``, the share of the pixels inside the images that the pseudo-mask labels, and, with
      ``LoadReferenceMask`` in the pipeline, ``precision``, the share of the labelled pixels that are correct, and
      ``object_precision``, the precision of the foreground classes.

    Differs from the paper: there label 0 means unlabelled and the background is the last class; here the background is
    class 0, as everywhere in this project.

    Args:
        pseudo_masks: ``dict(type='ExpandingPseudoMasks', ...)``, or another module that makes ``ExpandingMaps`` from
            ``LossInputs``.
        reduction: ``'mean'`` or ``'sum'`` over the labelled pixels of the batch. The paper does not specify it; its
            learning rate of 1e-5 is typical of a sum over about 10^4 pixels (configs/pmp/README.md).
        loss_weight: Factor of the loss. With ``'sum'``, one divided by the batch size gives the mean over the images of
            their sums.
        start: Fraction of the training before which the loss is 0.

    Raises:
        ValueError: If the reduction is unknown.
    """

    learns_from = ('points',)

    def __init__(
        self,
        pseudo_masks: Mapping[str, Any] = PSEUDO_MASKS,
        reduction: str = 'mean',
        loss_weight: float = 1.0,
        start: float = 0.0,
    ) -> None:
        super().__init__(loss_weight, start)
        if reduction not in REDUCTIONS:
            raise ValueError(f'unknown reduction {reduction!r}: choose from {", ".join(REDUCTIONS)}')
        self.reduction = reduction
        self.pseudo_masks = MODELS.build(dict(pseudo_masks))

    def steps(self, inputs: LossInputs) -> dict[str, Tensor]:
        """Return blots, distance field, refined probabilities and pseudo-mask of a batch."""
        made: ExpandingMaps = self.pseudo_masks(inputs)
        return made.steps(inputs.logits.shape[1])

    def compute(self, inputs: LossInputs) -> Tensor:
        """Return the cross-entropy of the resized logits on the pseudo-labels."""
        labels = self.pseudo_masks(inputs).labels
        self.statistics = {'point_loss': point_loss(inputs), **label_statistics(inputs, labels)}
        loss = _cross_entropy(inputs, labels)
        return loss if self.reduction == 'mean' else loss * (labels != inputs.ignore_index).sum()


def _cross_entropy(inputs: LossInputs, labels: Tensor) -> Tensor:
    """Return the mean cross-entropy of the labelled pixels; where these are few, the others are not computed."""
    labelled = labels != inputs.ignore_index
    if inputs.logits.device.type != 'cpu' or not 0 < int(labelled.sum()) <= _FEW * labelled.numel():
        return partial_cross_entropy(inputs.full_logits, labels, ignore_index=inputs.ignore_index)
    logits = resize_at(inputs.logits, labelled, align_corners=inputs.align_corners)
    return F.cross_entropy(logits, labels[labelled])


def point_loss(inputs: LossInputs) -> Tensor:
    """Return the cross-entropy at the labelled pixels, averaged over the classes; NaN if there are none.

    The result does not carry a gradient.

    Args:
        inputs: The batch.
    """
    labelled = inputs.labels != inputs.ignore_index
    labels = inputs.labels[labelled]
    if not len(labels):
        return inputs.logits.new_full((), torch.nan)
    logits = resize_at(inputs.logits.detach(), labelled, align_corners=inputs.align_corners)
    counts = torch.bincount(labels, minlength=logits.shape[1]).clamp(min=1)
    return partial_cross_entropy(logits[:, :, None, None], labels[:, None, None], class_weight=1 / counts)


def label_statistics(inputs: LossInputs, labels: Tensor) -> dict[str, Tensor]:
    """Return the share of labelled pixels and, if the batch has full masks, the share of correct ones.

    Args:
        inputs: The batch.
        labels: Pseudo-labels, (B, h, w), unlabelled outside the images.
    """
    labelled = labels != inputs.ignore_index
    shares = {'labelled_share': labelled.sum() / inputs.valid.sum().clamp(min=1)}
    if REFERENCE_KEY in inputs.maps:
        truth = inputs.maps[REFERENCE_KEY][:, 0].long()
        compared = labelled & (truth != inputs.ignore_index)
        for name, chosen in {'precision': compared, 'object_precision': compared & (labels > 0)}.items():
            shares[name] = (chosen & (labels == truth)).sum() / chosen.sum().clamp(min=1)
    return shares
