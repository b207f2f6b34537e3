"""Deep features tell shallow ones what is in the image (Araslanov & Roth, 2020).

Shape letters: B batch, c channels of the shallow features, C channels of the deep ones, H x W their common grid.
"""

from typing import Any

import torch.nn.functional as F
from mmcv.cnn import ConvModule, build_norm_layer
from mmengine.model import BaseModule
from torch import Tensor, nn


class GlobalCueInjection(BaseModule):
    r"""Scale and shift shallow features by a summary of the deep ones.

    .. math::
        z^* = f\left(\max(0, (1 + \gamma)\, \hat z + \beta)\right), \qquad
        (\gamma, \beta) = \max_{HW} g(\text{deep})

    :math:`g` is a 1 x 1 convolution to 2 C channels, normalised, with ReLU, so that :math:`\gamma` and :math:`\beta`
    are not negative; the maximum is over the whole image. :math:`\hat z` are the shallow features after a 1 x 1
    convolution to C channels and a normalisation without scale and shift of its own; :math:`f` is one more 1 x 1
    convolution, normalised, with ReLU.

    Differs from the paper, as its published code does: there, :math:`\gamma` has no 1 beside it, and each image is
    normalised by its own statistics and not by those of the batch.

    Args:
        shallow_channels: c.
        channels: C.
        norm_cfg: Kind of the normalisations.

    Example:
        >>> import torch
        >>> cues = GlobalCueInjection(shallow_channels=24, channels=128)
        >>> cues(torch.randn(2, 24, 8, 8), torch.randn(2, 128, 8, 8)).shape
        torch.Size([2, 128, 8, 8])
    """

    def __init__(self, shallow_channels: int, channels: int, norm_cfg: dict[str, Any] | None = None) -> None:
        super().__init__()
        norm_cfg = {'type': 'BN'} if norm_cfg is None else norm_cfg
        self.summarise = ConvModule(channels, 2 * channels, 1, norm_cfg=norm_cfg)
        self.project = nn.Conv2d(shallow_channels, channels, 1, bias=False)
        self.normalise = build_norm_layer({**norm_cfg, 'affine': False}, channels)[1]
        self.mix = ConvModule(channels, channels, 1, norm_cfg=norm_cfg)

    def forward(self, shallow: Tensor, deep: Tensor) -> Tensor:
        """Return the shallow features with the cues, (B, C, H, W).

        Args:
            shallow: (B, c, H, W).
            deep: (B, C, h, w), of any size.
        """
        scale, shift = self.summarise(deep).amax(dim=(2, 3), keepdim=True).chunk(2, dim=1)
        normalised = self.normalise(self.project(shallow))
        mixed: Tensor = self.mix(F.relu(normalised * (1 + scale) + shift))
        return mixed
