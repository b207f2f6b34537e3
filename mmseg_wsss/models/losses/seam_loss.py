"""The losses of SEAM."""

from typing import NamedTuple

import torch
import torch.nn.functional as F
from mmseg.registry import MODELS
from torch import Tensor

from ...functional import min_pooling_loss, normalised_activations, seam_regularisation
from ...functional.checks import check_positive, check_share
from ...functional.grids import resize_inside
from ...structures import LossInputs
from .base_weak_loss import BaseWeakLoss


@MODELS.register_module()
class SEAMLoss(BaseWeakLoss):
    r"""Classification of two views, equivariance, and a background by min-pooling (Wang et al., SEAM, CVPR 2020).

    .. math:: w_{cls} L_{cls} + w_{min} L_{min} + w_{ER} L_{ER} + w_{ECR} L_{ECR}

    :math:`L_{cls}` is the multi-label soft margin loss of the mean logits of the foreground classes,
    :math:`L_{min}` :func:`mmseg_wsss.functional.min_pooling_loss` of the refined maps, each the mean over both views;
    the last two are :func:`mmseg_wsss.functional.seam_regularisation` of maps in [0, 1]
    (:func:`mmseg_wsss.functional.normalised_activations`) of the classes in the image. As in the published
    code, all maps are resized to the size of their view first, and compared at that of the second one. The four are
    logged as ``cls``, ``min``, ``er`` and ``ecr``.

    Combine it with ``SiameseViews(refined_alone=True)`` and a head whose first channel is the background, such as
    ``CAMHead``: that channel is not trained. Images without tags and pixels outside the image have no effect.

    Args:
        cls_weight: :math:`w_{cls}`.
        min_weight: :math:`w_{min}`.
        er_weight: :math:`w_{ER}`.
        ecr_weight: :math:`w_{ECR}`.
        min_share: Share of the pixels that are to be background, in (0, 1].
        hardest: Share of the differences that counts in :math:`L_{ECR}`, in (0, 1].
        loss_weight: Factor of the loss.
        start: Fraction of the training before which the loss is 0.

    Raises:
        ValueError: If a share is out of range.
    """

    learns_from = ('tags',)

    def __init__(
        self,
        cls_weight: float = 1.0,
        min_weight: float = 1.0,
        er_weight: float = 1.0,
        ecr_weight: float = 1.0,
        min_share: float = 0.25,
        hardest: float = 0.2,
        loss_weight: float = 1.0,
        start: float = 0.0,
    ) -> None:
        super().__init__(loss_weight, start)
        self.weights = {'cls': cls_weight, 'min': min_weight, 'er': er_weight, 'ecr': ecr_weight}
        self.min_share = check_positive(check_share(min_share, 'min_share'), 'min_share')
        self.hardest = check_positive(check_share(hardest, 'hardest'), 'hardest')

    def compute(self, inputs: LossInputs) -> Tensor:
        """Return the loss of the tagged images.

        Raises:
            KeyError: If the model does not make a second view.
        """
        nothing = inputs.logits[:0].sum()  # 0, but connected to the graph
        if inputs.tags is None:
            return nothing
        tagged = inputs.tags.isfinite().all(dim=1).nonzero().flatten()
        if not len(tagged):
            return nothing
        tags = inputs.tags[tagged]
        shown = F.pad(tags, (1, 0), value=1.0)[:, :, None, None]  # the background is always there
        views = [
            _View.of(inputs.view(name), inputs.view(refined), tagged)
            for name, refined in (('first', 'refined'), ('second', 'second_refined'))
        ]
        losses = [(view.classification(tags), view.min_pooling(shown, self.min_share)) for view in views]
        second = views[1]
        size = (second.inside.shape[2], second.inside.shape[3])
        maps = [(normalised_activations(x, mask=v.inside), v) for v in views for x in (v.logits, v.refined)]
        resized = [resize_inside(x, size, v.inside) for x, v in maps]
        plain, refined, other_plain, other_refined = (x * shown for x, _ in resized)
        mask = second.inside & resized[0][1]
        er, ecr = seam_regularisation(plain, other_plain, refined, other_refined, hardest=self.hardest, mask=mask)
        cls, minimum = (sum(pair) / 2 for pair in zip(*losses, strict=True))
        terms = {'cls': cls, 'min': minimum, 'er': er, 'ecr': ecr}
        self.statistics = {name: term.detach() for name, term in terms.items()}
        return sum((self.weights[name] * term for name, term in terms.items()), tags.new_zeros(()))


class _View(NamedTuple):
    """The maps of a view for the selected images, at the size of the view."""

    logits: Tensor  # (b, C, h, w)
    refined: Tensor  # in [0, 1], (b, C, h, w)
    inside: Tensor  # True inside the image, (b, 1, h, w)

    @classmethod
    def of(cls, view: LossInputs, refined: LossInputs, chosen: Tensor) -> '_View':
        """Return the maps from the inputs of a loss."""
        valid, cells = view.valid[chosen] >= 1, view.valid_cells[chosen]
        size = (valid.shape[2], valid.shape[3])
        logits, reached = resize_inside(view.logits[chosen], size, cells)
        return cls(logits, resize_inside(refined.probs[chosen], size, cells)[0], valid & reached)

    def classification(self, tags: Tensor) -> Tensor:
        """Return the multi-label soft margin loss of the mean logits of the foreground."""
        scores = torch.where(self.inside, self.logits[:, 1:], 0).sum(dim=(2, 3))
        return F.multilabel_soft_margin_loss(scores / self.inside.sum(dim=(2, 3)).clamp(min=1), tags.to(scores.dtype))

    def min_pooling(self, shown: Tensor, share: float) -> Tensor:
        """Return the loss of the refined maps of the classes in the images."""
        return min_pooling_loss((self.refined * shown)[:, 1:], share=share, mask=self.inside)
