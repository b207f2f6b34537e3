"""The class-balanced cross-entropy of single-stage training, computed only at the pixels that count.

Logits are resized at these pixels alone: images whose tags are not all found, which are most of them in the first
iterations, cost nothing. With ``balance='reference'`` no background image counts either.

Shape letters: B batch, C foreground classes, H x W the grid of the logits, h x w the labels.
"""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor

from ..functional import balanced_cross_entropy as reference
from ..functional.checks import check_mask_of, compute_dtype
from ..functional.grids import resize_at, resize_inside
from ..functional.pseudo_labels import check_balance, check_labels, weigh_pixels
from .dispatch import require_backend

# Above this share of the pixels, it is faster to resize all of them.
_FEW = 0.5


def balanced_cross_entropy(
    logits: Tensor,
    labels: Tensor,
    tags: Tensor,
    *,
    ignore_index: int = 255,
    mask: Tensor | None = None,
    balance: str = 'reference',
    cells: Tensor | None = None,
    align_corners: bool = True,
    backend: str = 'auto',
) -> Tensor:
    """Compute :func:`mmseg_wsss.functional.balanced_cross_entropy` of resized logits fast.

    Second derivatives are not supported.

    Args:
        logits: Scores before softmax, (B, C+1, H, W), which are resized to the labels, bilinearly.
        labels: Class ids, (B, h, w), same as in the reference.
        tags: Same as in the reference.
        ignore_index: Same as in the reference.
        mask: 1 inside the image, (B, 1, h, w), same as in the reference.
        balance: Same as in the reference.
        cells: 1 for the cells of the logits that are inside the image, (B, 1, H, W): logits are resized only from
            them, and others may hold NaN or inf. None means that all are inside.
        align_corners: See :func:`torch.nn.functional.interpolate`.
        backend: ``'auto'`` or ``'torch'``.

    Returns:
        One loss per image, (B,), in float32, or float64 for float64 logits.

    Raises:
        TypeError: If an argument has the wrong type.
        ValueError: If shapes do not match, a setting is unknown or the backend does not support the call.

    Example:
        >>> labels, tags = torch.tensor([[[0, 1, 1, 255]]]), torch.tensor([[1.0]])
        >>> balanced_cross_entropy(torch.zeros(1, 2, 1, 2), labels, tags)
        tensor([0.1733])
    """
    require_backend(backend)
    check_balance(balance)
    check_labels(logits, labels, tags, ignore_index)
    if cells is not None:
        check_mask_of(cells, logits, 'logits')
    if mask is not None:
        check_mask_of(mask, labels[:, None], 'labels')
    dtype = compute_dtype(logits)
    with torch.autocast(logits.device.type, enabled=False):
        pixels = weigh_pixels(labels, tags, ignore_index=ignore_index, mask=mask, balance=balance, dtype=dtype)
        if logits.device.type != 'cpu' or int(pixels.used.sum()) > _FEW * pixels.used.numel():
            inside = torch.ones_like(logits[:, :1]) if cells is None else cells
            size = (labels.shape[1], labels.shape[2])
            full, _ = resize_inside(logits, size, inside, align_corners=align_corners)
            return reference(full, labels, tags, ignore_index=ignore_index, mask=mask, balance=balance)
        scores = resize_at(logits, pixels.used.view(labels.shape), inside=cells, align_corners=align_corners)
        losses = pixels.weights[pixels.used] * F.cross_entropy(scores, pixels.classes[pixels.used], reduction='none')
        return torch.stack([part.sum() for part in torch.split(losses, pixels.used.sum(dim=1).tolist())])
