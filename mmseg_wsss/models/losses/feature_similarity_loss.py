"""Feature similarity loss as a part of a recipe."""

import math

import torch
import torch.nn.functional as F
from mmseg.registry import MODELS
from torch import Tensor

from ...functional.checks import check_positive
from ...ops import BACKENDS, feature_similarity_loss
from ...structures import LossInputs
from .base_weak_loss import BaseWeakLoss


@MODELS.register_module()
class FeatureSimilarityLoss(BaseWeakLoss):
    r"""Alike pixels should be predicted alike, and unlike pixels differently (Jonnarth, Felsberg, 2022).

    See :func:`mmseg_wsss.functional.feature_similarity_loss` for the formula. The image is resized to the grid of the
    logits; a cell with a pixel outside the image is in no pair. The probabilities are those of all classes, the
    background included. The defaults are those of the published code.

    With ``learn_mu`` the loss has a parameter, as the paper says. Its gradient only ever makes :math:`\mu` larger: the
    larger, the more pairs count as unlike, up to all of them. So it is kept within ``mu_range`` by

    .. math:: \mu = low + (high - low) \, \sigma(\theta)

    and the training will carry it towards the upper end; choose that end as the largest :math:`\mu` to be tolerated.
    Pixels count as unlike from a colour difference of :math:`\sigma(-\mu)` on: 0.27 at 1, 0.076 at 2.5, 0.018 at 4.
    Weight decay pulls :math:`\theta` to 0, which is the middle of the range.

    Args:
        mu: :math:`\mu`, where alike turns into unlike; the start with ``learn_mu``.
        sigma: Standard deviation of the weight of a pair, in cells of the logits.
        radius: Leave out pairs that are further apart than this, in cells; None: all pairs. At ``sigma`` 5, 15 keeps
            98.9 % of the weight.
        learn_mu: Whether :math:`\mu` is learnt.
        mu_range: ``(low, high)`` with ``low < mu < high``, for ``learn_mu``.
        mask: Whether pixels outside the original image (rotation, padding) are left out.
        backend: See :func:`mmseg_wsss.ops.feature_similarity_loss`.
        loss_weight: Factor of the loss. The published 0.5 goes with a formula without the 1/2, so here it is 1.
        start: Fraction of the training before which the loss is 0.

    Raises:
        TypeError: If a number is none.
        ValueError: If a setting is out of range, or ``backend`` is unknown.
    """

    def __init__(
        self,
        mu: float = 2.5,
        sigma: float = 5.0,
        radius: float | None = None,
        learn_mu: bool = False,
        mu_range: tuple[float, float] = (1.0, 4.0),
        mask: bool = True,
        backend: str = 'auto',
        loss_weight: float = 1.0,
        start: float = 0.0,
    ) -> None:
        super().__init__(loss_weight, start)
        if not math.isfinite(mu):
            raise ValueError(f'mu must be finite, got {mu}')
        self.sigma = check_positive(sigma, 'sigma')
        self.radius = None if radius is None else check_positive(radius, 'radius')
        if backend not in BACKENDS:
            raise ValueError(f'unknown backend {backend!r}: choose from {", ".join(BACKENDS)}')
        self.mask = mask
        self.backend = backend
        self.learn_mu = learn_mu
        self.fixed_mu = float(mu)
        if learn_mu:
            self.low, self.high = (float(end) for end in mu_range)
            if not -math.inf < self.low < mu < self.high < math.inf:
                raise ValueError(
                    f'learn_mu needs mu_range=(low, high) with low < mu < high, got {mu_range} and mu={mu}'
                )
            share = (mu - self.low) / (self.high - self.low)
            self.theta = torch.nn.Parameter(torch.tensor(math.log(share / (1 - share))))

    @property
    def mu(self) -> float | Tensor:
        """The current value; a tensor with a gradient if it is learnt."""
        return self.low + (self.high - self.low) * torch.sigmoid(self.theta) if self.learn_mu else self.fixed_mu

    def compute(self, inputs: LossInputs) -> Tensor:
        """Return the loss of the head's probabilities at their own resolution."""
        image, cells = inputs.image, None
        if self.mask:
            # What the image holds outside must not be read by the interpolation.
            image, cells = torch.where(inputs.valid >= 1, image, 0), inputs.valid_cells
        image = F.interpolate(image, inputs.logits.shape[2:], mode='bilinear', align_corners=True)
        return feature_similarity_loss(
            inputs.probs, image, mu=self.mu, sigma=self.sigma, radius=self.radius, mask=cells, backend=self.backend
        )
