"""A backbone for images, with maps beside the image."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import torch
from mmengine.model import BaseModule
from mmseg.registry import MODELS
from torch import Tensor, nn


@MODELS.register_module()
class WidenedInput(BaseModule):
    """Any backbone whose first convolution reads more channels, with its pretrained weights for those of the image.

    The image is the last channels of the input. The new weights of every other channel start as the mean over those of
    the colours.

    Args:
        backbone: Config of a backbone for images; its ``init_cfg`` is loaded as ever.
        in_channels: Channels of the input, the image's included.

    Raises:
        ValueError: If the backbone has no convolution, or reads as many channels or more by itself.

    Example:
        >>> backbone = WidenedInput(dict(type='mmseg.MobileNetV2'), in_channels=5)
        >>> backbone.backbone.conv1.conv.weight.shape[1]
        5
    """

    def __init__(self, backbone: Mapping[str, Any], in_channels: int) -> None:
        super().__init__()
        self.backbone = MODELS.build(dict(backbone))
        convolutions = (name for name, module in self.backbone.named_modules() if isinstance(module, nn.Conv2d))
        self._name = next(convolutions, '')
        first = self.backbone.get_submodule(self._name)
        if not isinstance(first, nn.Conv2d) or first.in_channels >= in_channels or first.groups != 1:
            raise ValueError(
                f'the first convolution of {type(self.backbone).__name__} must read fewer channels than '
                f'in_channels={in_channels}, got {first}'
            )
        self._narrow = (first,)  # a tuple, so that torch does not register it
        wide = nn.Conv2d(
            in_channels,
            first.out_channels,
            first.kernel_size,
            first.stride,
            first.padding,
            first.dilation,
            bias=first.bias is not None,
        )
        self._put(wide)
        self._widen(wide)

    def init_weights(self) -> None:
        """Initialise the backbone as it is for images, then widen it."""
        wide = self.backbone.get_submodule(self._name)
        self._put(self._narrow[0])
        self.backbone.init_weights()
        self._put(wide)
        self._widen(wide)
        self._is_init = True

    @torch.no_grad()
    def _widen(self, wide: nn.Conv2d) -> None:
        (narrow,) = self._narrow
        added = wide.in_channels - narrow.in_channels
        mean = narrow.weight.mean(dim=1, keepdim=True).expand(-1, added, -1, -1)
        wide.weight.copy_(torch.cat([mean, narrow.weight], dim=1))
        if wide.bias is not None:
            wide.bias.copy_(narrow.bias)

    def _put(self, module: nn.Module) -> None:
        parent, _, name = self._name.rpartition('.')
        setattr(self.backbone.get_submodule(parent), name, module)

    def forward(self, x: Tensor) -> tuple[Tensor, ...]:
        """Return what the backbone returns for the widened input, (B, in_channels, h, w)."""
        return self.backbone(x)
