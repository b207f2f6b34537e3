"""The base of losses for image tags, in which images without tags have no effect."""

from abc import abstractmethod

import torch
from torch import Tensor

from ...structures import LossInputs
from .base_weak_loss import BaseWeakLoss


class BaseTagLoss(BaseWeakLoss):
    """The mean of a loss over the tagged images; 0 if the batch has none.

    Subclasses implement :meth:`image_losses`.

    Args:
        loss_weight: Factor of the loss.
        start: Fraction of the training before which the loss is 0.

    Raises:
        ValueError: If ``start`` is outside [0, 1].
    """

    learns_from = ('tags',)

    @abstractmethod
    def image_losses(self, inputs: LossInputs, tags: Tensor, tagged: Tensor) -> Tensor:
        """Return one loss per image, (B,); the losses of untagged images are dropped.

        Args:
            inputs: The batch.
            tags: Tags of the images, (B, C-1) of 0 and 1, NaN in the rows of untagged images.
            tagged: Whether the image has tags, (B,) bool.
        """

    def check_num_classes(self, num_classes: int) -> None:
        """Raise an error for a model without a foreground class."""
        if num_classes < 2:
            raise ValueError(
                f'{type(self).__name__} needs the background and at least one class for the tags, got {num_classes}'
            )

    def compute(self, inputs: LossInputs) -> Tensor:
        """Return the mean over the tagged images."""
        if inputs.tags is None:
            return inputs.zero
        tagged = inputs.tags.isnan().any(dim=1).logical_not()
        losses = self.image_losses(inputs, inputs.tags, tagged)
        return torch.where(tagged, losses, 0).sum() / tagged.sum().clamp(min=1)
