"""The wide residual network that most methods for image tags use.

Shape letters: B batch, h x w the input image.
"""

from collections.abc import Sequence
from typing import Any

import torch.nn.functional as F
from mmcv.cnn import build_norm_layer
from mmseg.registry import MODELS
from torch import Tensor, nn
from torch.nn.modules.batchnorm import _BatchNorm

from ...checkpoints.weights import PretrainedExactly

STEM = ('conv1a', 'b2', 'b2_1', 'b2_2')
STAGES = (('b3', 'b3_1', 'b3_2'), ('b4', 'b4_1', 'b4_2', 'b4_3', 'b4_4', 'b4_5'), ('b5', 'b5_1', 'b5_2'), ('b6', 'b7'))


class WideBlock(nn.Module):
    """Normalisation, ReLU and convolution, two or three times, with a shortcut (pre-activation).

    Args:
        in_channels: Channels of the input.
        widths: Output channels of the convolutions: two of 3 x 3, or three of 1 x 1, 3 x 3, 1 x 1.
        norm_cfg: Config of the normalisation layers.
        stride: Stride of the first convolution and the shortcut.
        dilations: Dilations of the first and the second convolution.
        dropout: Dropout ratios of whole channels before the second and the third convolution.
    """

    def __init__(
        self,
        in_channels: int,
        widths: Sequence[int],
        norm_cfg: dict[str, Any],
        stride: int = 1,
        dilations: tuple[int, int] = (1, 1),
        dropout: float = 0.0,
    ) -> None:
        super().__init__()
        self.convolutions = []
        kernels, names = ((3, 3), ('2a', '2b1')) if len(widths) == 2 else ((1, 3, 1), ('2a', '2b1', '2b2'))
        channels = in_channels
        for place, (name, kernel, width) in enumerate(zip(names, kernels, widths, strict=True)):
            dilation = dilations[place] if kernel == 3 else 1
            self.add_module(f'bn_branch{name}', build_norm_layer(norm_cfg, channels)[1])
            conv = nn.Conv2d(
                channels, width, kernel, stride if place == 0 else 1,
                padding=dilation * (kernel // 2), dilation=dilation, bias=False,
            )  # fmt: skip
            self.add_module(f'conv_branch{name}', conv)
            self.convolutions.append(name)
            channels = width
        self.conv_branch1 = None
        if stride != 1 or in_channels != channels:
            self.conv_branch1 = nn.Conv2d(in_channels, channels, 1, stride, bias=False)
        self.dropout = nn.Dropout2d(dropout) if dropout else nn.Identity()

    def forward(self, x: Tensor) -> tuple[Tensor, Tensor]:
        """Return the output and the normalised, rectified input."""
        first, *others = self.convolutions
        activated = F.relu(getattr(self, f'bn_branch{first}')(x))
        branch = getattr(self, f'conv_branch{first}')(activated)
        for name in others:
            branch = self.dropout(F.relu(getattr(self, f'bn_branch{name}')(branch)))
            branch = getattr(self, f'conv_branch{name}')(branch)
        return (x if self.conv_branch1 is None else self.conv_branch1(activated)) + branch, activated


@MODELS.register_module()
class WideResNet38(PretrainedExactly):
    """Wide ResNet-38, model A1 of Wu et al. ("Wider or Deeper", 2016), at output stride 8.

    The four outputs, with their names in papers on image tags:

    ===== ======= ======== ==========================================================
    index stride  channels what
    ===== ======= ======== ==========================================================
    0     4       256      ``conv3``: output of ``b3``
    1     8       512      ``conv4``: output of ``b4``, normalised and rectified
    2     8       1024     ``conv5``: output of ``b5``, normalised and rectified
    3     8       4096     ``conv6``: output of ``b7``, normalised and rectified
    ===== ======= ======== ==========================================================

    The weights have the names of the public ImageNet checkpoint (``ilsvrc-cls_rna-a1_cls1000_ep-0001.pth``, converted
    from MXNet), which ``init_cfg=dict(type='Pretrained', checkpoint=...)`` loads. An error names missing weights. The
    input is RGB, standardised with the ImageNet statistics.

    Args:
        out_indices: Indices of the outputs to return.
        frozen_stages: Parts that are not trained: 0 means ``conv1a``, ``b2``, ``b2_1`` and ``b2_2`` (the published
            setting), 1 also ``b3``, and so on up to 4; -1 means none.
        norm_eval: Whether batch norms keep their statistics in training.
        norm_cfg: Config of the normalisation layers; by default their scale and shift are not trained either.
        base_channels: Channels of ``conv1a``; all others are multiples of it.
        in_channels: Channels of the image.
        init_cfg: See above.

    Raises:
        ValueError: If ``out_indices`` or ``frozen_stages`` is out of range.

    Example:
        >>> import torch
        >>> backbone = WideResNet38(base_channels=4)
        >>> [tuple(output.shape[1:]) for output in backbone(torch.randn(1, 3, 32, 32))]
        [(16, 8, 8), (32, 4, 4), (64, 4, 4), (256, 4, 4)]
    """

    def __init__(
        self,
        out_indices: Sequence[int] = (0, 1, 2, 3),
        frozen_stages: int = 0,
        norm_eval: bool = True,
        norm_cfg: dict[str, Any] | None = None,
        base_channels: int = 64,
        in_channels: int = 3,
        init_cfg: Any = None,
    ) -> None:
        super().__init__(init_cfg)
        if not out_indices or not set(out_indices) <= set(range(4)):
            raise ValueError(f'out_indices must be some of 0, 1, 2, 3, got {tuple(out_indices)}')
        if frozen_stages not in range(-1, 5):
            raise ValueError(f'frozen_stages must be -1 (none) to 4 (all), got {frozen_stages}')
        self.out_indices = tuple(out_indices)
        self.frozen_stages = frozen_stages
        self.norm_eval = norm_eval
        self._norm_cfg = {'type': 'BN', 'requires_grad': False} if norm_cfg is None else norm_cfg
        c = base_channels
        self.conv1a = nn.Conv2d(in_channels, c, 3, padding=1, bias=False)
        self._add_blocks('b2', 3, c, (2 * c, 2 * c), stride=2)
        self._add_blocks('b3', 3, 2 * c, (4 * c, 4 * c), stride=2)
        self._add_blocks('b4', 6, 4 * c, (8 * c, 8 * c), stride=2)
        self._add_blocks('b5', 3, 8 * c, (8 * c, 16 * c), first_dilation=1, dilation=2)
        bottleneck: dict[str, Any] = {'dilations': (1, 4), 'norm_cfg': self._norm_cfg}
        self.b6 = WideBlock(16 * c, (8 * c, 16 * c, 32 * c), dropout=0.3, **bottleneck)
        self.b7 = WideBlock(32 * c, (16 * c, 32 * c, 64 * c), dropout=0.5, **bottleneck)
        self.bn7 = build_norm_layer(self._norm_cfg, 64 * c)[1]
        self._freeze()

    def _add_blocks(
        self, name: str, count: int, in_channels: int, widths: tuple[int, int], *,
        stride: int = 1, first_dilation: int | None = None, dilation: int = 1,
    ) -> None:  # fmt: skip
        first = (dilation if first_dilation is None else first_dilation, dilation)
        self.add_module(name, WideBlock(in_channels, widths, self._norm_cfg, stride, first))
        for index in range(1, count):
            self.add_module(f'{name}_{index}', WideBlock(widths[-1], widths, self._norm_cfg, 1, (dilation, dilation)))

    def _freeze(self) -> None:
        names = (STEM, *STAGES)[: self.frozen_stages + 1]
        frozen = [getattr(self, name) for part in names for name in part]
        for module in frozen:
            module.eval()
            module.requires_grad_(False)
        if self.frozen_stages == len(STAGES):
            self.bn7.eval()
            self.bn7.requires_grad_(False)

    def train(self, mode: bool = True) -> 'WideResNet38':
        """Switch between training and inference; frozen parts stay frozen."""
        super().train(mode)
        self._freeze()
        if self.norm_eval:
            for module in self.modules():
                if isinstance(module, _BatchNorm):
                    module.eval()
        return self

    def forward(self, x: Tensor) -> tuple[Tensor, ...]:
        """Return the outputs of ``out_indices``, finest first.

        Args:
            x: Images, (B, 3, h, w).
        """
        x = self.conv1a(x)
        for name in STEM[1:]:
            x, _ = getattr(self, name)(x)
        outputs = []
        for names in STAGES[:3]:
            for name in names:
                x, activated = getattr(self, name)(x)
                if name in ('b5', 'b6'):
                    outputs.append(activated)
            if names[0] == 'b3':
                outputs.append(x)
        for name in STAGES[3]:
            x, activated = getattr(self, name)(x)
            if name == 'b6':
                outputs.append(activated)
        outputs.append(F.relu(self.bn7(x)))
        return tuple(outputs[index] for index in sorted(self.out_indices))
