r"""Labels from class activation maps.

Ahn, Kwak: "Learning Pixel-level Semantic Affinity with Image-level Supervision for Weakly Supervised Semantic
Segmentation", CVPR 2018, and the published code of papers that build on it. Only foreground classes have maps; the
background is where all of them are low.

Shape letters: B batch, K foreground classes, H x W the grid of the maps.
"""

from __future__ import annotations

import torch
from torch import Tensor

from .checks import check_float_map, check_positive, compute_dtype


def normalised_cams(scores: Tensor, *, winner_takes_all: bool = True, eps: float = 1e-5) -> Tensor:
    r"""Divide each class activation map by its maximum.

    .. math::
        \hat s_{k,i} = \frac{[s_{k,i} = \max_l s_{l,i}]\, s_{k,i}}{\epsilon + \max_j [s_{k,j} = \max_l s_{l,j}]\,
        s_{k,j}}

    where the brackets are left out without ``winner_takes_all``. A class that wins nowhere is 0 everywhere.

    Args:
        scores: Maps :math:`s` of the classes of the image, from 0, (B, K, H, W).
        winner_takes_all: Keep only the highest class of each pixel, as in the code of Jonnarth and Felsberg (2022).
        eps: :math:`\epsilon`, above 0.

    Returns:
        Maps in [0, 1], (B, K, H, W), in float32, or float64 for float64 scores.

    Raises:
        TypeError: If ``scores`` or ``eps`` has the wrong type.
        ValueError: If the shape is wrong or ``eps`` is not above 0.

    Example:
        >>> scores = torch.tensor([[0.4, 0.1], [0.2, 0.05]]).view(1, 2, 1, 2)
        >>> normalised_cams(scores).flatten(1)
        tensor([[1.0000, 0.2500, 0.0000, 0.0000]])
    """
    check_float_map(scores, 'scores', 'K')
    eps = check_positive(eps, 'eps')
    scores = scores.to(compute_dtype(scores)).clamp(min=0)
    if winner_takes_all:
        scores = torch.where(scores == scores.amax(dim=1, keepdim=True), scores, 0)
    return scores / (scores.amax(dim=(2, 3), keepdim=True) + eps)


def cam_label_probs(cams: Tensor, *, alpha: float) -> Tensor:
    r"""Add a background in front of class activation maps.

    .. math:: m_{0,i} = (1 - \max_k s_{k,i})^\alpha, \qquad m_{k,i} = s_{k,i}

    The larger :math:`\alpha`, the less background. The result is not normalised: its largest channel is the label, and
    a dense CRF takes it as it is. The label is foreground where the highest map exceeds a threshold: 0.5 for
    :math:`\alpha = 1`, 0.38 for 2, 0.28 for 4, 0.09 for 24.

    Args:
        cams: Maps :math:`s` in [0, 1], each with a maximum of about 1, (B, K, H, W).
        alpha: :math:`\alpha`, above 0.

    Returns:
        Soft masks :math:`m`, (B, K+1, H, W), in float32, or float64 for float64 maps.

    Raises:
        TypeError: If an argument has the wrong type.
        ValueError: If the shape is wrong or ``alpha`` is not above 0.

    Example:
        >>> cams = torch.tensor([0.75, 0.25]).view(1, 1, 1, 2)
        >>> cam_label_probs(cams, alpha=2).flatten(2)
        tensor([[[0.0625, 0.5625],
                 [0.7500, 0.2500]]])
    """
    check_float_map(cams, 'cams', 'K')
    alpha = check_positive(alpha, 'alpha')
    cams = cams.to(compute_dtype(cams))
    background = (1 - cams.amax(dim=1, keepdim=True)).clamp(min=0) ** alpha
    return torch.cat([background, cams], dim=1)


def cam_seeds(low: Tensor, high: Tensor, *, ignore_index: int = 255) -> Tensor:
    r"""Label the pixels on which two soft masks agree, one with much background and one with little.

    A pixel is foreground if it is foreground in ``low``, where the background is strong; it is background if it is
    background in ``high``, where the background is weak. All other pixels stay unlabelled. Without a CRF these are the
    pixels where both agree:
    ``cam_seeds(cam_label_probs(cams, alpha=4), cam_label_probs(cams, alpha=24))``; usually each is refined by a dense
    CRF first. Alphas of 4 and 24 are those of Ahn and Kwak's code, 2 and 4 those of Jonnarth and Felsberg's.

    Args:
        low: Soft masks for the smaller alpha, (B, K+1, H, W), with the background first.
        high: Soft masks for the larger alpha, of the same shape.
        ignore_index: The value of unlabelled pixels.

    Returns:
        Channel indices, (B, H, W) int64: 0 is the background, k the map k - 1.

    Raises:
        TypeError: If an argument has the wrong type.
        ValueError: If the shapes are wrong or differ, or ``ignore_index`` is a channel.

    Example:
        >>> cams = torch.tensor([0.9, 0.2, 0.02]).view(1, 1, 1, 3)
        >>> cam_seeds(cam_label_probs(cams, alpha=4), cam_label_probs(cams, alpha=24))
        tensor([[[  1, 255,   0]]])
    """
    check_float_map(low, 'low', 'K+1')
    check_float_map(high, 'high', 'K+1')
    if low.shape != high.shape:
        raise ValueError(f'low and high must have the same shape, got {tuple(low.shape)} and {tuple(high.shape)}')
    if 0 <= ignore_index < low.shape[1]:
        raise ValueError(f'ignore_index must not be a channel 0 .. {low.shape[1] - 1}, got {ignore_index}')
    foreground = low.argmax(dim=1)
    labels = torch.where(foreground == 0, ignore_index, foreground)
    return torch.where(high.argmax(dim=1) == 0, 0, labels)
