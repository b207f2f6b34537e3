"""Images as tensors, and resizing between the grids of the pixels and of the logits.

Shape letters: B batch, C channels, H x W the grid of a field, h x w another one.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import torch
import torch.nn.functional as F
from torch import Tensor

from .checks import compute_dtype

# If less than this share of a pixel is interpolated from cells inside, it is only due to rounding.
_ROUNDING = 1e-4


def rgb_tensor(image: npt.NDArray[np.uint8]) -> Tensor:
    """Convert an image, as OpenCV and mmcv read it, to RGB in [0, 1].

    Args:
        image: BGR, (H, W, 3), or grey, (H, W) or (H, W, 1), in 0-255.

    Returns:
        (1, 3, H, W) float32; a grey image has three equal channels.

    Raises:
        ValueError: If the shape is a different one.

    Example:
        >>> rgb_tensor(np.array([[[0, 0, 255]]], dtype=np.uint8)).flatten().tolist()
        [1.0, 0.0, 0.0]
    """
    array = np.atleast_3d(image)
    if array.ndim != 3 or array.shape[2] not in (1, 3):
        raise ValueError(f'an image must have the shape (H, W, 3), (H, W, 1) or (H, W), got {np.shape(image)}')
    rgb = np.ascontiguousarray(np.broadcast_to(array[..., ::-1], (*array.shape[:2], 3)))
    return torch.from_numpy(rgb).movedim(2, 0)[None].float() / 255


def pool_mask(mask: Tensor, size: tuple[int, int], dtype: torch.dtype = torch.float32) -> Tensor:
    """Return 1 for cells whose pixels all count, otherwise 0, by a maximum over the other pixels, which is exact."""
    left_out = (mask >= 1).logical_not().to(dtype)
    return 1 - F.adaptive_max_pool2d(left_out, size)


def resize_inside(
    field: Tensor, size: tuple[int, int], inside: Tensor, *, align_corners: bool = True
) -> tuple[Tensor, Tensor]:
    """Resize bilinearly from only the cells inside the image.

    Args:
        field: (B, C, H, W); may hold NaN or inf outside.
        size: (h, w).
        inside: 1 inside the image, (B, 1, H, W); anything below is outside.
        align_corners: See :func:`torch.nn.functional.interpolate`.

    Returns:
        The resized field, (B, C, h, w) in float32 at least, which is 0 at pixels without a cell inside, and the pixels
        that have one, (B, 1, h, w) bool. If all cells of a pixel are inside, this is plain interpolation.
    """
    counts = inside >= 1
    if field.device.type == 'cpu' and bool(counts.all()):  # most batches; on a GPU, to ask would take longer
        field = field.to(compute_dtype(field))
        if field.shape[2:] != size:
            field = F.interpolate(field, size, mode='bilinear', align_corners=align_corners)
        return field, counts.new_ones((len(field), 1, *size))
    field = torch.where(counts, field, 0).to(compute_dtype(field))
    if field.shape[2:] == size:
        return field, counts
    weight = F.interpolate(counts.to(field.dtype), size, mode='bilinear', align_corners=align_corners)
    reached = weight > _ROUNDING
    field = F.interpolate(field, size, mode='bilinear', align_corners=align_corners)
    return torch.where(reached, field / torch.where(reached, weight, 1), 0), reached
