"""Group normalisation with a fixed size of the groups."""

from mmseg.registry import MODELS
from torch import nn


@MODELS.register_module()
class GroupSizeNorm(nn.GroupNorm):
    """``GroupNorm`` with a fixed number of channels per group, as ``norm_cfg=dict(type='GroupSizeNorm')``.

    mmcv's ``GN`` fixes the number of groups for the whole network instead: with 32 groups, the first stage of a
    ResNet-50 has 2 channels in a group and the last 64. The PMP network has 32 channels in every group. Combine it
    with ``conv_cfg=dict(type='ConvWS')``, mmcv's convolution with weight standardisation.

    Args:
        num_features: Number of channels.
        group_size: Channels per group; a layer with fewer channels has one group.
        eps: Value added to the variance.

    Raises:
        ValueError: If the number of channels is not a multiple of the group size.
    """

    _abbr_ = 'gn'

    def __init__(self, num_features: int, group_size: int = 32, eps: float = 1e-5) -> None:
        if group_size < 1:
            raise ValueError(f'group_size must be at least 1, got {group_size}')
        if num_features > group_size and num_features % group_size:
            raise ValueError(
                f'{num_features} channels cannot be divided into groups of {group_size}: choose a group_size that '
                'divides the channels of every layer, or other channels'
            )
        super().__init__(max(1, num_features // group_size), num_features, eps)
