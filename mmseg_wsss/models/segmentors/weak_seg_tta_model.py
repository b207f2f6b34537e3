"""Test-time augmentation, in which the decision is made for the mean of all views."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from mmengine.model import BaseTTAModel
from mmseg.registry import MODELS

from ..decisions import ClassProbs, mean_of_views
from .weak_encoder_decoder import WeakEncoderDecoder

View = tuple[Any, ClassProbs]
"""The sample of a view and the output of the network."""


@MODELS.register_module()
class WeakSegTTAModel(BaseTTAModel):
    """Averages the probabilities of all views, each flipped back and resized to the original image.

    The merged sample is the result of ``WeakEncoderDecoder.decide`` for the mean: its ``seg_logits`` are the logarithms
    of the mean probabilities (mmseg's ``SegTTAModel`` keeps those of the last view), its ``class_scores`` are the
    largest of all views, and classes are pruned and masks refined once, for the mean. All views have the same weight.

    Args:
        module: A ``WeakEncoderDecoder``.
        data_preprocessor: Same as in ``SegTTAModel``.

    Raises:
        TypeError: If ``module`` is not a ``WeakEncoderDecoder``.
    """

    def __init__(self, module: Any, data_preprocessor: Any = None) -> None:
        super().__init__(module, data_preprocessor)
        if not isinstance(self.module, WeakEncoderDecoder):
            name = type(self.module).__name__
            raise TypeError(f'WeakSegTTAModel merges the views of a WeakEncoderDecoder; for {name} use SegTTAModel')

    def test_step(self, data: Mapping[str, Sequence[Any]]) -> list[Any]:
        """Predict all views of each image and merge them."""
        views: list[list[View]] = []
        for inputs, samples in zip(data['inputs'], data['data_samples'], strict=True):
            batch = self.module.data_preprocessor({'inputs': inputs, 'data_samples': samples}, False)
            views.append([*zip(batch['data_samples'], self.module.class_probs(**batch), strict=True)])
        return self.merge_preds([*zip(*views, strict=True)])

    def merge_preds(self, data_samples_list: Sequence[Sequence[View]]) -> list[Any]:
        """Return one sample for the views of each image."""
        return [
            self.module.decide(mean_of_views([maps for _, maps in views]), views[0][0], num_views=len(views))
            for views in data_samples_list
        ]
