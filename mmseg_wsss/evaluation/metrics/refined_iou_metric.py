"""IoU of what a dense CRF, or another refiner, makes of the predictions."""

from collections.abc import Mapping, Sequence
from typing import Any

import mmcv
import numpy as np
import torch
from mmseg.registry import METRICS, MODELS

from .subset_iou_metric import SubsetIoUMetric


@METRICS.register_module()
class RefinedIoUMetric(SubsetIoUMetric):
    """``SubsetIoUMetric`` of predictions that are refined by the image first, for any segmentor.

    The class probabilities (softmax of ``seg_logits``, at the size of the file) and the image file go through the
    refiner. Predictions that other metrics see stay as they are; keys start with ``refined/``.

    Args:
        refiner: Config of a module (masks, image) -> masks, by default ``dict(type='DenseCRF')``.
        classes: As of ``SubsetIoUMetric``.
        **kwargs: Settings of ``IoUMetric``.

    Raises:
        ImportError: If the refiner's package is missing.
    """

    default_prefix = 'refined'

    def __init__(
        self, refiner: Mapping[str, Any] | None = None, classes: Sequence[str] | None = None, **kwargs: Any
    ) -> None:
        super().__init__(classes, **kwargs)
        self.refiner = MODELS.build(dict(refiner or {'type': 'DenseCRF'}))

    @torch.no_grad()
    def process(self, data_batch: dict[str, Any], data_samples: Sequence[dict[str, Any]]) -> None:
        """Refine and count one batch.

        Raises:
            KeyError: If a prediction has no logits of two classes or more.
        """
        refined = []
        for sample in data_samples:
            logits = sample.get('seg_logits', {}).get('data')
            if logits is None or len(logits) < 2:
                raise KeyError(
                    'RefinedIoUMetric needs seg_logits of at least two classes: evaluate without test-time '
                    'augmentation, and a network with a softmax'
                )
            image = mmcv.imread(sample['img_path'], channel_order='rgb')
            rgb = torch.from_numpy(np.ascontiguousarray(image.transpose(2, 0, 1))).to(logits.device).float() / 255
            masks = self.refiner(logits.float().softmax(dim=0)[None], rgb[None])[0]
            refined.append({**sample, 'pred_sem_seg': {'data': masks.argmax(dim=0, keepdim=True)}})
        super().process(data_batch, refined)
