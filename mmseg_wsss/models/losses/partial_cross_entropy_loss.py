"""Cross-entropy over only the labelled pixels."""

from collections.abc import Sequence

import torch
import torch.nn.functional as F
from mmseg.registry import MODELS
from torch import Tensor

from ...functional import inverse_log_class_weights, partial_cross_entropy
from ...structures import LossInputs
from .base_weak_loss import BaseWeakLoss


@MODELS.register_module()
class PartialCrossEntropyLoss(BaseWeakLoss):
    """Mean cross-entropy of the labelled pixels.

    See :func:`mmseg_wsss.functional.partial_cross_entropy`. A batch without a labelled pixel gives 0.

    Args:
        class_weight: One weight per class, or ``'batch'`` for 1 / log(1.1 + p), where p is the share of each class
            among the labelled pixels of the batch (Gated CRF paper, its Cityscapes setting), or None.
        class_frequencies: Share of each class among the labels of the whole training set, for the same weights (as in
            the published code; ``wsss check`` prints them). Cannot be combined with ``class_weight``.
        loss_weight: Factor of the loss.
        start: Fraction of the training before which the loss is 0.
        resolution: ``'labels'`` resizes the logits to the labels, bilinearly; ``'logits'`` uses the nearest label for
            each cell of the logits, as in the first versions of DeepLab. Clicks need the former.

    Raises:
        ValueError: If both ways to weight classes are set, or a setting is unknown.
    """

    learns_from = ('labels',)
    class_weight: Tensor | None

    def __init__(
        self,
        class_weight: Sequence[float] | str | None = None,
        class_frequencies: Sequence[float] | None = None,
        loss_weight: float = 1.0,
        start: float = 0.0,
        resolution: str = 'labels',
    ) -> None:
        super().__init__(loss_weight, start)
        if resolution not in ('labels', 'logits'):
            raise ValueError(f"resolution must be 'labels' or 'logits', got {resolution!r}")
        self.resolution = resolution
        if class_weight is not None and class_frequencies is not None:
            raise ValueError('class_weight and class_frequencies both weight the classes: set one of them')
        if isinstance(class_weight, str) and class_weight != 'batch':
            raise ValueError(f"class_weight must be one number per class, 'batch' or None, got {class_weight!r}")
        self.by_batch = class_weight == 'batch'
        weight = None
        if class_frequencies is not None:
            weight = inverse_log_class_weights(torch.as_tensor(class_frequencies, dtype=torch.float32))
        elif class_weight is not None and not self.by_batch:
            weight = torch.as_tensor(class_weight, dtype=torch.float32)
        self.register_buffer('class_weight', weight, persistent=False)

    def check_num_classes(self, num_classes: int) -> None:
        """Check the number of class weights."""
        if self.class_weight is not None and self.class_weight.shape != (num_classes,):
            raise ValueError(
                f'PartialCrossEntropyLoss: class_weight or class_frequencies must be one number per class '
                f'({num_classes}), got the shape {tuple(self.class_weight.shape)}'
            )

    def compute(self, inputs: LossInputs) -> Tensor:
        """Return the cross-entropy at the chosen resolution."""
        weight = self.class_weight
        if self.by_batch:
            labelled = inputs.labels[inputs.labels != inputs.ignore_index]
            counts = torch.bincount(labelled, minlength=inputs.logits.shape[1])
            weight = inverse_log_class_weights(counts) if len(labelled) else None
        logits, labels = inputs.logits, inputs.labels
        if self.resolution == 'labels':
            logits = inputs.full_logits
        else:
            grid = F.interpolate(labels[:, None].float(), logits.shape[2:], mode='nearest-exact')
            labels = grid[:, 0].long()
        return partial_cross_entropy(logits, labels, class_weight=weight, ignore_index=inputs.ignore_index)
