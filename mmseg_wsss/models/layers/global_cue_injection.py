"""Injection of global cues from deep into shallow features (Araslanov & Roth, 2020).

Shape letters: B batch, c channels of the shallow features, C channels of the deep ones, H x W their common grid.
"""

from typing import Any

import torch.nn.functional as F
from mmcv.cnn import ConvModule, build_norm_layer
from mmengine.model import BaseModule
from torch import Tensor, nn

from ...functional.stochastic_gate import FORMS


class GlobalCueInjection(BaseModule):
    r"""Scale and shift shallow features by a summary of the deep ones.

    .. math::
        z^* = f\left(\max(0, (1 + \gamma)\, \hat z + \beta)\right), \qquad
        (\gamma, \beta) = \max_{HW} g(\text{deep})

    :math:`g` is a 1 x 1 convolution to 2 C channels with normalisation and ReLU, so that :math:`\gamma` and
    :math:`\beta` are not negative; the maximum is over the whole image. :math:`\hat z` are the shallow features after a
    1 x 1 convolution to C channels and a normalisation without learned scale and shift; :math:`f` is another 1 x 1
    convolution with normalisation and ReLU.

    This is ``form='reference'``, the published code. In the paper (``form='paper'``, adaptive instance normalisation,
    equation 11), 1 is not added to :math:`\gamma`, and :math:`\hat z` are normalised by the mean and variance of each
    image and channel instead of those of the batch, both in training and at inference.

    Args:
        shallow_channels: Number of shallow channels c.
        channels: Number of deep channels C.
        norm_cfg: Config of the normalisation layers; in the paper's form it does not apply to :math:`\hat z`.
        form: ``'reference'`` or ``'paper'``.

    Raises:
        ValueError: If ``form`` is unknown.

    Example:
        >>> import torch
        >>> cues = GlobalCueInjection(shallow_channels=24, channels=128)
        >>> cues(torch.randn(2, 24, 8, 8), torch.randn(2, 128, 8, 8)).shape
        torch.Size([2, 128, 8, 8])
    """

    def __init__(
        self,
        shallow_channels: int,
        channels: int,
        norm_cfg: dict[str, Any] | None = None,
        form: str = 'reference',
    ) -> None:
        super().__init__()
        if form not in FORMS:
            raise ValueError(f'unknown form of the global cues {form!r}: choose from {", ".join(FORMS)}')
        self.form = form
        norm_cfg = {'type': 'BN'} if norm_cfg is None else norm_cfg
        self.summarise = ConvModule(channels, 2 * channels, 1, norm_cfg=norm_cfg)
        self.project = nn.Conv2d(shallow_channels, channels, 1, bias=False)
        self.normalise = (
            nn.InstanceNorm2d(channels)
            if form == 'paper'
            else build_norm_layer({**norm_cfg, 'affine': False}, channels)[1]
        )
        self.mix = ConvModule(channels, channels, 1, norm_cfg=norm_cfg)

    def forward(self, shallow: Tensor, deep: Tensor) -> Tensor:
        """Return the shallow features with the cues, (B, C, H, W).

        Args:
            shallow: Shallow features, (B, c, H, W).
            deep: Deep features, (B, C, h, w), of any size.
        """
        scale, shift = self.summarise(deep).amax(dim=(2, 3), keepdim=True).chunk(2, dim=1)
        normalised = self.normalise(self.project(shallow))
        scale = scale if self.form == 'paper' else 1 + scale
        mixed: Tensor = self.mix(F.relu(normalised * scale + shift))
        return mixed
