"""Soft Dice loss over only the labelled pixels."""

from mmseg.registry import MODELS
from torch import Tensor

from ...functional import partial_dice_loss
from ...functional.checks import check_positive
from ...structures import LossInputs
from .base_weak_loss import BaseWeakLoss


@MODELS.register_module()
class PartialDiceLoss(BaseWeakLoss):
    """One minus the mean soft Dice score of the labelled pixels of the batch.

    See :func:`mmseg_wsss.functional.partial_dice_loss`. Together with ``PartialCrossEntropyLoss``, each with weight 1,
    this is the loss of nnU-Net (Isensee et al., 2021) for labels with an ignored value, such as scribbles. A batch
    without a labelled pixel gives 0.

    Args:
        background: Whether class 0 is one of the classes; nnU-Net leaves it out.
        smooth: Added to numerator and denominator of the score of each class, above 0.
        loss_weight: Factor of the loss.
        start: Fraction of the training before which the loss is 0.

    Raises:
        ValueError: If a setting is out of range.
    """

    learns_from = ('labels',)

    def __init__(
        self, background: bool = False, smooth: float = 1e-5, loss_weight: float = 1.0, start: float = 0.0
    ) -> None:
        super().__init__(loss_weight, start)
        self.background = background
        self.smooth = check_positive(smooth, 'smooth')

    def check_num_classes(self, num_classes: int) -> None:
        """Check that a class is left without the background."""
        if num_classes == 1 and not self.background:
            raise ValueError('PartialDiceLoss: the only class is the background: set background=True')

    def compute(self, inputs: LossInputs) -> Tensor:
        """Return the loss at the resolution of the labels."""
        return partial_dice_loss(
            inputs.full_logits,
            inputs.labels,
            background=self.background,
            smooth=self.smooth,
            ignore_index=inputs.ignore_index,
        )
