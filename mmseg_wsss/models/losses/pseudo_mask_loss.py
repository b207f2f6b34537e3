"""A loss on the model's own confident predictions, refined by the image and the tags."""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Any

import torch
import torch.nn.functional as F
from mmseg.registry import MODELS
from torch import Tensor

from ...functional.pseudo_labels import check_balance
from ...ops import balanced_cross_entropy
from ...structures import LossInputs
from ..pseudo_masks import PseudoMasks, make_pseudo_masks
from .base_tag_loss import BaseTagLoss

REFINER = MappingProxyType({'type': 'PAMR'})
PSEUDO_LABELS = MappingProxyType({'type': 'ConfidentLabels'})


@MODELS.register_module()
class PseudoMaskLoss(BaseTagLoss):
    """Class-balanced cross-entropy on pseudo-labels made from the same forward pass (Araslanov and Roth, 2020).

    The softmax of the logits is refined on their grid, resized to the image with aligned corners, set to 0 in absent
    classes and thresholded; the loss is :func:`mmseg_wsss.functional.balanced_cross_entropy` of the resized logits. An
    image counts only if its background and all its tags are found; the others count as 0 in the mean over the tagged
    images, as in the published code. The published schedule trains with only tags in the first 5 of 20 to 32 epochs,
    see ``start``. Pixels outside the original image do not count.

    The log also has ``labelled_share``, the share of pixels with a pseudo-label, and ``images_used``, the share of
    tagged images that count. If it stays at 0, pseudo-labels have no effect.

    Tags do not contain the background: a head with a learned background may never predict it, and then no image counts.
    The published head has a constant instead.

    Args:
        refiner: ``dict(type='PAMR', ...)``, another module with the same signature, or None.
        pseudo_labels: ``dict(type='ConfidentLabels', foreground_ratio=0.6, background_ratio=0.7,
            min_confidence=0.2)``, or another module with the same signature.
        loss_weight: Factor of the loss.
        start: Fraction of the training before which the loss is 0 and no pseudo-labels are made.
        balance: ``'reference'`` weights the classes as in the published code, ``'paper'`` divides by the number of
            pixels of the class, see :func:`mmseg_wsss.functional.balanced_cross_entropy`.

    Raises:
        ValueError: If ``balance`` is unknown or ``start`` is outside [0, 1].
    """

    def __init__(
        self,
        refiner: Mapping[str, Any] | None = REFINER,
        pseudo_labels: Mapping[str, Any] = PSEUDO_LABELS,
        loss_weight: float = 1.0,
        start: float = 0.0,
        balance: str = 'reference',
    ) -> None:
        super().__init__(loss_weight, start)
        check_balance(balance)
        self.balance = balance
        self.refiner = None if refiner is None else MODELS.build(dict(refiner))
        self.labeller = MODELS.build(dict(pseudo_labels))

    def pseudo_masks(self, inputs: LossInputs) -> PseudoMasks:
        """Return the pseudo-labels of the batch and the maps they are made from, without a gradient."""
        tags = inputs.tags
        if tags is None:
            tags = inputs.logits.new_full((len(inputs.logits), inputs.logits.shape[1] - 1), torch.nan)
        return make_pseudo_masks(
            inputs.probs,
            inputs.image,
            inputs.valid,
            tags,
            refiner=self.refiner,
            labeller=self.labeller,
            ignore_index=inputs.ignore_index,
        )

    def steps(self, inputs: LossInputs) -> dict[str, Tensor]:
        """Return the most probable classes before and after the refiner, and the pseudo-labels."""
        made = self.pseudo_masks(inputs)
        steps = {'CAM': _most_probable(made.cam, inputs.image)}
        if self.refiner is not None:
            steps[f'after {type(self.refiner).__name__}'] = _most_probable(made.refined, inputs.image)
        return {**steps, 'pseudo-labels': made.labels}

    def image_losses(self, inputs: LossInputs, tags: Tensor, tagged: Tensor) -> Tensor:
        """Return the loss of every image, (B,); 0 if not all its tags are found."""
        labels = self.pseudo_masks(inputs).labels
        labelled = ((labels != inputs.ignore_index) & (inputs.valid[:, 0] >= 1)).sum()
        self.statistics['labelled_share'] = labelled / inputs.valid.sum().clamp(min=1)
        losses = balanced_cross_entropy(
            inputs.logits,
            labels,
            tags,
            ignore_index=inputs.ignore_index,
            mask=inputs.valid,
            balance=self.balance,
            cells=inputs.valid_cells,
        )
        used = (losses.detach() > 0) & tagged
        self.statistics['images_used'] = used.sum() / tagged.sum().clamp(min=1)
        return losses


def _most_probable(masks: Tensor, image: Tensor) -> Tensor:
    """Return the class with the largest mask at every pixel of the image, (B, h, w)."""
    return F.interpolate(masks, image.shape[2:], mode='bilinear', align_corners=True).argmax(dim=1)
