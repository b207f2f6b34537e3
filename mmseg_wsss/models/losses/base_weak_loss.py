"""What every weak loss has in common: its weight, its inputs and the place where it may stand."""

from abc import abstractmethod

from mmengine.model import BaseModule
from torch import Tensor

from ...structures import LossInputs


class BaseWeakLoss(BaseModule):
    """A loss that sees the image and the weak labels through :class:`~mmseg_wsss.structures.LossInputs`.

    Subclasses implement :meth:`compute`. ``WeakEncoderDecoder`` attaches the losses that it owns; a loss that is still
    unattached when the weights of a model are initialised stands where it never sees an image (``loss_decode`` of a
    head), which is an error before the first iteration.

    What :meth:`compute` puts into ``statistics`` is logged beside the loss, as ``<name>/<statistic>``, never summed.

    Args:
        loss_weight: Factor of the loss.
        start: Fraction of the training, in [0, 1], before which the loss is exactly 0 and costs nothing.

    Raises:
        ValueError: If ``start`` is outside [0, 1].
    """

    def __init__(self, loss_weight: float = 1.0, start: float = 0.0) -> None:
        super().__init__()
        if not 0 <= start <= 1:
            raise ValueError(f'start is the fraction of training before the loss begins, in [0, 1], got {start}')
        self.loss_weight = loss_weight
        self.start = start
        self.attached = False
        self.statistics: dict[str, Tensor] = {}

    @abstractmethod
    def compute(self, inputs: LossInputs) -> Tensor:
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
        if not isinstance(inputs, LossInputs):
            raise TypeError(self._misplaced())
        self.statistics = {}
        if inputs.progress < self.start:
            return inputs.logits[:0].sum()  # 0, and still part of the graph
        return self.loss_weight * self.compute(inputs)

    def init_weights(self) -> None:
        """Refuse, before training, a loss that no ``WeakEncoderDecoder`` owns."""
        if not self.attached:
            raise TypeError(self._misplaced())

    @property
    def loss_name(self) -> str:
        """Heads ask a ``loss_decode`` for this: the one place where a weak loss cannot stand."""
        raise TypeError(self._misplaced())

    def _misplaced(self) -> str:
        name = type(self).__name__
        return (
            f'{name} needs the image and the weak labels, which a head never passes to its loss_decode. Write '
            f"model=dict(type='WeakEncoderDecoder', losses=dict(loss_name=dict(type='{name}', ...))) and leave the "
            'loss_decode of the head at its default'
        )
