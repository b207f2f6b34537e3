"""The pyramid of DeepLabv2: the sum of dilated convolutions, which classify directly."""

from collections.abc import Sequence
from typing import Any

from mmseg.models.decode_heads.decode_head import BaseDecodeHead
from mmseg.registry import MODELS
from torch import Tensor, nn


@MODELS.register_module()
class DeepLabV2Head(BaseDecodeHead):
    """Sum of 3 x 3 convolutions of several dilations, each with one output per class (Chen et al., DeepLabv2, 2016).

    Args:
        in_channels: Channels of the features.
        dilations: Dilations of the convolutions.
        dropout_ratio: Dropout ratio of the features.
        **kwargs: Other settings of ``BaseDecodeHead``; ``channels`` is that of the features.

    Example:
        >>> head = DeepLabV2Head(in_channels=2048, num_classes=21)
        >>> sum(p.numel() for p in head.parameters()) == 4 * 21 * (2048 * 9 + 1)
        True
    """

    def __init__(
        self, in_channels: int, dilations: Sequence[int] = (6, 12, 18, 24), dropout_ratio: float = 0.0, **kwargs: Any
    ) -> None:
        super().__init__(in_channels=in_channels, channels=in_channels, dropout_ratio=dropout_ratio, **kwargs)
        self.conv_seg = nn.ModuleList(  # init_cfg of BaseDecodeHead uses this name
            nn.Conv2d(in_channels, self.out_channels, 3, padding=dilation, dilation=dilation) for dilation in dilations
        )

    def forward(self, inputs: Sequence[Tensor]) -> Tensor:
        """Return the class logits, (B, C, H, W)."""
        features = self._transform_inputs(inputs)
        if self.dropout is not None:
            features = self.dropout(features)
        first, *others = (conv(features) for conv in self.conv_seg)
        logits: Tensor = sum(others, first)
        return logits
