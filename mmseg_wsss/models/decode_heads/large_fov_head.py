"""The head of DeepLab v1 with a large field of view."""

from typing import Any

from mmcv.cnn import ConvModule
from mmseg.models.decode_heads.decode_head import BaseDecodeHead
from mmseg.registry import MODELS
from torch import Tensor, nn


@MODELS.register_module()
class LargeFOVHead(BaseDecodeHead):
    """A dilated 3 x 3 and a 1 x 1 convolution before the classifier (Chen et al., DeepLab-LargeFOV, 2015).

    The defaults are the setting of methods for image tags, which train it last, on Wide ResNet-38: 512 channels, rate
    12, batch norms, and dropout of half of the single features.

    Args:
        dilation: Rate of the 3 x 3 convolution, in cells of the features.
        channels: Channels of both convolutions.
        dropout_ratio: Share of features to drop.
        **kwargs: Same as in ``BaseDecodeHead``.

    Example:
        >>> head = LargeFOVHead(in_channels=4096, in_index=3, num_classes=21, norm_cfg=dict(type='BN'))
        >>> round(sum(p.numel() for p in head.parameters()) / 1e6, 2)
        19.15
    """

    def __init__(self, *, dilation: int = 12, channels: int = 512, dropout_ratio: float = 0.5, **kwargs: Any) -> None:
        super().__init__(channels=channels, dropout_ratio=dropout_ratio, **kwargs)
        style = {'conv_cfg': self.conv_cfg, 'norm_cfg': self.norm_cfg, 'act_cfg': self.act_cfg}
        self.context = ConvModule(self.in_channels, channels, 3, padding=dilation, dilation=dilation, **style)
        self.projection = ConvModule(channels, channels, 1, **style)
        if dropout_ratio > 0:
            self.dropout = nn.Dropout(dropout_ratio)  # BaseDecodeHead drops whole channels

    def forward(self, inputs: list[Tensor]) -> Tensor:
        """Return the logits, (B, C, H, W)."""
        logits: Tensor = self.cls_seg(self.projection(self.context(self._transform_inputs(inputs))))
        return logits
