"""The refiner PAMR."""

from collections.abc import Sequence

import torch
import torch.nn.functional as F
from mmseg.registry import MODELS
from torch import Tensor, nn

from ...functional.grids import pool_mask, resize_inside
from ...functional.pamr import check_arguments
from ...ops import pamr
from ...ops.dispatch import BACKENDS


@MODELS.register_module()
class PAMR(nn.Module):
    """Pixel-adaptive mask refinement on the grid of the masks (Araslanov and Roth, 2020).

    See :func:`mmseg_wsss.functional.pamr` for the formula. The defaults are the published setting. The image is resized
    to the masks, bilinearly with aligned corners, as in the published training: at a stride of 4, a dilation of 24
    reaches 96 pixels.

    Args:
        num_iters: Number of updates of the masks, at least 1.
        dilations: Distances to the neighbours, in cells of the masks.
        affinity: ``'reference'`` (published code) or ``'paper'``.
        backend: See :func:`mmseg_wsss.ops.pamr`.

    Raises:
        TypeError: If ``dilations`` is not a sequence.
        ValueError: If a setting is out of range or unknown.
    """

    def __init__(
        self,
        num_iters: int = 10,
        dilations: Sequence[int] = (1, 2, 4, 8, 12, 24),
        affinity: str = 'reference',
        backend: str = 'auto',
    ) -> None:
        super().__init__()
        check_arguments(torch.zeros(1, 1, 1, 1), torch.zeros(1, 3, 1, 1), num_iters, dilations, affinity, None)
        if backend not in BACKENDS:
            raise ValueError(f'unknown backend {backend!r}: choose from {", ".join(BACKENDS)}')
        self.num_iters = num_iters
        self.dilations = tuple(dilations)
        self.affinity = affinity
        self.backend = backend

    def forward(
        self, masks: Tensor, image: Tensor, mask: Tensor | None = None, present: Tensor | None = None
    ) -> Tensor:
        """Return the refined masks, (B, C, H, W) in float32 and without a gradient.

        Args:
            masks: Soft masks, (B, C, H, W).
            image: RGB in [0, 1], (B, 3, h, w) of any size.
            mask: 1 inside the image, (B, 1, h, w). A cell of H x W that contains a pixel outside does not affect others
                and is 0 in the result.
            present: Channels to refine, (B, C) of zeros and ones; the others are 0 in the result.
        """
        size = (masks.shape[2], masks.shape[3])
        if mask is None:
            cells = None
            image = F.interpolate(image, size, mode='bilinear', align_corners=True)
        else:
            image, reached = resize_inside(image, size, mask)
            cells = pool_mask(mask, size) * reached
        return pamr(
            masks,
            image,
            num_iters=self.num_iters,
            dilations=self.dilations,
            affinity=self.affinity,
            mask=cells,
            present=present,
            backend=self.backend,
        )
