"""ResNets as in published code of DeepLab."""

from typing import Any

from mmseg.models.backbones import ResNet
from mmseg.models.backbones.resnet import BasicBlock
from mmseg.registry import MODELS
from torch import nn

DILATED_CONVS = ('first', 'second')


@MODELS.register_module()
class DeepLabResNet(ResNet):
    """mmseg's ``ResNet`` with two choices that other implementations of DeepLab make differently.

    Neither choice changes the weights or their names, so the same checkpoints load, but the outputs differ. The
    defaults are those of mmseg; the code of Gated CRF (Obukhov et al., 2019) dilates the second convolution of the
    basic blocks of ResNet-34, and the code of LPG (Xie et al., 2021) leaves out the max-pooling of ResNet-101.

    Args:
        dilated_conv: Which of the two 3 x 3 convolutions of a basic block (ResNet-18 and ResNet-34) has the dilation of
            its stage, ``'first'`` or ``'second'``. The blocks of deeper networks have one 3 x 3 convolution.
        stem_pool: Whether the 3 x 3 max-pooling of stride 2 follows the first convolution. Without it the strides of
            all outputs are halved.
        **kwargs: Other settings of mmseg's ``ResNet``.

    Raises:
        ValueError: If ``dilated_conv`` is unknown, or is ``'second'`` for blocks without a second convolution.

    Example:
        >>> import torch
        >>> backbone = DeepLabResNet(depth=18, base_channels=4, stem_channels=4, out_indices=(3,), stem_pool=False)
        >>> backbone(torch.randn(1, 3, 64, 64))[0].shape
        torch.Size([1, 32, 4, 4])
    """

    def __init__(self, dilated_conv: str = 'first', stem_pool: bool = True, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        if dilated_conv not in DILATED_CONVS:
            raise ValueError(f'dilated_conv must be one of {", ".join(DILATED_CONVS)}, got {dilated_conv!r}')
        self.dilated_conv = dilated_conv
        self.stem_pool = stem_pool
        blocks = [module for module in self.modules() if isinstance(module, BasicBlock)]
        if dilated_conv == 'second':
            if not blocks:
                raise ValueError(
                    "dilated_conv='second' is for the basic blocks of ResNet-18 and ResNet-34, but the blocks of "
                    f'depth={self.depth} have one 3 x 3 convolution: omit dilated_conv'
                )
            for block in blocks:
                first, second = block.conv1, block.conv2
                first.dilation, second.dilation = second.dilation, first.dilation
                first.padding, second.padding = second.padding, first.padding
        if not stem_pool:
            self.maxpool = nn.Identity()
