r"""Normalised global weighted pooling (nGWP) and its size penalty: image scores from soft masks.

Araslanov, Roth: "Single-Stage Semantic Segmentation from Image Labels", 2020, section 3.2. Trained with image tags, the
two give masks that cover an object: average pooling rewards a class for every pixel, nGWP for the pixels of its mask.

Shape letters: B batch, C channels, H x W pixels.
"""

from __future__ import annotations

import math
from numbers import Real

import torch
from torch import Tensor

from .checks import check_float_map, check_mask_of, check_positive, compute_dtype, describe


def ngwp(logits: Tensor, probs: Tensor, *, eps: float = 1.0, mask: Tensor | None = None) -> Tensor:
    r"""Average the logits of each channel, weighted by its own mask.

    .. math:: y_c = \frac{\sum_i m_{c,i}\, s_{c,i}}{\epsilon + \sum_i m_{c,i}}

    with logits :math:`s` and probabilities :math:`m`; both get a gradient. Computed in float32 at least, also under
    autocast.

    Differs from the paper, which only says that :math:`\epsilon` is small; its published code has 1, which keeps the
    score of a class with an empty mask at 0.

    Args:
        logits: Scores :math:`s` before softmax, (B, C, H, W).
        probs: Masks :math:`m`, usually the softmax of ``logits``, (B, C, H, W).
        eps: :math:`\epsilon`, above 0, in pixels of H x W.
        mask: 1 inside the image, (B, 1, H, W); anything below is outside. Such a pixel is in no sum and may hold NaN or
            inf. The scores of an image without a pixel inside are 0.

    Returns:
        Image scores, (B, C), in float32, or float64 for float64 logits.

    Raises:
        TypeError: If an argument has the wrong type.
        ValueError: If shapes do not match or ``eps`` is not above 0.

    Example:
        >>> logits = torch.tensor([[[[2.0, 0.0]], [[0.0, 0.0]]]])
        >>> ngwp(logits, torch.full((1, 2, 1, 2), 0.5))  # (0.5 * 2) / (1 + 1)
        tensor([[0.5000, 0.0000]])
    """
    check_float_map(logits, 'logits')
    check_float_map(probs, 'probs')
    if probs.shape != logits.shape:
        raise ValueError(f'probs must have the shape of logits, {tuple(logits.shape)}, got {tuple(probs.shape)}')
    if mask is not None:
        check_mask_of(mask, logits, 'logits')
    eps = check_positive(eps, 'eps')
    dtype = compute_dtype(logits)
    with torch.autocast(logits.device.type, enabled=False):
        weights, scores = _inside(probs, mask).to(dtype), _inside(logits, mask).to(dtype)
        return (weights * scores).sum(dim=(2, 3)) / (eps + weights.sum(dim=(2, 3)))


def focal_mask_penalty(
    probs: Tensor, *, exponent: float = 3.0, floor: float = 0.01, mask: Tensor | None = None
) -> Tensor:
    r"""Penalise masks that cover almost nothing of the image.

    .. math:: (1 - \bar m_c)^p \log(\lambda + \bar m_c), \quad \bar m_c = \frac1{HW} \sum_i m_{c,i}

    The penalty is at most about 0 and is added to the score of a class. It is :math:`\log \lambda` for an empty mask
    and almost 0 for a large one. Computed in float32 at least, also under autocast.

    Args:
        probs: Masks :math:`m` in [0, 1], (B, C, H, W).
        exponent: :math:`p`, at least 0; the larger, the smaller a mask may be without a penalty. The paper's best value
            without CRF is 5.
        floor: :math:`\lambda`, above 0; the smaller, the larger the penalty. The paper's best value without CRF is 0.1.
        mask: 1 inside the image, (B, 1, H, W); anything below is outside. Such a pixel is not in the mean and may hold
            NaN or inf. The mean of an image without a pixel inside is 0.

    Returns:
        Penalties, (B, C), in float32, or float64 for float64 masks.

    Raises:
        TypeError: If an argument has the wrong type.
        ValueError: If shapes do not match or a setting is out of range.

    Example:
        >>> focal_mask_penalty(torch.full((1, 1, 4, 4), 0.5))  # 0.125 * log(0.51)
        tensor([[-0.0842]])
    """
    check_float_map(probs, 'probs')
    if mask is not None:
        check_mask_of(mask, probs, 'probs')
    floor = check_positive(floor, 'floor')
    if isinstance(exponent, bool) or not isinstance(exponent, Real):
        raise TypeError(f'exponent must be a number from 0, got {describe(exponent)}')
    if not math.isfinite(exponent) or exponent < 0:
        raise ValueError(f'exponent must be a finite number from 0, got {exponent}')
    dtype = compute_dtype(probs)
    with torch.autocast(probs.device.type, enabled=False):
        total = _inside(probs, mask).to(dtype).sum(dim=(2, 3))
        pixels: int | Tensor = probs.shape[2] * probs.shape[3]
        if mask is not None:
            pixels = (mask >= 1).sum(dim=(2, 3)).clamp(min=1)
        size = total / pixels
        # The mean of ones may be slightly above 1.
        return (1 - size).clamp(min=0).pow(float(exponent)) * torch.log(floor + size)


def _inside(field: Tensor, mask: Tensor | None) -> Tensor:
    """Return the field with 0 outside the image, even for NaN and inf."""
    return field if mask is None else torch.where(mask >= 1, field, 0)
