"""Equivariance of the maps of two views of an image."""

from mmseg.registry import MODELS
from torch import Tensor

from ...functional import equivariance_differences
from ...functional.grids import resize_inside
from ...structures import LossInputs
from .base_weak_loss import BaseWeakLoss


@MODELS.register_module()
class EquivariantRegularizationLoss(BaseWeakLoss):
    r"""Equivariance of the two views of ``SiameseViews``, with and without refinement (SEAM, 2020).

    .. math:: w_{ER} L_{ER} + w_{ECR} L_{ECR}

    See :func:`mmseg_wsss.functional.equivariance_differences` for the terms, which are logged as ``er`` and ``ecr``.
    Probabilities of all classes, including the background, are compared on the grid of the second view. A cell with a
    pixel outside the image does not count.

    Args:
        er_weight: :math:`w_{ER}`.
        ecr_weight: :math:`w_{ECR}`.
        loss_weight: Factor of the loss.
        start: Fraction of the training before which the loss is 0.
    """

    learns_from = ()

    def __init__(
        self, er_weight: float = 1.0, ecr_weight: float = 1.0, loss_weight: float = 1.0, start: float = 0.0
    ) -> None:
        super().__init__(loss_weight, start)
        self.er_weight = er_weight
        self.ecr_weight = ecr_weight

    def compute(self, inputs: LossInputs) -> Tensor:
        """Return the loss.

        Raises:
            KeyError: If the model does not make a second view.
        """
        second, refined, second_refined = (inputs.view(name) for name in ('second', 'refined', 'second_refined'))
        size = (second.logits.shape[2], second.logits.shape[3])
        first_probs, reached = resize_inside(inputs.probs, size, inputs.valid_cells)
        refined_probs, _ = resize_inside(refined.probs, size, inputs.valid_cells)
        er, ecr = equivariance_differences(
            first_probs, second.probs, refined_probs, second_refined.probs, mask=second.valid_cells * reached
        )
        self.statistics = {'er': er.detach(), 'ecr': ecr.detach()}
        return self.er_weight * er + self.ecr_weight * ecr
