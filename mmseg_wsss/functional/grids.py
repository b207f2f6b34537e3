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

MOST_PIXELS = 2**24
"""Number of pixels that are computed at once on the CPU; networks and a dense CRF need some hundred bytes for each."""
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
    counts = mask >= 1
    if all_inside(counts):
        return counts.new_ones((*mask.shape[:2], *size), dtype=dtype)
    return 1 - F.adaptive_max_pool2d(counts.logical_not().to(dtype), size)


def all_inside(counts: Tensor) -> bool:
    """Return whether all pixels are known to count, as in most batches; on a GPU, to ask would take longer."""
    return counts.device.type == 'cpu' and bool(counts.all())


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
    if all_inside(counts):
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


def resize_at(
    field: Tensor,
    chosen: Tensor,
    *,
    inside: Tensor | None = None,
    align_corners: bool = False,
) -> Tensor:
    """Resize bilinearly, but compute only some pixels.

    On a CPU this is faster than to resize all of a field, backward pass included, if few pixels are chosen: it takes
    an eighth of the time for 4 % of them, and as much for 70 %. Second derivatives are not supported.

    Args:
        field: (B, C, H, W).
        chosen: Pixels of the resized field, (B, h, w) bool. Their number is read, which synchronises with a GPU.
        inside: Same as in :func:`resize_inside`; None means that all cells are inside.
        align_corners: See :func:`torch.nn.functional.interpolate`.

    Returns:
        The resized field at the N chosen pixels, in the order of ``field.movedim(1, -1)[chosen]``, (N, C) in float32 at
        least. With ``inside``, 0 at pixels without a cell inside.

    Example:
        >>> field, chosen = torch.tensor([[[[0.0, 1.0]]]]), torch.tensor([[[False, True, False]]])
        >>> resize_at(field, chosen, align_corners=True)
        tensor([[0.5000]])
    """
    dtype = compute_dtype(field)
    channels, height, width = field.shape[1:]
    image, row, column = chosen.nonzero(as_tuple=True)
    top, bottom, down = (x[row] for x in _taps(chosen.shape[1], height, align_corners, dtype, field.device))
    left, right, across = (x[column] for x in _taps(chosen.shape[2], width, align_corners, dtype, field.device))
    cells = torch.stack([top * width + left, top * width + right, bottom * width + left, bottom * width + right], dim=1)
    cells += (image * (height * width))[:, None]
    shares = [(1 - down) * (1 - across), (1 - down) * across, down * (1 - across), down * across]
    weights = torch.stack(shares, dim=1)
    if inside is not None and not all_inside(inside >= 1):
        counts = inside >= 1
        field = torch.where(counts, field, 0)
        weights = weights * counts.flatten()[cells]
        total = weights.sum(dim=1, keepdim=True)
        weights = torch.where(total > _ROUNDING, weights / torch.where(total > 0, total, 1), 0)
    table = field.to(dtype).permute(0, 2, 3, 1).reshape(-1, channels)
    with torch.autocast(field.device.type, enabled=False):
        return F.embedding_bag(cells, table, per_sample_weights=weights, mode='sum')


def _taps(
    size: int, cells: int, align_corners: bool, dtype: torch.dtype, device: torch.device
) -> tuple[Tensor, Tensor, Tensor]:
    """Return, for each pixel of a line, the cells that it lies between and its share of the second one, (size,)."""
    place = torch.arange(size, dtype=dtype, device=device)
    if align_corners:
        place = place * ((cells - 1) / max(size - 1, 1))
    else:
        place = ((place + 0.5) * (cells / size) - 0.5).clamp(min=0)
    first = place.floor().clamp(max=cells - 1)
    return first.long(), (first + 1).clamp(max=cells - 1).long(), (place - first).clamp(max=1)
