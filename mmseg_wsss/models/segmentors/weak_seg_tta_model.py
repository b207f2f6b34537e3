"""Test-time augmentation whose merged sample holds the merged map."""

from __future__ import annotations

import math
from collections.abc import Sequence
from contextlib import nullcontext
from typing import Any

import torch
from mmengine.structures import PixelData
from mmseg.models.segmentors import SegTTAModel
from mmseg.registry import MODELS

from .tag_encoder_decoder import TagEncoderDecoder
from .weak_encoder_decoder import WeakEncoderDecoder


@MODELS.register_module()
class WeakSegTTAModel(SegTTAModel):
    """Averages the probabilities of all views, each flipped back and resized to the original image.

    The merged sample's ``seg_logits`` are the logarithms of the mean (mmseg's ``SegTTAModel`` leaves those of the last
    view). With a :class:`TagEncoderDecoder`, ``class_scores`` are the largest of all views, and classes are pruned and
    masks refined once, on the mean. All views count the same, whatever the list of scales and whether they are flipped.

    Args:
        module: A ``WeakEncoderDecoder``.
        data_preprocessor: As of ``SegTTAModel``.

    Raises:
        TypeError: If ``module`` is none.
    """

    def __init__(self, module: Any, data_preprocessor: Any = None) -> None:
        super().__init__(module, data_preprocessor)
        if not isinstance(self.module, WeakEncoderDecoder):
            name = type(self.module).__name__
            raise TypeError(f'WeakSegTTAModel merges the views of a WeakEncoderDecoder; for {name} take SegTTAModel')

    def test_step(self, data: Any) -> list[Any]:
        """Predict all views of each image and merge them."""
        tags = isinstance(self.module, TagEncoderDecoder)
        with self.module.undecided() if tags else nullcontext():
            return super().test_step(data)

    def merge_preds(self, data_samples_list: Sequence[Sequence[Any]]) -> list[Any]:
        """Return one sample for the views of each image."""
        return [self._merge(views) for views in data_samples_list]

    def _merge(self, views: Sequence[Any]) -> Any:
        merged = views[0]
        mean = sum(view.seg_logits.data.softmax(dim=0) for view in views) / len(views)
        merged.set_data({'seg_logits': PixelData(data=mean.clamp(min=torch.finfo(mean.dtype).tiny).log())})
        if isinstance(self.module, TagEncoderDecoder):
            merged.set_data({'class_scores': torch.stack([view.class_scores for view in views]).amax(dim=0)})
            if 'photo' in merged:
                merged.set_data({'photo': min(views, key=_resizing).photo})
            self.module.decide(merged, num_views=len(views))
        else:
            merged.set_data({'pred_sem_seg': PixelData(data=mean.argmax(dim=0, keepdim=True))})
        return merged


def _resizing(view: Any) -> float:
    """Return how far a view is from the size of its file: 0 is the file itself."""
    return abs(math.log(view.img_shape[0] / view.ori_shape[0]))
