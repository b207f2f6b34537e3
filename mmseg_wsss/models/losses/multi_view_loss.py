"""A weak loss on several views of the batch."""

from collections.abc import Mapping, Sequence
from typing import Any

from mmseg.registry import MODELS
from torch import Tensor

from ...structures import LossInputs
from .base_weak_loss import BaseWeakLoss


@MODELS.register_module()
class MultiViewLoss(BaseWeakLoss):
    """The sum of a loss over views of the batch that ``model.views`` makes, such as ``SiameseViews``.

    Statistics are logged as ``<name>/<view>_<statistic>``.

    Args:
        loss: The loss, ``dict(type=...)``, with its own ``loss_weight`` and ``start``.
        views: Names in :attr:`LossInputs.views <mmseg_wsss.structures.LossInputs.views>`; ``'first'`` is the batch.

    Raises:
        TypeError: If ``loss`` is not a weak loss on class logits.
        ValueError: If ``views`` is empty or has duplicates.
    """

    def __init__(self, loss: Mapping[str, Any], views: Sequence[str] = ('first', 'second')) -> None:
        super().__init__()
        if isinstance(views, str) or not views or len(set(views)) != len(views):
            raise ValueError(f"views must name one or more different views, such as ['first', 'second'], got {views!r}")
        self.loss = MODELS.build(dict(loss))
        if not isinstance(self.loss, BaseWeakLoss) or self.loss.reads is not LossInputs:
            raise TypeError(
                f'MultiViewLoss takes a loss on class logits, derived from BaseWeakLoss, got {type(self.loss).__name__}'
            )
        self.views = tuple(views)
        self.learns_from = self.loss.learns_from

    def check_num_classes(self, num_classes: int) -> None:
        """Check the number of classes with the wrapped loss."""
        self.loss.check_num_classes(num_classes)

    def compute(self, inputs: LossInputs) -> Tensor:
        """Return the sum over the views.

        Raises:
            KeyError: If the model does not make a view.
        """
        total = inputs.zero
        for name in self.views:
            total = total + self.loss.weighted(inputs.view(name))
            self.statistics.update({f'{name}_{key}': value for key, value in self.loss.statistics.items()})
        return total
