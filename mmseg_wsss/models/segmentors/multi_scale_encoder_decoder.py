"""DeepLabv2's three scales with one network.

Shape letters: B batch, C classes, h x w the input image.
"""

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import torch
import torch.nn.functional as F
from mmseg.registry import MODELS
from torch import Tensor

from .weak_encoder_decoder import (
    LABELLED_PIXELS,
    WeakEncoderDecoder,
    check_num_classes,
    run_losses,
)


@MODELS.register_module()
class MultiScaleEncoderDecoder(WeakEncoderDecoder):
    """The same network on the image and on smaller copies; the logits are fused by their maximum (DeepLabv2, 2016).

    Each scale has its own losses, named ``scale_1.<name>``, ``scale_0_75.<name>``, ..., and so has the maximum,
    ``max.<name>``; all are summed. Inference takes the maximum, on the grid of the full scale.

    Args:
        backbone: As of ``WeakEncoderDecoder``.
        decode_head: The same.
        losses: The same.
        scales: Scales besides 1, each below 1.
        **kwargs: Other settings of ``WeakEncoderDecoder``.

    Raises:
        TypeError: If there is an auxiliary head.
        ValueError: If a scale is out of range.
    """

    def __init__(
        self,
        backbone: dict[str, Any],
        decode_head: dict[str, Any],
        losses: dict[str, dict[str, Any]],
        scales: Sequence[float] = (0.5, 0.75),
        **kwargs: Any,
    ) -> None:
        super().__init__(backbone, decode_head, losses, **kwargs)
        if self.with_auxiliary_head:
            raise TypeError('MultiScaleEncoderDecoder has a loss for every scale and no place for an auxiliary_head')
        if not scales or not all(0 < scale < 1 for scale in scales):
            raise ValueError(f'scales must be at least one number between 0 and 1, got {tuple(scales)}')
        self.scales = tuple(scales)

    def loss(self, inputs: Tensor, data_samples: list[Any]) -> dict[str, Tensor]:
        """Return the losses of every scale and of their maximum."""
        check_num_classes(data_samples, self.num_classes)
        features = self.extract_feat(inputs)
        batch = self.loss_inputs(self.decode_head, features, inputs, data_samples)
        smaller = self._smaller(inputs)
        named = {f'scale_{scale:g}'.replace('.', '_'): x for scale, x in zip(self.scales, smaller, strict=True)}
        named = {'scale_1': batch.logits, **named, 'max': self._maximum(batch.logits, smaller)}
        results = {}
        for name, logits in named.items():
            results.update(run_losses(self.losses, replace(batch, logits=logits), f'{name}.'))
        results[LABELLED_PIXELS] = (batch.labels != batch.ignore_index).sum().float()
        return results

    def encode_decode(self, inputs: Tensor, batch_img_metas: list[dict[str, Any]]) -> Tensor:
        """Return the maximum over the scales, (B, C, h, w)."""
        return self.decode_head.predict_by_feat(self._forward(inputs), batch_img_metas)

    def _forward(self, inputs: Tensor, data_samples: list[Any] | None = None) -> Tensor:
        logits = self.decode_head(self.extract_feat(inputs))
        return self._maximum(logits, self._smaller(inputs))

    def _smaller(self, inputs: Tensor) -> list[Tensor]:
        copies = (
            F.interpolate(inputs, scale_factor=scale, mode='bilinear', align_corners=False) for scale in self.scales
        )
        return [self.decode_head(self.extract_feat(copy)) for copy in copies]

    def _maximum(self, logits: Tensor, smaller: list[Tensor]) -> Tensor:
        size = logits.shape[2:]
        resized = [F.interpolate(x, size, mode='bilinear', align_corners=self.align_corners) for x in smaller]
        return torch.stack([logits, *resized]).amax(dim=0)
