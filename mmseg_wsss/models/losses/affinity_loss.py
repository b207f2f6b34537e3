"""The loss of AffinityNet."""

from dataclasses import dataclass

import torch.nn.functional as F
from mmseg.registry import MODELS
from torch import Tensor

from ...functional import affinity_labels, affinity_terms, pair_offsets
from ...functional.affinity import NO_PAIR
from .base_weak_loss import BaseWeakLoss


@dataclass(frozen=True, eq=False)
class AffinityInputs:
    """The inputs that an ``AffinityNetwork`` passes to its losses.

    Args:
        features: Output of the head for a batch, (B, D, H, W).
        labels: Class ids, (B, h, w) int64; ``ignore_index`` where unlabelled.
        progress: Fraction of the training done, in [0, 1]; 1 outside a Runner.
        ignore_index: The value of unlabelled pixels.
    """

    features: Tensor
    labels: Tensor
    progress: float = 1.0
    ignore_index: int = 255

    @property
    def num_images(self) -> int:
        """Number of images in the batch, B."""
        return len(self.features)

    @property
    def zero(self) -> Tensor:
        """A loss of 0 that is connected to the graph of the features."""
        return self.features[:0].sum()


@MODELS.register_module()
class AffinityLoss(BaseWeakLoss):
    """Trains similar features in neighbours of one class and different ones across classes (Ahn and Kwak, CVPR 2018).

    See :func:`mmseg_wsss.functional.affinity_loss` for the formula. The labels are seeds, which label confident pixels
    and have 255 elsewhere; a cell of the features gets the label of the pixel in its middle. The loss needs the
    features of an ``AffinityHead`` in an ``AffinityNetwork``.

    The log also has the means ``background``, ``foreground`` and ``different``, and ``pairs``, the number of known
    pairs.

    Differs from the published code: there a cell gets the class with the largest mean score over the cell.

    Args:
        radius: Cells nearer than this form pairs.
        loss_weight: Factor of the loss.
        start: Fraction of the training before which the loss is 0.

    Raises:
        ValueError: If ``radius`` is not an integer of at least 2, or ``start`` is out of range.
    """

    reads = AffinityInputs
    learns_from = ('labels',)

    def __init__(self, radius: int = 5, loss_weight: float = 1.0, start: float = 0.0) -> None:
        super().__init__(loss_weight, start)
        pair_offsets(radius)
        self.radius = radius

    def compute(self, inputs: AffinityInputs) -> Tensor:
        """Return the loss of the features at their own resolution."""
        grid = (inputs.features.shape[2], inputs.features.shape[3])
        # Class ids below 2^24 are exact in float32, which nearest interpolation needs.
        labels = F.interpolate(inputs.labels[:, None].float(), grid, mode='nearest-exact')[:, 0].long()
        settings = {'radius': self.radius, 'ignore_index': inputs.ignore_index}
        terms = affinity_terms(inputs.features, labels, **settings)
        known = (affinity_labels(labels, **settings) != NO_PAIR).sum().float()
        self.statistics = {**{name: term.detach() for name, term in terms._asdict().items()}, 'pairs': known}
        return terms.total
