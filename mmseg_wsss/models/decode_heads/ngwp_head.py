"""One convolution over the features and a constant background."""

from collections.abc import Sequence
from typing import Any

import torch
from mmcv.cnn import ConvModule
from mmseg.models.decode_heads.decode_head import BaseDecodeHead
from mmseg.registry import MODELS
from torch import Tensor, nn


@MODELS.register_module()
class NGWPHead(BaseDecodeHead):
    """Class logits by a 1 x 1 convolution, with a constant background (Araslanov & Roth, 2020).

    Tags do not contain the background, so its logit could not be trained: it is a constant that the foreground classes
    have to exceed. Image scores are a pooling of the C logits, see ``NGWPPooling``.

    Args:
        in_channels: Channels of the feature map or, with an ``input_transform``, of each feature map.
        num_classes: Number of classes, including the background.
        channels: Channels of the classifier's input. If they differ from those of the features, a 1 x 1 convolution
            (with ``norm_cfg``, ``act_cfg``) precedes the classifier. None means those of the features.
        background_logit: The constant logit of the background.
        bias: Whether the classifier has a bias. Plain class activation maps do not.
        **kwargs: Same as in ``BaseDecodeHead``, including ``dropout_ratio`` (0.1, whole channels).

    Raises:
        ValueError: If ``num_classes`` is below 2, or several feature maps are selected and not joined.

    Example:
        >>> import torch
        >>> head = NGWPHead(in_channels=64, num_classes=21)
        >>> logits = head([torch.randn(2, 64, 8, 8)])
        >>> logits.shape, logits[:, 0].unique()
        (torch.Size([2, 21, 8, 8]), tensor([1.], grad_fn=<Unique2Backward0>))
    """

    def __init__(
        self,
        in_channels: int | Sequence[int],
        *,
        num_classes: int,
        channels: int | None = None,
        background_logit: float = 1.0,
        bias: bool = True,
        **kwargs: Any,
    ) -> None:
        if kwargs.get('input_transform') == 'multiple_select':
            raise ValueError("NGWPHead reads one feature map: set input_transform='resize_concat' or an in_index")
        width = in_channels if isinstance(in_channels, int) else sum(in_channels)
        super().__init__(in_channels, width if channels is None else channels, num_classes=num_classes, **kwargs)
        self.background_logit = background_logit
        self.projection = nn.Identity()
        if self.channels != self.in_channels:
            style = {'conv_cfg': self.conv_cfg, 'norm_cfg': self.norm_cfg, 'act_cfg': self.act_cfg}
            self.projection = ConvModule(self.in_channels, self.channels, 1, **style)
        self.conv_seg: nn.Conv2d = learn_foreground_alone(self.conv_seg, num_classes, 'NGWPHead', bias=bias)

    def forward(self, inputs: Sequence[Tensor]) -> Tensor:
        """Return the logits, (B, C, H, W), the background first."""
        logits = self.cls_seg(self.projection(self._transform_inputs(inputs)))
        return with_constant_background(logits, self.background_logit)


def learn_foreground_alone(conv_seg: nn.Conv2d, num_classes: int, head: str, *, bias: bool = True) -> nn.Conv2d:
    """Return a classifier like ``conv_seg`` with ``num_classes - 1`` channels.

    Raises:
        ValueError: If the background is the only class.
    """
    if num_classes < 2:
        raise ValueError(f'{head}: num_classes includes the background, so it is at least 2, got {num_classes}')
    return nn.Conv2d(conv_seg.in_channels, num_classes - 1, kernel_size=1, bias=bias)


def with_constant_background(logits: Tensor, value: float) -> Tensor:
    """Add a channel of ``value`` in front of the foreground logits: (B, C-1, H, W) -> (B, C, H, W)."""
    return torch.cat([torch.full_like(logits[:, :1], value), logits], dim=1)
