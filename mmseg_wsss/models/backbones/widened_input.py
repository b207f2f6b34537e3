"""A backbone for images with additional maps in its input."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import torch
from mmengine.model import BaseModule
from mmseg.registry import MODELS
from torch import Tensor, nn


@MODELS.register_module()
class WidenedInput(BaseModule):
    """A backbone whose first convolution reads additional channels, with pretrained weights for the image.

    The image is in the last channels of the input. The weights of every other channel start as the mean over those of
    the colours.

    Args:
        backbone: Config of a backbone for images; its ``init_cfg`` is loaded as usual.
        in_channels: Channels of the input, including those of the image.

    Raises:
        ValueError: If the backbone has no convolution, or does not read fewer channels than ``in_channels``.

    Example:
        >>> backbone = WidenedInput(dict(type='mmseg.MobileNetV2'), in_channels=5)
        >>> backbone.backbone.conv1.conv.weight.shape[1]
        5
    """

    def __init__(self, backbone: Mapping[str, Any], in_channels: int) -> None:
        super().__init__()
        self._narrow = dict(backbone)
        self.backbone = MODELS.build(self._narrow)
        convolutions = (name for name, module in self.backbone.named_modules() if isinstance(module, nn.Conv2d))
        self._first = next(convolutions, '')
        first = self.backbone.get_submodule(self._first)
        if not isinstance(first, nn.Conv2d) or first.in_channels >= in_channels or first.groups != 1:
            raise ValueError(
                f'the first convolution of {type(self.backbone).__name__} must read fewer channels than '
                f'in_channels={in_channels}, got {first}'
            )
        parent, _, name = self._first.rpartition('.')
        settings: dict[str, Any] = {
            'kernel_size': first.kernel_size,
            'stride': first.stride,
            'padding': first.padding,
            'dilation': first.dilation,
        }
        wide = nn.Conv2d(in_channels, first.out_channels, bias=first.bias is not None, **settings)
        setattr(self.backbone.get_submodule(parent), name, wide)

    def init_weights(self) -> None:
        """Initialise a backbone for images and copy its weights."""
        narrow = MODELS.build(self._narrow)
        narrow.init_weights()
        weights, key = narrow.state_dict(), f'{self._first}.weight'
        added = self.backbone.get_submodule(self._first).in_channels - weights[key].shape[1]
        mean = weights[key].mean(dim=1, keepdim=True)
        weights[key] = torch.cat([mean.expand(-1, added, -1, -1), weights[key]], dim=1)
        self.backbone.load_state_dict(weights)
        self._is_init = True

    def forward(self, x: Tensor) -> tuple[Tensor, ...]:
        """Return the outputs of the backbone for the widened input, (B, in_channels, h, w)."""
        features: tuple[Tensor, ...] = self.backbone(x)
        return features
