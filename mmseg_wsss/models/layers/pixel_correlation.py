"""The pixel correlation module of SEAM."""

from collections.abc import Sequence

import torch
import torch.nn.functional as F
from mmengine.model import BaseModule
from mmseg.registry import MODELS
from torch import Tensor, nn

from ...functional import pixel_correlation, winning_activations

REFINED = ('logits', 'activations')


@MODELS.register_module()
class PixelCorrelation(BaseModule):
    """Refines maps by the similarity of pixels in learned features (Wang et al., SEAM, 2020).

    Early features of the backbone, each reduced by a 1 x 1 convolution and ReLU, are concatenated with the image on the
    grid of the maps and mixed by another 1 x 1 convolution; see :func:`mmseg_wsss.functional.pixel_correlation` for the
    next step. The backbone does not receive gradients through the features. The defaults are for Wide ResNet-38 with
    ``out_indices=(1, 2, 3)``.

    Args:
        in_index: Indices of the outputs of the backbone.
        in_channels: Channels of these outputs.
        channels: Channels that each output is reduced to; their sum is the width of the last convolution.
        image_channels: Channels of the image.
        refines: The maps to average. ``'logits'``: the maps as they are. ``'activations'``: as in SEAM, the highest
            class of each pixel and the remaining background, see
            :func:`mmseg_wsss.functional.winning_activations`; the logarithms of the refined maps, which sum to 1, are
            returned as logits, and the maps do not receive gradients.

    Raises:
        ValueError: If the lists differ in length or are empty, or ``refines`` is unknown.

    Example:
        >>> module = PixelCorrelation(in_index=[0], in_channels=[8], channels=[4])
        >>> module(torch.randn(2, 5, 6, 6), [torch.randn(2, 8, 6, 6)], torch.randn(2, 3, 48, 48)).shape
        torch.Size([2, 5, 6, 6])
    """

    def __init__(
        self,
        in_index: Sequence[int] = (0, 1),
        in_channels: Sequence[int] = (512, 1024),
        channels: Sequence[int] = (64, 128),
        image_channels: int = 3,
        refines: str = 'logits',
    ) -> None:
        super().__init__()
        if refines not in REFINED:
            raise ValueError(f'refines must be one of {", ".join(REFINED)}, got {refines!r}')
        self.refines = refines
        if not len(in_index) == len(in_channels) == len(channels) > 0:
            raise ValueError(
                f'PixelCorrelation needs in_index, in_channels and channels of equal length, got {list(in_index)}, '
                f'{list(in_channels)}, {list(channels)}'
            )
        self.in_index = tuple(in_index)
        pairs = zip(in_channels, channels, strict=True)
        self.reductions = nn.ModuleList(nn.Conv2d(old, new, 1, bias=False) for old, new in pairs)
        width = sum(channels)
        self.mixing = nn.Conv2d(image_channels + width, width, 1, bias=False)
        for reduction in self.reductions:
            nn.init.kaiming_normal_(reduction.get_parameter('weight'))
        nn.init.xavier_uniform_(self.mixing.weight, gain=4)

    def forward(self, maps: Tensor, features: Sequence[Tensor], image: Tensor, mask: Tensor | None = None) -> Tensor:
        """Return the refined maps, (B, C, H, W) in float32.

        Args:
            maps: Maps to refine, (B, C, H, W), any numbers.
            features: All outputs of the backbone.
            image: The input of the backbone, (B, channels, h, w).
            mask: 1 inside the image, (B, 1, H, W).
        """
        grid = maps.shape[2:]
        parts = [_resize(image, grid)]
        for index, reduction in zip(self.in_index, self.reductions, strict=True):
            parts.append(_resize(torch.relu(reduction(features[index].detach())), grid))
        features_of_pixels = self.mixing(torch.cat(parts, dim=1))
        if self.refines == 'logits':
            return pixel_correlation(maps, features_of_pixels, mask=mask)
        refined = pixel_correlation(winning_activations(maps, mask=mask), features_of_pixels, mask=mask)
        return refined.clamp(min=torch.finfo(refined.dtype).tiny).log()


def _resize(field: Tensor, grid: torch.Size) -> Tensor:
    return field if field.shape[2:] == grid else F.interpolate(field, grid, mode='bilinear', align_corners=True)
