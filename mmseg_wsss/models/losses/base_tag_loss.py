"""The base of losses for image tags, in which images without tags have no effect."""

from abc import abstractmethod

import torch
from torch import Tensor

from ...structures import LossInputs
from .base_weak_loss import BaseWeakLoss, Patience


class TagPatience(Patience):
    """Stops a training on images without tags.

    Args:
        learner: Name of the loss that needs tags.
    """

    def __init__(self, learner: str) -> None:
        super().__init__(
            f'{learner} learns from image tags',
            'Are there tags, or labels that name the classes of an image (wsss check)? Does the pipeline load them '
            '(kinds and tags_from of LoadWeakAnnotations) and pack them (PackWeakSegInputs)?',
        )

    def check_tags(self, inputs: LossInputs) -> None:
        """Count the images of a batch."""
        self.check(inputs.tags is not None, len(inputs.logits))


class BaseTagLoss(BaseWeakLoss):
    """The mean of a loss over the tagged images; 0 if the batch has none.

    Subclasses implement :meth:`image_losses`.

    Args:
        loss_weight: Factor of the loss.
        start: Fraction of the training before which the loss is 0.

    Raises:
        ValueError: If ``start`` is outside [0, 1].
    """

    def __init__(self, loss_weight: float = 1.0, start: float = 0.0) -> None:
        super().__init__(loss_weight, start)
        self._patience = TagPatience(type(self).__name__)

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
        """Return the mean over the tagged images.

        Raises:
            ValueError: If none of the first thousand images had tags.
        """
        self._patience.check_tags(inputs)
        if inputs.tags is None:
            return inputs.zero
        tagged = inputs.tags.isnan().any(dim=1).logical_not()
        losses = self.image_losses(inputs, inputs.tags, tagged)
        return torch.where(tagged, losses, 0).sum() / tagged.sum().clamp(min=1)
