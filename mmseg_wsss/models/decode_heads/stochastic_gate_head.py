"""The decoder of single-stage training from image tags.

Shape letters: B batch, C classes with the background, H x W the grid of the shallow features (stride 4).
"""

from collections.abc import Sequence
from typing import Any

import torch
import torch.nn.functional as F
from mmcv.cnn import ConvModule
from mmseg.models.decode_heads import ASPPHead
from mmseg.registry import MODELS
from torch import Tensor, nn
from torch.nn.modules.batchnorm import _BatchNorm

from ...functional.checks import check_share
from ...functional.stochastic_gate import FORMS, stochastic_gate
from ..layers import GlobalCueInjection
from .ngwp_head import learn_foreground_alone, with_constant_background


@MODELS.register_module()
class StochasticGateHead(ASPPHead):
    """DeepLabv3+ that randomly replaces deep features by shallow ones (Araslanov & Roth, 2020).

    Deep features are an atrous spatial pyramid over the deepest map, enlarged and concatenated with a narrow skip from
    the shallow map (stride 4). Shallow features are the same shallow map with :class:`GlobalCueInjection`. In training
    a gate replaces single values of the deep features by shallow ones, which keeps the decoder from memorising the
    coarse shapes of the deep features; at inference it mixes them. Three convolutions give C - 1 logits; the background
    is a constant.

    The defaults are the published setting. It freezes the running statistics of the pyramid's batch norms at their
    initial values (mean 0, variance 1), so that they only scale and shift.

    Args:
        in_channels: Channels of the deep map.
        channels: Channels of the head; 256 in the paper.
        num_classes: Number of classes C.
        c1_in_channels: Channels of the shallow map.
        c1_channels: Channels of the skip.
        c1_index: Index of the shallow feature map; ``in_index`` (last) is that of the deep one.
        dilations: Dilations of the pyramid. The paper has those for stride 8 with every backbone.
        gate_rate: Probability, in [0, 1), of a shallow value; 0 removes the gate and the cues.
        gate_form: ``'paper'``, whose mean in training is the mix of inference, or ``'reference'``, the published code,
            whose mean is the deep features. See :func:`mmseg_wsss.functional.stochastic_gate`.
        deterministic_gate: Whether to mix the features in training as at inference.
        global_cues: Whether the shallow features get global cues; otherwise a 1 x 1 convolution adapts their channels.
        cue_form: ``'reference'``, the published code, or ``'paper'``, with instance normalisation. See
            :class:`GlobalCueInjection`.
        background_logit: The constant logit of the background.
        freeze_aspp_stats: Whether the running statistics of the pyramid's batch norms are frozen.
        dropout_ratios: Dropout ratios of single values after the pyramid and after the first and the second
            convolution of the decoder.
        norm_cfg: Config of the normalisation layers.
        init_cfg: None means Kaiming's normal initialisation of every convolution, by its inputs.
        **kwargs: Same as in ``ASPPHead``, including ``align_corners`` (True in the paper) and ``in_index``.

    Raises:
        ValueError: If a rate or ratio is out of range, a form is unknown, or ``num_classes`` is below 2.

    Example:
        >>> head = StochasticGateHead(in_channels=4096, num_classes=21, c1_in_channels=256)
        >>> features = [torch.randn(2, 256, 16, 16), torch.randn(2, 4096, 8, 8)]
        >>> head(features).shape
        torch.Size([2, 21, 16, 16])
    """

    def __init__(
        self,
        in_channels: int,
        channels: int = 256,
        *,
        num_classes: int,
        c1_in_channels: int,
        c1_channels: int = 48,
        c1_index: int = 0,
        dilations: Sequence[int] = (1, 12, 24, 36),
        gate_rate: float = 0.3,
        gate_form: str = 'paper',
        deterministic_gate: bool = False,
        global_cues: bool = True,
        cue_form: str = 'reference',
        background_logit: float = 1.0,
        freeze_aspp_stats: bool = True,
        dropout_ratios: Sequence[float] = (0.5, 0.5, 0.1),
        norm_cfg: dict[str, Any] | None = None,
        init_cfg: Any = None,
        **kwargs: Any,
    ) -> None:
        if check_share(gate_rate, 'gate_rate') == 1:
            raise ValueError(f'gate_rate is the probability of a shallow value, in [0, 1), got {gate_rate}')
        if gate_form not in FORMS:
            raise ValueError(f'unknown gate_form {gate_form!r}: choose from {", ".join(FORMS)}')
        dropout_ratios = [check_share(ratio, 'dropout_ratios') for ratio in dropout_ratios]
        if len(dropout_ratios) != 3:
            raise ValueError(
                f'dropout_ratios must be three numbers, for the pyramid and two convolutions, got {dropout_ratios}'
            )
        kwargs.setdefault('dropout_ratio', 0)
        norm_cfg = {'type': 'BN'} if norm_cfg is None else norm_cfg
        super().__init__(
            tuple(dilations), in_channels=in_channels, channels=channels, num_classes=num_classes,
            norm_cfg=norm_cfg, init_cfg=init_cfg, **kwargs,
        )  # fmt: skip
        self.c1_index = c1_index
        self.gate_rate = gate_rate
        self.gate_form = gate_form
        self.deterministic_gate = deterministic_gate
        self.background_logit = background_logit
        self.freeze_aspp_stats = freeze_aspp_stats
        style = {'conv_cfg': self.conv_cfg, 'norm_cfg': self.norm_cfg, 'act_cfg': self.act_cfg}
        self.bottleneck = ConvModule((len(dilations) + 1) * channels, channels, 1, **style)
        self.c1_bottleneck = ConvModule(c1_in_channels, c1_channels, 1, **style)
        self.deep_bottleneck = ConvModule(channels + c1_channels, channels, 3, padding=1, **style)
        self.shallow = None
        if gate_rate > 0:
            self.shallow = (
                GlobalCueInjection(c1_in_channels, channels, self.norm_cfg, cue_form)
                if global_cues
                else ConvModule(c1_in_channels, channels, 1, **style)
            )
        self.global_cues = gate_rate > 0 and global_cues
        self.aspp_dropout = nn.Dropout(dropout_ratios[0])
        self.decoder = nn.Sequential(
            ConvModule(channels, channels, 3, padding=1, **style),
            nn.Dropout(dropout_ratios[1]),
            ConvModule(channels, channels, 3, padding=1, **style),
            nn.Dropout(dropout_ratios[2]),
        )
        self.conv_seg: nn.Conv2d = learn_foreground_alone(self.conv_seg, num_classes, 'StochasticGateHead')

    def init_weights(self) -> None:
        """Initialise the weights of all convolutions, unless ``init_cfg`` is set."""
        super().init_weights()
        if self.init_cfg is None:
            for module in self.modules():
                if isinstance(module, nn.Conv2d):
                    nn.init.kaiming_normal_(module.weight)

    def train(self, mode: bool = True) -> 'StochasticGateHead':
        """Switch between training and inference; frozen statistics stay frozen."""
        super().train(mode)
        if self.freeze_aspp_stats:
            for part in (self.image_pool, self.aspp_modules, self.bottleneck):
                for module in part.modules():
                    if isinstance(module, _BatchNorm):
                        module.eval()
        return self

    def forward(self, inputs: Sequence[Tensor]) -> Tensor:
        """Return the logits, (B, C, H, W), the background first."""
        shallow = inputs[self.c1_index]
        skip = self.c1_bottleneck(shallow)
        pyramid = self.aspp_dropout(self._forward_feature(inputs))
        pyramid = F.interpolate(pyramid, skip.shape[2:], mode='bilinear', align_corners=self.align_corners)
        features = self.deep_bottleneck(torch.cat([pyramid, skip], dim=1))
        if self.shallow is not None:
            cues = self.shallow(shallow, features) if self.global_cues else self.shallow(shallow)
            gated = self.training and not self.deterministic_gate
            features = stochastic_gate(features, cues, self.gate_rate, training=gated, form=self.gate_form)
        return with_constant_background(self.cls_seg(self.decoder(features)), self.background_logit)
