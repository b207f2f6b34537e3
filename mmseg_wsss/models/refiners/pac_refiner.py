"""The refiner of pixel-adaptive convolutions (PAC)."""

from collections.abc import Sequence

import torch
import torch.nn.functional as F
from mmseg.registry import MODELS
from torch import Tensor, nn

from ...functional.grids import pool_mask
from ...functional.pac import DILATIONS, KERNEL_SIZES, STRIDES, check_layers, check_settings
from ...ops import pac_refine


@MODELS.register_module()
class PACRefiner(nn.Module):
    """Mask refinement by a stack of pixel-adaptive convolutions, on the grid of the masks (Akiva and Dana, 2021).

    See :func:`mmseg_wsss.functional.pac_refine` for the formula and the differences from the paper. The image is
    averaged to the grid of the masks.

    Args:
        kernel_sizes: Odd widths of the windows, one per layer.
        dilations: Distances between neighbours, in cells of the layer, one per layer.
        strides: Steps between the cells that a layer keeps, one per layer.
        normalisation: ``'softmax'``, ``'damped'`` or ``'literal'``.
        sharpness: Reduction of the weight of neighbours of another colour, above 0.

    Raises:
        TypeError: If a setting has the wrong type.
        ValueError: If a setting is out of range or unknown.
    """

    def __init__(
        self,
        kernel_sizes: Sequence[int] = KERNEL_SIZES,
        dilations: Sequence[int] = DILATIONS,
        strides: Sequence[int] = STRIDES,
        normalisation: str = 'softmax',
        sharpness: float = 30.0,
    ) -> None:
        super().__init__()
        check_layers(kernel_sizes, dilations, strides)
        self.kernel_sizes = tuple(kernel_sizes)
        self.dilations = tuple(dilations)
        self.strides = tuple(strides)
        self.normalisation = normalisation
        self.sharpness = check_settings(normalisation, sharpness)

    @torch.no_grad()
    def forward(
        self, masks: Tensor, image: Tensor, mask: Tensor | None = None, present: Tensor | None = None
    ) -> Tensor:
        """Return the refined masks, (B, C, H, W) in float32 and without a gradient.

        Args:
            masks: Soft masks, (B, C, H, W).
            image: RGB in [0, 1], (B, 3, h, w) of any size.
            mask: 1 inside the image, (B, 1, h, w). A cell of H x W that contains a pixel outside does not affect others
                and is 0 in the result.
            present: Channels to refine, (B, C) of zeros and ones; the others are 0 in the result and take little time.
        """
        size = (masks.shape[2], masks.shape[3])
        cells = None if mask is None else pool_mask(mask, size)
        image = F.adaptive_avg_pool2d(image.float(), size)
        if present is None:
            return self._refine(masks, image, cells)
        chosen = present.to(masks.device) != 0
        # Present channels first; images with fewer of them than others are padded with zeros.
        order = chosen.logical_not().byte().argsort(dim=1, stable=True)[:, : max(1, int(chosen.sum(dim=1).max()))]
        channels = order[:, :, None, None].expand(-1, -1, *size)
        few = torch.where(chosen.gather(1, order)[:, :, None, None], masks.gather(1, channels), 0)
        refined = self._refine(few, image, cells)
        return refined.new_zeros(masks.shape).scatter_(1, channels, refined)

    def _refine(self, masks: Tensor, image: Tensor, cells: Tensor | None) -> Tensor:
        return pac_refine(
            masks,
            image,
            kernel_sizes=self.kernel_sizes,
            dilations=self.dilations,
            strides=self.strides,
            normalisation=self.normalisation,
            sharpness=self.sharpness,
            mask=cells,
        )
