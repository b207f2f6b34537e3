"""The base of all weak losses: their weight, their inputs and their place in a config."""

import math
from abc import abstractmethod
from typing import Any

from mmengine.model import BaseModule
from torch import Tensor

from ...structures import LossInputs
from .patience import Patience


class MisplacedLossError(AttributeError):
    """A weak loss is the ``loss_decode`` of a head, where it does not receive the image."""


class BaseWeakLoss(BaseModule):
    """A loss that receives the image and the weak labels in :class:`~mmseg_wsss.structures.LossInputs`.

    Subclasses implement :meth:`compute`. A loss that is the ``loss_decode`` of a head would not receive the image; it
    raises :class:`MisplacedLossError` in the first iteration, when the head reads its ``loss_name``.

    The values that :meth:`compute` puts into ``statistics`` are logged as ``<name>/<statistic>`` and are not part of
    the sum.

    Args:
        loss_weight: Factor of the loss.
        start: Fraction of the training, in [0, 1], before which the loss is exactly 0 and not computed.

    Raises:
        ValueError: If ``start`` is outside [0, 1], or ``loss_weight`` is not a finite non-negative number.
    """

    reads: type = LossInputs
    """The type of the inputs of :meth:`forward`; a segmentor rejects losses that need another type."""

    learns_from: tuple[str, ...] | None = None
    """The labels that the loss learns from: some of ``labels``, ``tags``, ``points`` and ``boxes`` of ``LossInputs``.

    None means that this is not known; empty means that it does not learn from labels. ``wsss check CONFIG`` and every
    training find labels that no loss learns from. A training ends if its first thousand images have no label for it.
    """

    def __init__(self, loss_weight: float = 1.0, start: float = 0.0) -> None:
        super().__init__()
        if not 0 <= start <= 1:
            raise ValueError(
                f'start must be the fraction of the training before the loss begins, in [0, 1], got {start}'
            )
        if isinstance(loss_weight, bool) or not isinstance(loss_weight, int | float) or not 0 <= loss_weight < math.inf:
            raise ValueError(f'loss_weight must be a finite non-negative number, got {loss_weight!r}')
        self.loss_weight = loss_weight
        self.start = start
        self.statistics: dict[str, Tensor] = {}
        self._patience: Patience | None = None

    @abstractmethod
    def compute(self, inputs: Any) -> Tensor:
        """Return the unweighted loss, a scalar."""

    def steps(self, inputs: LossInputs) -> dict[str, Tensor]:
        """Return the steps of the pseudo-labels that the loss makes, by title, for pictures; empty by default.

        Returns:
            Class ids, (B, h, w), or soft maps of all classes in [0, 1], (B, C, h, w), of the size of the image.
        """
        return {}

    def check_num_classes(self, num_classes: int) -> None:
        """Raise an error for settings of another number of classes, when the model is built; subclasses override it.

        Raises:
            ValueError: If a setting does not match.
        """

    def check_inputs(self, inputs: Any) -> None:
        """Raise an error for what a batch lacks, also before ``start``; subclasses override it.

        Raises:
            KeyError: If the batch does not have a map that the loss uses.
        """

    def forward(self, inputs: Any) -> Tensor:
        """Return the weighted loss; 0 before ``start``.

        Raises:
            ValueError: If none of the first thousand images had labels that the loss learns from.
        """
        if self._patience is None:
            self._patience = Patience(type(self).__name__, self.learns_from or ())
        self._patience.check(inputs, inputs.num_images)
        return self.weighted(inputs)

    def weighted(self, inputs: Any) -> Tensor:
        """Return the weighted loss of a batch, or of a view of it, whose images are counted already."""
        self.statistics = {}
        self.check_inputs(inputs)
        if inputs.progress < self.start:
            zero: Tensor = inputs.zero
            return zero
        return self.loss_weight * self.compute(inputs)

    def __getattr__(self, name: str) -> Any:
        """Look up attributes of the module; heads read ``loss_name`` of a ``loss_decode``, which weak losses lack."""
        if name == 'loss_name':
            kind = type(self).__name__
            raise MisplacedLossError(
                f'{kind} needs the image and the weak labels, which a head never passes to its loss_decode. Write '
                f"model=dict(type='WeakEncoderDecoder', losses=dict(loss_name=dict(type='{kind}', ...))) and leave the "
                'loss_decode of the head at its default'
            )
        return super().__getattr__(name)
