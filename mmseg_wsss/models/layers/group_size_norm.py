"""Group normalisation by the size of a group."""

from mmseg.registry import MODELS
from torch import nn


@MODELS.register_module()
class GroupSizeNorm(nn.GroupNorm):
    """``GroupNorm`` with a fixed number of channels per group, as ``norm_cfg=dict(type='GroupSizeNorm')``.

    mmcv's ``GN`` fixes the number of groups for the whole network instead: with 32 groups, the first stage of a
    ResNet-50 has 2 channels in a group and the last 64. The PMP network has 32 channels in every group. Goes with
    ``conv_cfg=dict(type='ConvWS')``, mmcv's convolution with weight standardisation.

    Args:
        num_features: Number of channels.
        group_size: Channels in a group; a layer with fewer is one group.
        eps: Added to the variance.

    Raises:
        ValueError: If the channels do not come out in whole groups.
    """

    _abbr_ = 'gn'

    def __init__(self, num_features: int, group_size: int = 32, eps: float = 1e-5) -> None:
        if group_size < 1:
            raise ValueError(f'group_size must be at least 1, got {group_size}')
        if num_features > group_size and num_features % group_size:
            raise ValueError(
                f'{num_features} channels do not come out in groups of {group_size}: choose a group_size that divides '
                'the channels of every layer, or other channels'
            )
        super().__init__(max(1, num_features // group_size), num_features, eps)
