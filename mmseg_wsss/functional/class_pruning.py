r"""Class pruning: classes that the image scores exclude are removed from the mask.

Araslanov, Roth: "Single-Stage Semantic Segmentation from Image Labels", 2020, inference. The power of the background is
only in its published code.

Shape letters: B batch, C classes with the background, H x W the masks.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor

from .checks import check_float_map, check_positive, compute_dtype, describe


def prune_classes(probs: Tensor, present: Tensor, *, background_power: float = 1.0) -> Tensor:
    r"""Remove absent classes from soft masks and weaken the background.

    .. math::
        \hat m_0 = m_0^p, \qquad \hat m_c = [c \text{ is present}]\, m_c

    The result is not normalised: its largest channel is the label, and a dense CRF takes it as it is.

    Args:
        probs: Soft masks :math:`m` in [0, 1], (B, C, H, W), the background first.
        present: Which foreground classes are in the image, (B, C-1), bool.
        background_power: :math:`p`; above 1 the foreground grows. The published setting of Wide ResNet-38 has 3.

    Returns:
        Pruned masks :math:`\hat m`, (B, C, H, W), in float32, or float64 for float64 masks.

    Raises:
        TypeError: If an argument has the wrong type.
        ValueError: If the shapes do not match or the power is not above 0.

    Example:
        >>> probs = torch.tensor([0.5, 0.3, 0.2]).view(1, 3, 1, 1)
        >>> prune_classes(probs, torch.tensor([[False, True]]), background_power=3).flatten()
        tensor([0.1250, 0.0000, 0.2000])
    """
    check_float_map(probs, 'probs')
    if not isinstance(present, Tensor) or present.dtype != torch.bool:
        raise TypeError(f'present must be a bool tensor (B, C-1), got {describe(present)}')
    expected = (probs.shape[0], probs.shape[1] - 1)
    if present.shape != expected:
        raise ValueError(
            f'present must have the shape {expected}, one value per class except the background, got '
            f'{tuple(present.shape)}'
        )
    power = check_positive(background_power, 'background_power')
    probs = probs.to(compute_dtype(probs))
    foreground = probs[:, 1:].where(present[:, :, None, None], 0)
    return torch.cat([probs[:, :1] ** power, foreground], dim=1)


def present_classes(tags: Tensor | Sequence[int], num_classes: int) -> Tensor:
    """Return which foreground classes are in the tags of an image.

    Args:
        tags: Ids of foreground classes, 1 .. C-1, (T,); may be empty.
        num_classes: C, with the background.

    Returns:
        One value for each foreground class, (C-1,) bool, on the device of ``tags``.

    Raises:
        ValueError: If a tag is not a foreground class.

    Example:
        >>> present_classes([2], 4)
        tensor([False,  True, False])
    """
    ids = torch.as_tensor(tags).long()
    if ids.numel() and not 1 <= int(ids.min()) <= int(ids.max()) < num_classes:
        raise ValueError(f'tags are foreground classes, 1 to {num_classes - 1}, got {ids.tolist()}')
    present = torch.zeros(num_classes, dtype=torch.bool, device=ids.device)
    present[ids] = True
    return present[1:]
