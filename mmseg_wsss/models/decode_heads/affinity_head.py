"""The head of AffinityNet, whose features are similar within an object."""

from collections.abc import Sequence
from typing import Any

import torch
import torch.nn.functional as F
from mmseg.models.decode_heads.decode_head import BaseDecodeHead
from mmseg.models.utils import resize
from mmseg.registry import MODELS
from torch import Tensor, nn


@MODELS.register_module()
class AffinityHead(BaseDecodeHead):
    """Features from several levels of a backbone, for ``AffinityLoss`` (Ahn and Kwak, CVPR 2018).

    Each level passes a 1 x 1 convolution and ELU, and the concatenation another one. The defaults are the published
    setting for Wide ResNet-38: ``conv4``, ``conv5`` and ``conv6`` are reduced to 64, 128 and 256 channels.

    The head is not a classifier: ``forward`` returns features for an ``AffinityNetwork``.

    Args:
        in_channels: Channels of each level.
        in_index: Indices of the outputs of the backbone, finest first; the others are resized to the first, bilinearly.
        widths: Channels that each level is reduced to.
        num_classes: Number of classes of the labels, including the background.
        **kwargs: ``align_corners`` and ``ignore_index`` of ``BaseDecodeHead``.

    Raises:
        ValueError: If the three lists are empty or differ in length.

    Example:
        >>> import torch
        >>> head = AffinityHead((8, 16), (0, 1), widths=(4, 6), num_classes=21)
        >>> tuple(head([torch.randn(1, 8, 9, 9), torch.randn(1, 16, 5, 5)]).shape)
        (1, 10, 9, 9)
    """

    def __init__(
        self,
        in_channels: Sequence[int] = (512, 1024, 4096),
        in_index: Sequence[int] = (1, 2, 3),
        widths: Sequence[int] = (64, 128, 256),
        *,
        num_classes: int,
        **kwargs: Any,
    ) -> None:
        if not len(in_channels) == len(in_index) == len(widths) > 0:
            raise ValueError(
                f'in_channels, in_index and widths must name the same levels, got {tuple(in_channels)}, '
                f'{tuple(in_index)} and {tuple(widths)}'
            )
        super().__init__(
            list(in_channels),
            sum(widths),
            num_classes=num_classes,
            in_index=list(in_index),
            input_transform='multiple_select',
            dropout_ratio=0,
            init_cfg=None,
            **kwargs,
        )
        del self.conv_seg  # nothing is classified
        self.levels = nn.ModuleList(
            nn.Conv2d(channels, width, 1, bias=False) for channels, width in zip(in_channels, widths, strict=True)
        )
        self.mix = nn.Conv2d(self.channels, self.channels, 1, bias=False)

    def init_weights(self) -> None:
        """Initialise as published."""
        for conv in self.levels:
            nn.init.kaiming_normal_(conv.get_parameter('weight'))
        nn.init.xavier_uniform_(self.mix.weight, gain=4)

    def forward(self, inputs: Sequence[Tensor]) -> Tensor:
        """Return the features, (B, D, H, W) on the grid of the first level."""
        chosen = self._transform_inputs(inputs)
        reduced = [F.elu(conv(level)) for conv, level in zip(self.levels, chosen, strict=True)]
        size = reduced[0].shape[2:]
        reduced = [
            level if level.shape[2:] == size else resize(level, size, mode='bilinear', align_corners=self.align_corners)
            for level in reduced
        ]
        return F.elu(self.mix(torch.cat(reduced, dim=1)))
