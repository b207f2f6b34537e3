r"""SEAM as in its published code: class activation maps of two views, refined, normalised and compared.

Wang, Zhang, Kan, Shan, Chen: "Self-supervised Equivariant Attention Mechanism for Weakly Supervised Semantic
Segmentation", CVPR 2020, and its published code. :mod:`mmseg_wsss.functional.equivariance` has the form that Jonnarth
and Felsberg publish with their losses, with a learned background; here the background is where all classes are low.

Shape letters: B batch, K foreground classes, H x W the grid of the maps, N = H * W pixels.
"""

from __future__ import annotations

import torch
from torch import Tensor

from .checks import check_float_map, check_mask_of, check_positive, check_share, check_views, compute_dtype


def normalised_activations(scores: Tensor, *, eps: float = 1e-5, mask: Tensor | None = None) -> Tensor:
    r"""Scale each map to the range from 0 to 1.

    .. math::
        \hat s_{k,i} = \frac{[r_{k,i} - \min_j r_{k,j} - \epsilon]_+}{\max_j r_{k,j} - \min_j r_{k,j} + \epsilon},
        \qquad r = [s]_+

    Args:
        scores: Maps :math:`s`, any numbers, (B, K, H, W).
        eps: :math:`\epsilon`, above 0.
        mask: 1 inside the image, (B, 1, H, W); anything below is outside. Such a pixel is in no minimum or maximum, is
            0 in the result and may hold NaN or inf.

    Returns:
        Maps in [0, 1], (B, K, H, W), in float32, or float64 for float64 scores; differentiable.

    Raises:
        TypeError: If an argument has the wrong type.
        ValueError: If shapes do not match or ``eps`` is not above 0.

    Example:
        >>> normalised_activations(torch.tensor([-1.0, 1.0, 3.0]).view(1, 1, 1, 3)).flatten()
        tensor([0.0000, 0.3333, 1.0000])
    """
    check_float_map(scores, 'scores', 'K')
    eps = check_positive(eps, 'eps')
    inside = _inside(scores, mask, 'scores')
    activations = torch.where(inside, scores, 0).to(compute_dtype(scores)).relu()
    highest = activations.amax(dim=(2, 3), keepdim=True)
    lowest = torch.where(inside, activations, torch.inf).amin(dim=(2, 3), keepdim=True).clamp(max=highest)
    normalised = (activations - lowest - eps).relu() / (highest - lowest + eps)
    return torch.where(inside, normalised, 0)


@torch.no_grad()
def winning_activations(scores: Tensor, *, eps: float = 1e-5, mask: Tensor | None = None) -> Tensor:
    r"""Return a background and the highest class of each pixel, the maps that SEAM refines.

    .. math::
        \hat s_{k,i} = \frac{[s_{k,i} - \epsilon]_+}{\epsilon + \max_j [s_{k,j}]_+}, \qquad
        m_{0,i} = 1 - \max_k \hat s_{k,i}, \qquad m_{k,i} = [\hat s_{k,i} = \max_l \hat s_{l,i}]\, \hat s_{k,i}

    so that the channels of a pixel sum to 1, unless two classes are equally high. The result does not carry a gradient.

    Args:
        scores: Maps :math:`s` with a first channel that is not read, (B, K+1, H, W).
        eps: :math:`\epsilon`, above 0.
        mask: Same as in :func:`normalised_activations`.

    Returns:
        Maps :math:`m` in [0, 1], (B, K+1, H, W), in float32, or float64 for float64 scores.

    Raises:
        TypeError: If an argument has the wrong type.
        ValueError: If shapes do not match, there is one channel, or ``eps`` is not above 0.

    Example:
        >>> scores = torch.tensor([[9.0, 9.0], [4.0, 1.0], [-1.0, 2.0]]).view(1, 3, 1, 2)
        >>> winning_activations(scores)[0, :, 0].round(decimals=2)
        tensor([[0., 0.],
                [1., 0.],
                [0., 1.]])
    """
    _check_background(scores, 'scores')
    eps = check_positive(eps, 'eps')
    inside = _inside(scores, mask, 'scores')
    values = torch.where(inside, scores[:, 1:], 0).to(compute_dtype(scores)).relu()
    values = (values - eps).relu() / (values.amax(dim=(2, 3), keepdim=True) + eps)
    highest = values.amax(dim=1, keepdim=True)
    maps = torch.cat([1 - highest, torch.where(values == highest, values, 0)], dim=1)
    return torch.where(inside, maps, 0)


def min_pooling_loss(maps: Tensor, *, share: float = 0.25, mask: Tensor | None = None) -> Tensor:
    r"""Penalise activations at the pixels with the lowest maps, which should be background.

    .. math:: \frac{1}{B n} \sum_b \sum_{i \in S_b} [\max_k m_{bk,i}]_+

    :math:`S_b` are the :math:`n = \lfloor share \cdot N \rfloor` pixels of an image whose maximum is smallest. The code
    of SEAM adds this loss to the classification loss; the paper does not mention it.

    Args:
        maps: Maps :math:`m` of the foreground classes of each image, 0 for the others, (B, K, H, W).
        share: Share of the pixels, in (0, 1].
        mask: 1 inside the image, (B, 1, H, W); anything below is outside. Such a pixel does not count and may hold NaN
            or inf.

    Returns:
        Scalar in float32, or float64 for float64 maps; 0 if no pixel counts.

    Raises:
        TypeError: If an argument has the wrong type.
        ValueError: If shapes do not match or ``share`` is out of range.

    Example:
        >>> min_pooling_loss(torch.tensor([0.1, 0.9, 0.3, 0.5]).view(1, 1, 2, 2), share=0.5)  # (.1 + .3) / 2
        tensor(0.2000)
    """
    check_float_map(maps, 'maps', 'K')
    share = check_positive(check_share(share, 'share'), 'share')
    inside = _inside(maps, mask, 'maps')
    highest = torch.where(inside, maps, 0).to(compute_dtype(maps)).amax(dim=1).relu().flatten(1)
    return _mean_of_extremes(highest, inside[:, 0].flatten(1), share, largest=False)


def seam_regularisation(
    first: Tensor,
    second: Tensor,
    first_refined: Tensor,
    second_refined: Tensor,
    *,
    hardest: float = 0.2,
    mask: Tensor | None = None,
) -> tuple[Tensor, Tensor]:
    r"""Compare the maps of two views, and each of them with the refinement of the other, as in SEAM.

    .. math::
        L_{ER} = |m - m'|, \qquad
        L_{ECR} = \operatorname{top}\big(|w(m') - \hat m|\big) + \operatorname{top}\big(|w(m) - \hat m'|\big)

    where :math:`|\cdot|` in :math:`L_{ER}` is the mean over images, foreground classes and pixels; :math:`w` sets
    channel 0 to :math:`1 - \max_k m_k`, keeps only the highest foreground class of each pixel and stops the gradient;
    and :math:`\operatorname{top}` is the mean over the largest values of an image, a share ``hardest`` of all its
    channels and pixels, averaged over images.

    Args:
        first: Maps :math:`m` of the first view on the grid of the second, (B, K+1, H, W); channel 0 is not read.
            Classes that are not in the image are 0.
        second: Maps :math:`m'`, of the same shape.
        first_refined: :math:`\hat m` on that grid, of the same shape, with its background in channel 0.
        second_refined: :math:`\hat m'`, of the same shape.
        hardest: Share of the differences that counts in :math:`L_{ECR}`, in (0, 1].
        mask: 1 inside the image, (B, 1, H, W); anything below is outside. Such a pixel does not count and may hold NaN
            or inf.

    Returns:
        :math:`L_{ER}` and :math:`L_{ECR}`, scalars in float32, or float64 for float64 maps; 0 if no pixel counts.

    Raises:
        TypeError: If an argument has the wrong type.
        ValueError: If shapes differ or ``hardest`` is out of range.

    Example:
        >>> maps = torch.rand(2, 4, 8, 8)
        >>> er, ecr = seam_regularisation(maps, maps, maps, maps)
        >>> er
        tensor(0.)
    """
    maps = {'first': first, 'second': second, 'first_refined': first_refined, 'second_refined': second_refined}
    for name, value in maps.items():
        _check_background(value, name)
    check_views(maps)
    hardest = check_positive(check_share(hardest, 'hardest'), 'hardest')
    inside = _inside(second, mask, 'second')
    one, other, one_refined, other_refined = (
        torch.where(inside, value, 0).to(compute_dtype(second)) for value in maps.values()
    )
    number = (inside.sum() * (second.shape[1] - 1)).clamp(min=1)
    equivariance = (one[:, 1:] - other[:, 1:]).abs().sum() / number
    counted = inside.expand_as(second).flatten(1)
    pairs = ((_winners(other), one_refined), (_winners(one), other_refined))
    cross = [
        _mean_of_extremes(torch.where(inside, (target - refined).abs(), 0).flatten(1), counted, hardest, largest=True)
        for target, refined in pairs
    ]
    return equivariance, cross[0] + cross[1]


@torch.no_grad()
def _winners(maps: Tensor) -> Tensor:
    """Return the background of maps, and only their highest class."""
    foreground = maps[:, 1:]
    highest = foreground.amax(dim=1, keepdim=True)
    return torch.cat([1 - highest, torch.where(foreground == highest, foreground, 0)], dim=1)


def _mean_of_extremes(values: Tensor, counted: Tensor, share: float, *, largest: bool) -> Tensor:
    """Average the largest or smallest share of the values (B, n) that count, over the images with any."""
    number = counted.sum(dim=1)
    kept = (number * share).floor().clamp(min=1)
    ordered = torch.where(counted, values, -torch.inf if largest else torch.inf)
    order = ordered.argsort(dim=1, descending=largest)
    ranks = torch.arange(values.shape[1], device=values.device)
    chosen = (ranks < kept[:, None]) & (number[:, None] > 0)
    means = torch.where(chosen, values.gather(1, order), 0).sum(dim=1) / kept
    return means.sum() / (number > 0).sum().clamp(min=1)


def _check_background(maps: Tensor, name: str) -> None:
    check_float_map(maps, name, 'K+1')
    if maps.shape[1] < 2:
        raise ValueError(f'{name} must have a channel for the background and one for a class, got {tuple(maps.shape)}')


def _inside(maps: Tensor, mask: Tensor | None, name: str) -> Tensor:
    """Return True where a pixel counts, (B, 1, H, W)."""
    if mask is None:
        return torch.ones_like(maps[:, :1], dtype=torch.bool)
    check_mask_of(mask, maps, name)
    return mask >= 1
