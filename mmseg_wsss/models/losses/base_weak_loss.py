"""What every weak loss has in common: its weight, its inputs and the place where it may stand."""

import math
from abc import abstractmethod
from typing import Any

from mmengine.model import BaseModule
from torch import Tensor

from ...structures import LossInputs

PATIENCE = 1000


class MisplacedLossError(AttributeError):
    """A weak loss is the ``loss_decode`` of a head, where it never sees the image."""


class BaseWeakLoss(BaseModule):
    """A loss that sees the image and the weak labels through :class:`~mmseg_wsss.structures.LossInputs`.

    Subclasses implement :meth:`compute`. A loss that is the ``loss_decode`` of a head would never see an image; it
    raises :class:`MisplacedLossError` in the first iteration, when the head asks for its ``loss_name``.

    What :meth:`compute` puts into ``statistics`` is logged beside the loss, as ``<name>/<statistic>``, and never
    summed.

    Args:
        loss_weight: Factor of the loss.
        start: Fraction of the training, in [0, 1], before which the loss is exactly 0 and costs nothing.

    Raises:
        ValueError: If ``start`` is outside [0, 1], or ``loss_weight`` is not a finite non-negative number.
    """

    reads: type = LossInputs
    """What :meth:`forward` takes; a segmentor refuses losses that read something else than it hands out."""

    def __init__(self, loss_weight: float = 1.0, start: float = 0.0) -> None:
        super().__init__()
        if not 0 <= start <= 1:
            raise ValueError(f'start is the fraction of training before the loss begins, in [0, 1], got {start}')
        if isinstance(loss_weight, bool) or not isinstance(loss_weight, int | float) or not 0 <= loss_weight < math.inf:
            raise ValueError(f'loss_weight must be a finite non-negative number, got {loss_weight!r}')
        self.loss_weight = loss_weight
        self.start = start
        self.statistics: dict[str, Tensor] = {}

    @abstractmethod
    def compute(self, inputs: Any) -> Tensor:
        """Return the unweighted loss, a scalar."""

    def steps(self, inputs: LossInputs) -> dict[str, Tensor]:
        """Return how labels come about that the loss makes, by title, for pictures; subclasses that make some override.

        Returns:
            Class ids, (B, h, w), or soft maps of all classes in [0, 1], (B, C, h, w), of the size of the image.
        """
        return {}

    def check_num_classes(self, num_classes: int) -> None:
        """Refuse, when the model is built, settings made for another number of classes; subclasses override.

        Raises:
            ValueError: If a setting does not fit.
        """

    def forward(self, inputs: LossInputs) -> Tensor:
        """Return the weighted loss; 0 before ``start``."""
        self.statistics = {}
        if inputs.progress < self.start:
            return inputs.zero
        return self.loss_weight * self.compute(inputs)

    def __getattr__(self, name: str) -> Any:
        """Look up parts of the module; heads ask a ``loss_decode`` for ``loss_name``, which a weak loss has not."""
        if name == 'loss_name':
            kind = type(self).__name__
            raise MisplacedLossError(
                f'{kind} needs the image and the weak labels, which a head never passes to its loss_decode. Write '
                f"model=dict(type='WeakEncoderDecoder', losses=dict(loss_name=dict(type='{kind}', ...))) and leave the "
                'loss_decode of the head at its default'
            )
        return super().__getattr__(name)


class Patience:
    """Ends a training whose images lack what a loss learns from, before hours of it.

    Images without such labels are normal; a thousand of them at the start of a training are not.

    Args:
        learner: Which loss learns from what: 'X learns from image tags'.
        advice: Where to look for the fault.
    """

    def __init__(self, learner: str, advice: str) -> None:
        self._learner = learner
        self._advice = advice
        self._images: int | None = 0  # so far without; None: there were such labels

    def check(self, found: bool, num_images: int) -> None:
        """Count the images of a batch.

        Raises:
            ValueError: If none of the first thousand images had such labels.
        """
        if found:
            self._images = None
        elif self._images is not None:
            self._images += num_images
            if self._images >= PATIENCE:
                raise ValueError(
                    f'{self._learner}, and none of the first {self._images} images had any. {self._advice}'
                )
