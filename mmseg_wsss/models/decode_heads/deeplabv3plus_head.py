"""DeepLabv3+ as in the code of the Gated CRF paper."""

from typing import Any

from mmcv.cnn import ConvModule
from mmseg.models.decode_heads import DepthwiseSeparableASPPHead
from mmseg.models.decode_heads.aspp_head import ASPPModule
from mmseg.registry import MODELS
from torch import nn

INITIALISATIONS = ('kaiming', 'torch', 'xavier')


@MODELS.register_module()
class DeepLabV3PlusHead(DepthwiseSeparableASPPHead):
    """mmseg's DeepLabv3+ head with plain instead of depthwise separable convolutions.

    The pyramid is projected by a 1 x 1 convolution (3 x 3 in mmseg). Both are as in the code of Obukhov et al., 2019.

    Args:
        initialisation: Initialisation of all convolutions. ``'torch'``: the default of torch, uniform with a standard
            deviation of 1 / sqrt(3 n) for n inputs, as in the published code. ``'xavier'``: uniform after Glorot, as in
            the paper. ``'kaiming'``: the initialisation of mmseg, normal with sqrt(2 / n) for n outputs, and 0.01 for
            the classifier. The first two override ``init_cfg``.
        **kwargs: Same as in ``DepthwiseSeparableASPPHead``.

    Raises:
        ValueError: If ``initialisation`` is unknown.

    Example:
        >>> head = DeepLabV3PlusHead(in_channels=512, in_index=3, channels=256, dilations=(1, 6, 12, 18),
        ...                          c1_in_channels=64, c1_channels=48, num_classes=21, norm_cfg=dict(type='BN'))
        >>> round(sum(p.numel() for p in head.parameters()) / 1e6, 2)
        5.43
    """

    def __init__(self, initialisation: str = 'kaiming', **kwargs: Any) -> None:
        super().__init__(**kwargs)
        if initialisation not in INITIALISATIONS:
            raise ValueError(f'initialisation must be one of {", ".join(INITIALISATIONS)}, got {initialisation!r}')
        self.initialisation = initialisation
        style = {'conv_cfg': self.conv_cfg, 'norm_cfg': self.norm_cfg, 'act_cfg': self.act_cfg}
        self.aspp_modules = ASPPModule(self.dilations, self.in_channels, self.channels, **style)
        self.bottleneck = ConvModule((len(self.dilations) + 1) * self.channels, self.channels, 1, **style)
        decoder_channels = self.channels + (0 if self.c1_bottleneck is None else self.c1_bottleneck.out_channels)
        self.sep_bottleneck = nn.Sequential(
            ConvModule(decoder_channels, self.channels, 3, padding=1, **style),
            ConvModule(self.channels, self.channels, 3, padding=1, **style),
        )

    def init_weights(self) -> None:
        """Initialise as in mmseg, then the convolutions according to ``initialisation``."""
        super().init_weights()
        if self.initialisation == 'kaiming':
            return
        # An init_cfg does not work, because every ConvModule initialises itself after it.
        for module in self.modules():
            if isinstance(module, nn.Conv2d):
                module.reset_parameters()
                if self.initialisation == 'xavier':
                    nn.init.xavier_uniform_(module.weight)
                    if module.bias is not None:
                        nn.init.zeros_(module.bias)
