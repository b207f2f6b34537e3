"""The feature similarity loss."""

import math

import torch
import torch.nn.functional as F
from mmseg.registry import MODELS
from torch import Tensor

from ...functional.checks import check_positive
from ...functional.feature_similarity import check_normalise
from ...ops import BACKENDS, feature_similarity_loss
from ...structures import LossInputs
from .base_weak_loss import BaseWeakLoss


@MODELS.register_module()
class FeatureSimilarityLoss(BaseWeakLoss):
    r"""Rewards equal predictions at similar pixels and different ones at dissimilar pixels (Jonnarth, Felsberg, 2022).

    See :func:`mmseg_wsss.functional.feature_similarity_loss` for the formula. The image is resized to the grid of the
    logits; a cell with a pixel outside the image is not in any pair. The probabilities are those of all classes,
    including the background. The defaults are those of the published code.

    With ``learn_mu`` and ``learn_sigma`` the loss has parameters, as in the paper. Gradient descent only ever increases
    :math:`\mu`: the larger it is, the more pairs count as dissimilar, up to all of them. It moves :math:`\sigma` to
    about a quarter of the side of the grid, 13 to 15 of 56 cells on photographs with their true masks. Therefore both
    are limited to a range by

    .. math:: \mu = low + (high - low) \, s(\theta), \qquad s(\theta) = \frac{1}{1 + e^{-\theta}}

    and the training moves :math:`\mu` towards the upper end; choose it as the largest acceptable value. Pixels count as
    dissimilar from a colour difference of :math:`s(-\mu)`: 0.27 for 1, 0.076 for 2.5, 0.018 for 4. Weight decay
    pulls :math:`\theta` to 0, which is the middle of the range.

    The log also has ``mu`` and ``sigma`` if they are learned.

    Args:
        mu: :math:`\mu`, which sets the threshold between similar and dissimilar; its initial value with ``learn_mu``.
        sigma: Standard deviation of the weight of a pair, in cells of the logits; the initial value with
            ``learn_sigma``.
        radius: Leave out pairs that are further apart than this, in cells; None means all pairs. With a ``sigma`` of 5,
            a radius of 15 keeps 98.9 % of the weight.
        learn_mu: Whether :math:`\mu` is learned.
        mu_range: ``(low, high)`` with ``low < mu < high``, for ``learn_mu``.
        learn_sigma: Whether :math:`\sigma` is learned.
        sigma_range: ``(low, high)`` with ``0 < low < sigma < high``, for ``learn_sigma``.
        normalise: ``'pixels'`` divides by the number of cells, as in the published code; ``'pairs'`` by the number of
            pairs, as in the paper, which divides the loss by the number of cells once more.
        mask: Whether pixels outside the original image (rotation, padding) are left out.
        backend: See :func:`mmseg_wsss.ops.feature_similarity_loss`.
        loss_weight: Factor of the loss. The published 0.5 is for a formula without the 1/2, so here it is 1.
        start: Fraction of the training before which the loss is 0.

    Raises:
        TypeError: If a setting that must be a number is not.
        ValueError: If a setting is out of range, or ``normalise`` or ``backend`` is unknown.
    """

    learns_from = ()

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
        learn_sigma: bool = False,
        sigma_range: tuple[float, float] = (1.0, 10.0),
        normalise: str = 'pixels',
    ) -> None:
        super().__init__(loss_weight, start)
        if not math.isfinite(mu):
            raise ValueError(f'mu must be finite, got {mu}')
        self.radius = None if radius is None else check_positive(radius, 'radius')
        if backend not in BACKENDS:
            raise ValueError(f'unknown backend {backend!r}: choose from {", ".join(BACKENDS)}')
        check_normalise(normalise)
        self.normalise = normalise
        self.mask = mask
        self.backend = backend
        self.learn_mu, self.learn_sigma = learn_mu, learn_sigma
        self.fixed_mu, self.fixed_sigma = float(mu), check_positive(sigma, 'sigma')
        self.mu_range, self.sigma_range = tuple(map(float, mu_range)), tuple(map(float, sigma_range))
        if learn_mu:
            self.theta = _start(self.fixed_mu, self.mu_range, 'mu')
        if learn_sigma:
            check_positive(sigma_range[0], 'the low end of sigma_range')
            self.theta_sigma = _start(self.fixed_sigma, self.sigma_range, 'sigma')

    @property
    def mu(self) -> float | Tensor:
        """The current value; a tensor with a gradient if it is learned."""
        return _within(self.mu_range, self.theta) if self.learn_mu else self.fixed_mu

    @property
    def sigma(self) -> float | Tensor:
        """The current value; a tensor with a gradient if it is learned."""
        return _within(self.sigma_range, self.theta_sigma) if self.learn_sigma else self.fixed_sigma

    def compute(self, inputs: LossInputs) -> Tensor:
        """Return the loss of the head's probabilities at their own resolution."""
        image, cells = inputs.image, None
        if self.mask:
            # The interpolation must not read pixels outside of the image.
            image, cells = torch.where(inputs.valid >= 1, image, 0), inputs.valid_cells
        image = F.interpolate(image, inputs.logits.shape[2:], mode='bilinear', align_corners=True)
        settings = {'mu': self.mu, 'sigma': self.sigma}
        self.statistics = {name: value.detach() for name, value in settings.items() if isinstance(value, Tensor)}
        return feature_similarity_loss(
            inputs.probs,
            image,
            radius=self.radius,
            normalise=self.normalise,
            mask=cells,
            backend=self.backend,
            **settings,
        )


def _start(value: float, ends: tuple[float, ...], name: str) -> torch.nn.Parameter:
    """Return the parameter that represents a value between two ends."""
    low, high = ends
    if not -math.inf < low < value < high < math.inf:
        raise ValueError(
            f'learn_{name} needs {name}_range=(low, high) with low < {name} < high, got {ends} and {name}={value}'
        )
    share = (value - low) / (high - low)
    return torch.nn.Parameter(torch.tensor(math.log(share / (1 - share))))


def _within(ends: tuple[float, ...], theta: Tensor) -> Tensor:
    low, high = ends
    return low + (high - low) * torch.sigmoid(theta)
