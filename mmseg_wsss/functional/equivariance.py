r"""Equivariance of class activation maps, and their refinement by similar pixels.

Wang, Zhang, Kan, Shan, Chen: "Self-supervised Equivariant Attention Mechanism for Weakly Supervised Semantic
Segmentation", CVPR 2020 (SEAM), in the form that Jonnarth, Felsberg: "Importance Sampling CAMs for Weakly-Supervised
Segmentation", 2022, publish with their losses.

Shape letters: B batch, C classes, D features, H x W the grid, N = H * W pixels.
"""

from __future__ import annotations

import torch
from torch import Tensor

from .checks import check_float_map, check_mask_of, check_positive, check_views, compute_dtype


def pixel_correlation(maps: Tensor, features: Tensor, *, eps: float = 1e-5, mask: Tensor | None = None) -> Tensor:
    r"""Average maps over the pixels with similar features (SEAM, eq. 8 and 9).

    .. math::
        \hat m_{c,i} = \frac{\sum_j m_{c,j} a_{ji}}{\epsilon + \sum_j a_{ji}}, \qquad
        a_{ji} = \operatorname{ReLU}\left( \frac{f_j^\top f_i}{(|f_j| + \epsilon)(|f_i| + \epsilon)} \right)

    All pairs of pixels are used, so time and memory grow with :math:`N^2`. Computed in float32 at least, also under
    autocast.

    Args:
        maps: :math:`m`, any numbers, (B, C, H, W).
        features: :math:`f`, (B, D, H, W).
        eps: :math:`\epsilon`, above 0, which allows features of length 0; such a pixel becomes 0.
        mask: 1 inside the image, (B, 1, H, W); anything below is outside. Such a pixel does not affect others, is 0 in
            the result and may hold NaN or inf.

    Returns:
        Maps, (B, C, H, W), in float32, or float64 for float64 maps.

    Raises:
        TypeError: If an argument has the wrong type.
        ValueError: If shapes do not match or ``eps`` is not above 0.

    Example:
        >>> maps = torch.tensor([1.0, 0.0, 0.6]).view(1, 1, 1, 3)
        >>> features = torch.tensor([[1.0, 2.0, 0.0], [0.0, 0.0, 1.0]]).view(1, 2, 1, 3)
        >>> pixel_correlation(maps, features).flatten()  # the first two are similar
        tensor([0.5000, 0.5000, 0.6000])
    """
    check_float_map(maps, 'maps')
    check_float_map(features, 'features', 'D')
    if maps.shape[0] != features.shape[0] or maps.shape[2:] != features.shape[2:]:
        raise ValueError(
            f'maps and features must have the same batch and grid, got {tuple(maps.shape)} and {tuple(features.shape)}'
        )
    eps = check_positive(eps, 'eps')
    if mask is not None:
        check_mask_of(mask, maps, 'maps')
        maps, features = torch.where(mask >= 1, maps, 0), torch.where(mask >= 1, features, 0)
    with torch.autocast(maps.device.type, enabled=False):
        values, vectors = maps.flatten(2).to(compute_dtype(maps)), features.flatten(2).to(compute_dtype(maps))
        vectors = vectors / (torch.linalg.vector_norm(vectors, dim=1, keepdim=True) + eps)
        affinity = torch.relu(vectors.transpose(1, 2) @ vectors)  # B, N, N
        refined = values @ affinity / (affinity.sum(dim=1, keepdim=True) + eps)
    return refined.view_as(maps)


def equivariance_differences(
    first: Tensor, second: Tensor, first_refined: Tensor, second_refined: Tensor, *, mask: Tensor | None = None
) -> tuple[Tensor, Tensor]:
    r"""Compare the maps of two views with each other and with their refinements.

    .. math::
        L_{ER} = |m - m'| + |\hat m - \hat m'| + |m - \hat m| + |m' - \hat m'|, \qquad
        L_{ECR} = |m - \hat m'| + |m' - \hat m|

    where :math:`|\cdot|` is the mean of absolute differences over images, classes and pixels, :math:`m` is ``first``,
    :math:`m'` is ``second``, and a hat means refined. All four receive gradients.

    This is the form published with importance sampling. It differs from SEAM
    (:func:`mmseg_wsss.functional.seam_regularisation`), whose :math:`L_{ER}` is :math:`|m - m'|` of the foreground, and
    whose :math:`L_{ECR}` stops the gradient of the maps that are not refined and averages the largest 20 % of the
    differences.

    Args:
        first: Maps :math:`m` of the first view on the grid of the second, (B, C, H, W).
        second: Maps :math:`m'`, of the same shape.
        first_refined: :math:`\hat m`, of the same shape.
        second_refined: :math:`\hat m'`, of the same shape.
        mask: 1 inside the image, (B, 1, H, W); anything below is outside. Such a pixel does not count and may hold NaN
            or inf.

    Returns:
        :math:`L_{ER}` and :math:`L_{ECR}`, scalars in float32, or float64 for float64 maps; 0 if no pixel counts.

    Raises:
        TypeError: If an argument has the wrong type.
        ValueError: If the shapes differ.

    Example:
        >>> first, second, refined = (torch.full((1, 2, 3, 3), value) for value in (0.5, 0.75, 1.0))
        >>> equivariance_differences(first, second, refined, refined)  # .25 + 0 + .5 + .25 and .5 + .25
        (tensor(1.), tensor(0.7500))
    """
    maps = {'first': first, 'second': second, 'first_refined': first_refined, 'second_refined': second_refined}
    for name, value in maps.items():
        check_float_map(value, name)
    check_views(maps)
    dtype = compute_dtype(first)
    counted = torch.ones_like(first[:, :1], dtype=dtype)
    if mask is not None:
        check_mask_of(mask, first, 'first')
        counted = (mask >= 1).to(dtype)
    values = [torch.where(counted > 0, value, 0).to(dtype) for value in maps.values()]
    number = (counted.sum() * first.shape[1]).clamp(min=1)

    def difference(one: int, other: int) -> Tensor:
        return (values[one] - values[other]).abs().sum() / number

    regularization = difference(0, 1) + difference(2, 3) + difference(0, 2) + difference(1, 3)
    return regularization, difference(0, 3) + difference(1, 2)
