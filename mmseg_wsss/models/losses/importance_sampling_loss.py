"""A loss of image tags on maps of class probabilities."""

from mmseg.registry import MODELS
from torch import Tensor

from ...functional import average_pooling_loss, importance_sampling_loss, max_pooling_loss
from ...functional.importance_sampling import check_eps, check_num_samples
from ...structures import LossInputs
from .base_weak_loss import BaseWeakLoss

POOLINGS = ('average', 'max')


@MODELS.register_module()
class ImportanceSamplingLoss(BaseWeakLoss):
    r"""Classification by sampled pixels, and by pooling all of them (Jonnarth, Felsberg, 2022).

    .. math:: (1 - \lambda) L_{pooling} + \lambda L_{sampling}

    See :func:`mmseg_wsss.functional.importance_sampling_loss` for the second term. The head needs a learned background
    channel; probabilities are the softmax over all its channels, and the foreground classes are classified.

    The defaults are those of the published code: average pooling, :math:`\lambda = 0.8`, 100 draws per foreground
    class. The objective of the paper (equations 1-5) is ``pooling='max', sample_background=True, num_samples=1``, with
    any :math:`\lambda` (``weight``): both terms over all classes, including the background.

    Images without tags have no effect, and a batch without any tags gives 0. Cells of the logits with a pixel outside
    the image have no effect either.

    Args:
        weight: :math:`\lambda` in [0, 1]; a term with weight 0 is not computed.
        pooling: ``'average'``: the mean logit of each foreground class. ``'max'``: its most probable pixel.
        background: Whether max pooling also classifies the background, as a class that is in every image.
        sample_background: Whether sampling also classifies the background, as in the paper but not in its code.
        num_samples: Number of draws for each class of an image.
        expectation: Use the mean over all draws instead: the same loss without noise.
        eps: Keeps the logits of probabilities 0 and 1 finite; with 1e-3 they are within 6.91 of 0.
        loss_weight: Factor of the loss.
        start: Fraction of the training before which the loss is 0.

    Raises:
        ValueError: If a setting is out of range or ``pooling`` is unknown.
    """

    learns_from = ('tags',)

    def __init__(
        self,
        weight: float = 0.8,
        pooling: str = 'average',
        background: bool = True,
        sample_background: bool = False,
        num_samples: int = 100,
        expectation: bool = False,
        eps: float = 1e-3,
        loss_weight: float = 1.0,
        start: float = 0.0,
    ) -> None:
        super().__init__(loss_weight, start)
        if not 0 <= weight <= 1:
            raise ValueError(f'weight must be the share of the sampled term, in [0, 1], got {weight}')
        if pooling not in POOLINGS:
            raise ValueError(f'pooling must be one of {", ".join(POOLINGS)}, got {pooling!r}')
        check_num_samples(num_samples)
        check_eps(eps)
        self.weight = weight
        self.pooling = pooling
        self.background = background
        self.sample_background = sample_background
        self.num_samples = num_samples
        self.expectation = expectation
        self.eps = eps

    def check_num_classes(self, num_classes: int) -> None:
        """Check that there is a class in addition to the background."""
        if num_classes < 2:
            raise ValueError(
                f'ImportanceSamplingLoss needs a background channel and at least one class, got num_classes='
                f'{num_classes}'
            )

    def compute(self, inputs: LossInputs) -> Tensor:
        """Return the classification loss of the tagged images."""
        if inputs.tags is None:
            return inputs.zero
        loss = inputs.logits.new_zeros((), dtype=inputs.probs.dtype)
        if self.weight < 1:
            loss = loss + (1 - self.weight) * self._pooled(inputs, inputs.tags)
        if self.weight > 0:
            loss = loss + self.weight * importance_sampling_loss(
                inputs.probs if self.sample_background else inputs.probs[:, 1:],
                inputs.tags,
                num_samples=self.num_samples,
                eps=self.eps,
                expectation=self.expectation,
                background=self.sample_background,
                mask=inputs.valid_cells,
            )
        return loss

    def _pooled(self, inputs: LossInputs, tags: Tensor) -> Tensor:
        if self.pooling == 'average':
            return average_pooling_loss(inputs.logits[:, 1:], tags, mask=inputs.valid_cells)
        return max_pooling_loss(
            inputs.probs if self.background else inputs.probs[:, 1:],
            tags,
            eps=self.eps,
            background=self.background,
            mask=inputs.valid_cells,
        )
