"""Labels from only the classes that an image has, by its tags or by the scores of the network."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

import torch
from mmseg.registry import MODELS
from torch import Tensor, nn

from ...functional import present_classes, prune_classes
from ...functional.checks import check_positive, check_share
from ..losses import ImageTagLoss
from .argmax_decision import ArgmaxDecision, ClassProbs


@MODELS.register_module()
class TagDecision(ArgmaxDecision):
    r"""Removes the classes with low image scores (Araslanov & Roth, 2020).

    .. math::
        \text{label} = \arg\max_c r(\hat m)_c, \qquad \hat m_0 = m_0^p, \quad
        \hat m_c = [\max_{\text{views}} \operatorname{sigmoid}(y_c) > t]\, m_c

    :math:`m` are the probabilities, averaged over windows and views, :math:`y` is the ``pooling`` of the logits at the
    resolution of the head, and :math:`r` is the refiner. Views are those of test-time augmentation, see
    ``WeakSegTTAModel``.

    Differs from the published code: there, images are padded to the same size, and the scores and the global pooling of
    the network include the padding.

    Args:
        pooling: Pooling of the logits to scores; None means the pooling of the ``ImageTagLoss`` in the ``losses`` of
            the model, or nGWP with the size penalty if there is none.
        score_threshold: :math:`t`, in [0, 1]; 0 keeps all classes. 0.1 is the published setting.
        background_power: :math:`p`; 1 changes nothing. 3 is the published setting of Wide ResNet-38, 1 that of VGG16.
        known_tags: Prune by the ``gt_tags`` of the sample (see ``LoadImageTags``) instead of scores: the setting of
            pseudo-labels for training images. Inputs without samples, as in pictures during training, are pruned by
            scores.
        refiner: Refiner of the pruned masks at the size of the file, such as ``dict(type='DenseCRF')``, or None.

    Raises:
        TypeError: If a setting is not a number.
        ValueError: If a setting is out of range, or the losses pool in different ways and ``pooling`` is not set.
    """

    def __init__(
        self,
        pooling: Mapping[str, Any] | None = None,
        score_threshold: float = 0.1,
        background_power: float = 3.0,
        known_tags: bool = False,
        refiner: Mapping[str, Any] | None = None,
    ) -> None:
        super().__init__(refiner)
        self._pooling_is_set = pooling is not None
        self.pooling = MODELS.build(dict(pooling or {'type': 'NGWPPooling'}))
        self.score_threshold = check_share(score_threshold, 'score_threshold')
        self.background_power = check_positive(background_power, 'background_power')
        self.known_tags = known_tags

    def pool_like(self, losses: Iterable[nn.Module]) -> None:
        """Take the pooling of the tag losses, unless one is set.

        Raises:
            ValueError: If they pool in different ways.
        """
        poolings = [loss.pooling for loss in losses if isinstance(loss, ImageTagLoss)]
        if self._pooling_is_set or not poolings:
            return
        if len({repr(pooling) for pooling in poolings}) > 1:
            raise ValueError('the losses pool the logits in different ways: set model.decision.pooling to one of them')
        self.pooling = poolings[0]

    def class_scores(self, logits: Tensor, probs: Tensor, inside: Tensor | None) -> Tensor:
        """Return the sigmoid of the pooled logits, (B, C-1)."""
        scores: Tensor = self.pooling(logits, probs, mask=inside)
        return scores.sigmoid()

    def tags_from(self, sample: Any | None) -> str | None:
        """Return ``'known'`` with ``known_tags`` and a sample, ``'predicted'`` with a positive threshold, or None."""
        if self.known_tags and sample is not None:
            return 'known'
        return 'predicted' if self.score_threshold else None

    def present(self, maps: ClassProbs, sample: Any | None = None) -> Tensor:
        """Return the foreground classes that the image may have, (C-1,) bool.

        Raises:
            ValueError: If ``known_tags`` is set and the sample has no tags, or one that is not a foreground class.
        """
        tags = self.tags_from(sample)
        if tags == 'known':
            return known_classes(sample, len(maps.probs), maps.probs.device)
        if tags is None:
            return super().present(maps, sample)
        if maps.scores is None:
            raise ValueError(
                'TagDecision prunes by scores, which these ClassProbs lack: use those of class_probs() of a model '
                'that has this decision'
            )
        return maps.scores > self.score_threshold

    def masks(self, maps: ClassProbs, sample: Any | None = None, *, present: Tensor | None = None) -> Tensor:
        """Return the probabilities without absent classes and with the power of the background, (C, H, W)."""
        if present is None:
            present = self.present(maps, sample)
        return prune_classes(maps.probs[None], present[None], background_power=self.background_power)[0]


def known_classes(sample: Any, num_classes: int, device: torch.device) -> Tensor:
    """Return the foreground classes in the ``gt_tags`` of a sample, (C-1,) bool.

    Raises:
        ValueError: If the sample has none, or one that is not a foreground class.
    """
    if 'gt_tags' not in sample:
        raise ValueError(
            f'known_tags=True, but the sample {sample.get("img_path", "")} has no gt_tags: put LoadImageTags into '
            "the test pipeline and 'gt_tags' into the meta_keys of PackSegInputs, or set known_tags=False"
        )
    try:
        return present_classes(torch.as_tensor(sample.gt_tags, device=device), num_classes)
    except ValueError as error:
        raise ValueError(f'{sample.get("img_path", "")}: {error}') from None
