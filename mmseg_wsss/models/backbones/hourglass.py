"""Single-stack hourglass with residual units: the network of the box-to-mask generator."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch.nn.functional as F
from mmcv.cnn import ConvModule
from mmengine.model import BaseModule
from mmseg.registry import MODELS
from torch import Tensor, nn


class ResidualUnit(nn.Module):
    """Two 3 x 3 convolutions and a shortcut, which is a 1 x 1 convolution where the shape changes."""

    def __init__(self, in_channels: int, out_channels: int, norm_cfg: dict[str, Any], stride: int = 1) -> None:
        super().__init__()
        self.conv1 = ConvModule(in_channels, out_channels, 3, stride, padding=1, norm_cfg=norm_cfg)
        self.conv2 = ConvModule(out_channels, out_channels, 3, padding=1, norm_cfg=norm_cfg, act_cfg=None)
        self.shortcut: nn.Module = nn.Identity()
        if stride != 1 or in_channels != out_channels:
            self.shortcut = ConvModule(in_channels, out_channels, 1, stride, norm_cfg=norm_cfg, act_cfg=None)

    def forward(self, x: Tensor) -> Tensor:
        """Return the output, (B, out_channels, ceil(H / stride), ceil(W / stride))."""
        return F.relu(self.conv2(self.conv1(x)) + self.shortcut(x))


class HourglassLevel(nn.Module):
    """One scale of the hourglass with all coarser ones inside; nearest upsampling, merged by a sum."""

    def __init__(self, channels: Sequence[int], units: Sequence[int], norm_cfg: dict[str, Any]) -> None:
        super().__init__()
        (here, below), count = channels[:2], units[0]
        self.side = _units([here] * (count + 1), norm_cfg)
        self.down = _units([here] + [below] * count, norm_cfg, stride=2)
        self.inner = (
            HourglassLevel(channels[1:], units[1:], norm_cfg)
            if len(channels) > 2
            else _units([below] * (units[1] + 1), norm_cfg)
        )
        self.up = _units([below] * count + [here], norm_cfg)

    def forward(self, x: Tensor) -> Tensor:
        """Return an output of the same shape; H and W must be divisible by 2 for each scale inside."""
        low = self.up(self.inner(self.down(x)))
        side: Tensor = self.side(x)
        return side + F.interpolate(low, scale_factor=2, mode='nearest')


def _units(channels: Sequence[int], norm_cfg: dict[str, Any], stride: int = 1) -> nn.Sequential:
    """Build residual units from each number of channels to the next; the first one has the stride."""
    steps = [stride] + [1] * (len(channels) - 2)
    pairs = zip(channels[:-1], channels[1:], steps, strict=True)
    return nn.Sequential(*(ResidualUnit(first, second, norm_cfg, step) for first, second, step in pairs))


@MODELS.register_module()
class Hourglass(BaseModule):
    """Hourglass as in CornerNet and CenterNet (Law & Deng, 2018; Zhou et al., 2019), one stack, output stride 4.

    A 7 x 7 convolution and a residual unit reduce the image to a quarter. It is halved ``depth`` more times, by strided
    residual units instead of pooling, and enlarged again. A 3 x 3 convolution gives the output. The default is the
    pseudo-mask generator of the LPG code: 12.12 million parameters with 5 channels in and its head, which is
    ``dict(type='FCNHead', in_channels=256, in_index=0, channels=96, num_convs=1, concat_input=False, norm_cfg=None,
    dropout_ratio=0, num_classes=2)``.

    Images of any size are padded with 0 at the right and at the bottom to multiples of ``size_divisor``, and the output
    is cropped back.

    Args:
        in_channels: Channels of the input, which is an image with additional maps.
        channels: Channels of the scales from stride 4 to the coarsest, depth + 1 numbers.
        units: Number of residual units of the scales, depth + 1 numbers.
        stem_channels: Channels of the first convolution.
        out_channels: Channels of the output.
        norm_cfg: Config of the normalisation layers.
        init_cfg: Same as in mmengine's ``BaseModule``.

    Raises:
        ValueError: If there are fewer than two scales, or ``units`` does not have one number per scale.

    Example:
        >>> import torch
        >>> backbone = Hourglass(in_channels=4, channels=(8, 8, 16), units=(1, 1, 1), stem_channels=4, out_channels=8)
        >>> backbone.size_divisor, [tuple(x.shape) for x in backbone(torch.randn(2, 4, 37, 50))]
        (16, [(2, 8, 10, 13)])
    """

    def __init__(
        self,
        in_channels: int = 5,
        channels: Sequence[int] = (96, 96, 128, 128, 128, 192),
        units: Sequence[int] = (2, 2, 2, 2, 2, 4),
        stem_channels: int = 48,
        out_channels: int = 256,
        norm_cfg: dict[str, Any] | None = None,
        init_cfg: Any = None,
    ) -> None:
        super().__init__(init_cfg)
        if len(channels) < 2 or len(channels) != len(units) or min(*channels, *units) < 1:
            raise ValueError(
                'channels and units must have one positive number for each of at least two scales, got '
                f'{tuple(channels)} and {tuple(units)}'
            )
        norm_cfg = {'type': 'BN'} if norm_cfg is None else norm_cfg
        self.size_divisor = 4 * 2 ** (len(channels) - 1)
        self.stem = ConvModule(in_channels, stem_channels, 7, 2, padding=3, norm_cfg=norm_cfg)
        self.reduce = ResidualUnit(stem_channels, channels[0], norm_cfg, stride=2)
        self.hourglass = HourglassLevel(tuple(channels), tuple(units), norm_cfg)
        self.out = ConvModule(channels[0], out_channels, 3, padding=1, norm_cfg=norm_cfg)

    def forward(self, x: Tensor) -> tuple[Tensor]:
        """Return the output map.

        Args:
            x: Images with additional maps, (B, in_channels, h, w).

        Returns:
            (B, out_channels, ceil(h / 4), ceil(w / 4)), in a tuple.
        """
        height, width = x.shape[2:]
        x = F.pad(x, (0, -width % self.size_divisor, 0, -height % self.size_divisor))
        x = self.out(self.hourglass(self.reduce(self.stem(x))))
        return (x[:, :, : -(-height // 4), : -(-width // 4)],)
