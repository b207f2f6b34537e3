"""VGG16 of DeepLab: 3 x 3 pooling, output stride 8, and convolutions instead of dense layers.

Shape letters: B batch, h x w the input image.
"""

from collections.abc import Sequence
from typing import Any

import torch.nn.functional as F
from mmcv.cnn import VGG
from mmseg.registry import MODELS
from torch import Tensor, nn

from ...checkpoints.weights import PretrainedExactly

CONVOLUTIONS = (2, 2, 3, 3, 3)


@MODELS.register_module()
class LargeFOVVGG16(PretrainedExactly):
    """VGG16 at output stride 8 with ``fc6`` and ``fc7`` as convolutions (Chen et al., DeepLab-LargeFOV, 2015).

    The layers are those of mmcv's ``VGG`` with other poolings (3 x 3; the fourth of stride 1, a fifth with ``pool5``)
    and a dilation of 2 in the last block. The outputs:

    ===== ====== ======== ==========================
    index stride channels what
    ===== ====== ======== ==========================
    0     4      256      ``conv3_3``, rectified
    1     8      512      ``conv4_3``, rectified
    2     8      512      ``conv5_3``, rectified
    3     8      1024     ``fc7``, rectified
    ===== ====== ======== ==========================

    ``init_cfg=dict(type='Pretrained', checkpoint=...)`` loads the public ``vgg16_20M.pth`` (converted from Caffe),
    whose names are ``conv1_1.weight`` to ``fc7.bias``. An error names missing weights.

    Args:
        out_indices: Indices of the outputs to return.
        frozen_stages: Number of blocks that are not trained, from 0 to 5; the published setting is 1, ``conv1_1`` and
            ``conv1_2``.
        fc6_dilation: Dilation of ``fc6``: 1 in single-stage training from tags, 12 in DeepLab-LargeFOV.
        pool5: Whether there are a max-pooling and an average pooling, both 3 x 3 with stride 1, between ``conv5_3`` and
            ``fc6``, as in DeepLab-LargeFOV; single-stage training from tags does not have them.
        init_cfg: See above.

    Raises:
        ValueError: If ``out_indices`` or ``frozen_stages`` is out of range.

    Example:
        >>> import torch
        >>> backbone = LargeFOVVGG16()
        >>> [tuple(output.shape[1:]) for output in backbone(torch.randn(1, 3, 32, 32))]
        [(256, 8, 8), (512, 4, 4), (512, 4, 4), (1024, 4, 4)]
    """

    def __init__(
        self,
        out_indices: Sequence[int] = (0, 1, 2, 3),
        frozen_stages: int = 1,
        fc6_dilation: int = 1,
        pool5: bool = False,
        init_cfg: Any = None,
    ) -> None:
        super().__init__(init_cfg)
        if not out_indices or not set(out_indices) <= set(range(4)):
            raise ValueError(f'out_indices must be some of 0, 1, 2, 3, got {tuple(out_indices)}')
        if frozen_stages not in range(6):
            raise ValueError(f'frozen_stages must be 0 (none) to 5 (all blocks), got {frozen_stages}')
        self.out_indices = tuple(out_indices)
        layers = list(VGG(16, dilations=(1, 1, 1, 1, 2), with_last_pool=False).features)
        pools = iter((2, 2, 2, 1))
        layers = [
            nn.MaxPool2d(3, next(pools), padding=1) if isinstance(layer, nn.MaxPool2d) else layer for layer in layers
        ]
        self.features = nn.Sequential(*layers)
        self.fc6_dilation = fc6_dilation
        self.pool5 = pool5
        self.fc6 = nn.Conv2d(512, 1024, 3, padding=fc6_dilation, dilation=fc6_dilation)
        self.fc7 = nn.Conv2d(1024, 1024, 1)
        self.dropout = nn.Dropout2d(0.5)
        for conv in self._convolutions()[: sum(CONVOLUTIONS[:frozen_stages])]:
            conv.requires_grad_(False)

    def _convolutions(self) -> list[nn.Conv2d]:
        return [layer for layer in self.features if isinstance(layer, nn.Conv2d)]

    def translate(self, name: str) -> str:
        """Return the name of ``conv<block>_<number>`` in this module."""
        layer, _, kind = name.partition('.')
        places = [
            f'conv{block}_{number}'
            for block, count in enumerate(CONVOLUTIONS, start=1)
            for number in range(1, count + 1)
        ]
        if layer not in places:
            return name
        index = list(self.features).index(self._convolutions()[places.index(layer)])
        return f'features.{index}.{kind}'

    def forward(self, x: Tensor) -> tuple[Tensor, ...]:
        """Return the outputs of ``out_indices``, finest first.

        Args:
            x: Images, (B, 3, h, w).
        """
        outputs = []
        for layer in self.features:
            if isinstance(layer, nn.MaxPool2d):
                outputs.append(x)
            x = layer(x)
        outputs.append(x)
        if self.pool5:
            x = F.avg_pool2d(F.max_pool2d(x, 3, 1, padding=1), 3, 1, padding=1)
        x = self.dropout(F.relu(self.fc6(x)))
        outputs.append(F.relu(self.fc7(x)))
        return tuple(outputs[2:][index] for index in sorted(self.out_indices))
