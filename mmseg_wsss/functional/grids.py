"""Between the grid of the pixels and that of the logits, where part of the picture is outside of the image.

Shape letters: B batch, C channels, H x W the grid of a field, h x w another one.
"""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor

from .checks import compute_dtype

# A pixel that is interpolated from less than this of cells inside is reached by rounding alone.
_ROUNDING = 1e-4


def pool_mask(mask: Tensor, size: tuple[int, int], dtype: torch.dtype = torch.float32) -> Tensor:
    """Return 1 for cells whose pixels all count, else 0; a maximum over the others knows no rounding."""
    left_out = (mask >= 1).logical_not().to(dtype)
    return 1 - F.adaptive_max_pool2d(left_out, size)


def resize_inside(
    field: Tensor, size: tuple[int, int], inside: Tensor, *, align_corners: bool = True
) -> tuple[Tensor, Tensor]:
    """Resize bilinearly, from the cells inside the image alone.

    Args:
        field: (B, C, H, W); may hold NaN or inf outside.
        size: (h, w).
        inside: 1 inside the image, (B, 1, H, W); anything below is outside.
        align_corners: See :func:`torch.nn.functional.interpolate`.

    Returns:
        The resized field, (B, C, h, w) in float32 at least, 0 where no cell inside reaches; and where one does,
        (B, 1, h, w) bool. Where all cells of a pixel are inside, this is plain interpolation.
    """
    counts = inside >= 1
    field = torch.where(counts, field, 0).to(compute_dtype(field))
    if field.shape[2:] == size:
        return field, counts
    weight = F.interpolate(counts.to(field.dtype), size, mode='bilinear', align_corners=align_corners)
    reached = weight > _ROUNDING
    field = F.interpolate(field, size, mode='bilinear', align_corners=align_corners)
    return torch.where(reached, field / torch.where(reached, weight, 1), 0), reached
