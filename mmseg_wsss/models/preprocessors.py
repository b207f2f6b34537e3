"""Preprocessing of images in the order of operations of the published codes."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from mmseg.models.data_preprocessor import SegDataPreProcessor
from mmseg.registry import MODELS


@MODELS.register_module()
class UnitRangePreProcessor(SegDataPreProcessor):
    r"""``SegDataPreProcessor`` that scales colours to [0, 1] before it standardises them, as torchvision does.

    .. math::
        \frac{x / 255 - m / 255}{s / 255} \quad\text{instead of}\quad \frac{x - m}{s}

    Both are equal except for the last bit of a float32 number. Deep networks amplify this difference: the logits of a
    ResNet-101 with random weights and strong residual branches change by 1e-3. Published codes use the first order.

    Args:
        mean: Mean of each channel, in 0 to 255.
        std: Standard deviation of each channel, in 0 to 255.
        **kwargs: Other settings of ``SegDataPreProcessor``.

    Example:
        >>> import torch
        >>> preprocessor = UnitRangePreProcessor(mean=[123.675], std=[58.395])
        >>> preprocessor({'inputs': [torch.tensor([[[255, 0]]], dtype=torch.uint8)]})['inputs'].round(decimals=3)
        tensor([[[[ 2.2490, -2.1180]]]])
    """

    full_scale = 1.0
    """The colour of full intensity, in the units of ``mean`` and ``std`` of this module."""

    def __init__(self, mean: Sequence[float], std: Sequence[float], **kwargs: Any) -> None:
        super().__init__(mean=[value / 255 for value in mean], std=[value / 255 for value in std], **kwargs)

    def forward(self, data: dict[str, Any], training: bool = False) -> dict[str, Any]:
        """Return the batch, standardised, padded and on the device of this module.

        Args:
            data: ``inputs``, images in 0 to 255, and ``data_samples``.
            training: Whether to pad as in training.
        """
        data = self.cast_data(data)
        inputs = [image.float() / 255 for image in data['inputs']]
        batch: dict[str, Any] = super().forward({**data, 'inputs': inputs}, training)
        return batch
