"""The classifier of class activation maps, with a learned background."""

from collections.abc import Sequence
from typing import Any

from mmseg.models.decode_heads.decode_head import BaseDecodeHead
from mmseg.registry import MODELS
from torch import Tensor, nn


@MODELS.register_module()
class CAMHead(BaseDecodeHead):
    """Class logits by one 1 x 1 convolution without bias over the features (Jonnarth, Felsberg, 2022).

    The background has a channel like every class: ``ImportanceSamplingLoss`` and ``FeatureSimilarityLoss`` use the
    softmax over all channels.

    Args:
        in_channels: Channels of the feature map or, with an ``input_transform``, of each feature map.
        num_classes: Number of classes, including the background.
        dropout_ratio: Dropout ratio of whole channels of the features.
        **kwargs: Same as in ``BaseDecodeHead``, except ``channels``.

    Raises:
        ValueError: If ``num_classes`` is below 2, or several feature maps are selected and not joined.

    Example:
        >>> import torch
        >>> head = CAMHead(in_channels=64, num_classes=21)
        >>> head([torch.randn(2, 64, 8, 8)]).shape
        torch.Size([2, 21, 8, 8])
    """

    def __init__(
        self, in_channels: int | Sequence[int], *, num_classes: int, dropout_ratio: float = 0.5, **kwargs: Any
    ) -> None:
        if kwargs.get('input_transform') == 'multiple_select':
            raise ValueError("CAMHead reads one feature map: set input_transform='resize_concat' or an in_index")
        if num_classes < 2:
            raise ValueError(f'CAMHead: num_classes includes the background, so it is at least 2, got {num_classes}')
        width = in_channels if isinstance(in_channels, int) else sum(in_channels)
        kwargs.setdefault('init_cfg', {'type': 'Xavier', 'distribution': 'uniform', 'override': {'name': 'conv_seg'}})
        super().__init__(in_channels, width, num_classes=num_classes, dropout_ratio=dropout_ratio, **kwargs)
        self.conv_seg = nn.Conv2d(width, num_classes, kernel_size=1, bias=False)

    def forward(self, inputs: Sequence[Tensor]) -> Tensor:
        """Return the logits, (B, C, H, W), the background first."""
        logits: Tensor = self.cls_seg(self._transform_inputs(inputs))
        return logits
