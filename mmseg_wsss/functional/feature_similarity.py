r"""Feature similarity loss: similar pixels should get similar predictions, and dissimilar pixels different ones.

Jonnarth, Felsberg: "Importance Sampling CAMs for Weakly-Supervised Segmentation", 2022. This is the textbook form with
several tensors of one number per pair of pixels. ``feature_similarity_loss`` of :mod:`mmseg_wsss.ops` is its fast
version.

Shape letters: B batch, K classes, H x W the grid of the probabilities, N = H * W pixels.
"""

from __future__ import annotations

import math
from numbers import Real
from typing import Any, NamedTuple

import torch
from torch import Tensor

from .checks import check_float_map, check_mask_of, check_positive, compute_dtype, describe

NORMALISATIONS = ('pixels', 'pairs')
EPS = 1e-5  # keeps the logarithm of a difference of 0 or 1 finite


class SimilarityInputs(NamedTuple):
    """The checked arguments of the loss."""

    image: Tensor  # in [0, 1], 0 where masked, (B, 3, H, W)
    inside: Tensor | None  # 1 where a pixel counts, (B, 1, H, W); None if all pixels count
    denominator: Tensor  # scalar
    mu: Tensor  # scalar
    sigma: Tensor  # scalar, float64
    radius: float | None


def feature_similarity_loss(
    probs: Tensor,
    image: Tensor,
    *,
    mu: float | Tensor = 2.5,
    sigma: float | Tensor = 5.0,
    radius: float | None = None,
    normalise: str = 'pixels',
    mask: Tensor | None = None,
) -> Tensor:
    r"""Reward equal predictions at similar pixels and different ones at dissimilar pixels.

    .. math::
        -\frac{1}{D} \sum_{i,j} w_{ij}\, \tfrac12 |a_i - a_j|^2\, f_{ij}, \qquad
        w_{ij} = \frac{e^{-d_{ij}^2 / 2 \sigma^2}}{2 \pi \sigma^2}, \qquad
        f_{ij} = \tanh\left(\mu + \log \frac{\delta_{ij} + \epsilon}{1 - \delta_{ij} + \epsilon}\right)

    over all ordered pairs of pixels of an image (equations 6-8 of the paper), with the probabilities :math:`a`, the
    distance :math:`d` in pixels, :math:`D = B H W` or :math:`B (H W)^2`, the mean over RGB :math:`\delta` of the
    absolute difference of colour, and :math:`\epsilon = 10^{-5}`. With
    :math:`\mu = 2.5`, pixels that differ by more than 0.0759 count as dissimilar. The value is usually negative.
    Computed in float32 at least, also under autocast. ``image`` does not receive gradients.

    In the paper the sum is divided by :math:`(HW)^2` (``normalise='pairs'``), and :math:`\mu` and :math:`\sigma` are
    learned; the defaults are those of the published code. Gradient descent only ever increases :math:`\mu`, so it needs
    a bound or a prior, and moves :math:`\sigma` to about a quarter of the side of the grid from any start.

    Args:
        probs: Probabilities :math:`a`, (B, K, H, W).
        image: Colours in [0, 1], (B, 3, H, W), clamped to that range; resize it to the size of ``probs`` first.
        mu: Shift :math:`\mu` of the threshold between similar and dissimilar; a tensor of one number may get a
            gradient.
        sigma: Standard deviation :math:`\sigma` of the weight, in pixels of H x W, above 0; a tensor of one number may
            get a gradient.
        radius: Leave out pairs that are further apart than this, in pixels of H x W; None means all pairs. With a
            ``sigma`` of 5, a radius of 10 keeps 86.7 % of the weight, 15 keeps 98.9 % and 20 keeps 99.97 %.
        normalise: ``'pixels'``: :math:`D` is the number of pixels, as in the published code. ``'pairs'``: :math:`D` is
            the number of ordered pairs within images, as in the paper; the weight of the loss must then be
            :math:`H W` times larger.
        mask: 1 inside the image, (B, 1, H, W); anything below is outside. Such a pixel is in no pair, is not counted
            in :math:`D`, and may hold NaN or inf in ``probs`` and ``image``.

    Returns:
        Scalar in float32, or float64 for float64 probabilities; 0 if no pixel is inside.

    Raises:
        TypeError: If an argument has the wrong type.
        ValueError: If shapes do not match or a setting is out of range.

    Example:
        >>> probs = torch.rand(2, 4, 8, 8).softmax(1)
        >>> loss = feature_similarity_loss(probs, torch.rand(2, 3, 8, 8))
    """
    inputs = prepare_inputs(probs, image, mu, sigma, radius, mask, normalise)
    with torch.autocast(probs.device.type, enabled=False):
        weights = _distance_weights(probs.shape[2], probs.shape[3], inputs)  # (N, N)
        colours = inputs.image.flatten(2)
        difference = (colours[:, :, :, None] - colours[:, :, None]).abs().mean(dim=1)  # (B, N, N)
        dissimilarity = torch.tanh(inputs.mu + torch.log((difference + EPS) / (1 - difference + EPS)))
        values = probs.to(inputs.image.dtype)
        if inputs.inside is not None:
            values = torch.where(inputs.inside > 0, values, 0)
            inside = inputs.inside.flatten(2)
            weights = weights * inside.transpose(1, 2) * inside
        values = values.flatten(2).transpose(1, 2)  # (B, N, K)
        squares = values.square().sum(dim=2)
        half_distance = 0.5 * (squares[:, :, None] + squares[:, None]) - values @ values.transpose(1, 2)
        return -(weights * half_distance * dissimilarity).sum() / inputs.denominator


def prepare_inputs(
    probs: Tensor,
    image: Tensor,
    mu: float | Tensor,
    sigma: float | Tensor,
    radius: float | None,
    mask: Tensor | None,
    normalise: str = 'pixels',
) -> SimilarityInputs:
    """Check the arguments of :func:`feature_similarity_loss` and set pixels of the image that do not count to 0."""
    _check_arguments(probs, image, mask)
    check_normalise(normalise)
    dtype = compute_dtype(probs)
    if not isinstance(sigma, Tensor):
        sigma = check_positive(sigma, 'sigma')
    colours, inside = image.detach().to(dtype).clamp(0, 1), None
    pixels = colours.new_full((len(image),), image[0, 0].numel())
    if mask is not None:
        counts = mask >= 1
        inside, colours = counts.to(dtype), torch.where(counts, colours, 0)
        pixels = inside.sum(dim=(1, 2, 3))
    return SimilarityInputs(
        image=colours,
        inside=inside,
        denominator=(pixels if normalise == 'pixels' else pixels.square()).sum().clamp(min=1),
        mu=_scalar(mu, 'mu', dtype, probs.device),
        sigma=_scalar(sigma, 'sigma', torch.float64, probs.device),
        radius=None if radius is None else check_positive(radius, 'radius'),
    )


def check_normalise(normalise: Any) -> None:
    """Raise unless ``normalise`` is a known divisor of the sum over pairs."""
    if normalise not in NORMALISATIONS:
        raise ValueError(f'normalise must be one of {", ".join(NORMALISATIONS)}, got {normalise!r}')


def _scalar(value: Any, name: str, dtype: torch.dtype, device: torch.device) -> Tensor:
    """Return a number, or a tensor of one number with its gradient, as a scalar."""
    if isinstance(value, Tensor):
        if value.numel() != 1 or value.is_complex():
            raise ValueError(f'{name} must be a number or a tensor of one number, got {describe(value)}')
        return value.to(dtype).reshape(())
    if isinstance(value, bool) or not isinstance(value, Real):
        raise TypeError(f'{name} must be a number or a tensor of one number, got {describe(value)}')
    if not math.isfinite(value):
        raise ValueError(f'{name} must be finite, got {value}')
    return torch.tensor(float(value), dtype=dtype, device=device)


def _distance_weights(height: int, width: int, inputs: SimilarityInputs) -> Tensor:
    """Return :math:`w_{ij}` for all pairs of pixels, (N, N)."""
    y = torch.arange(height, device=inputs.image.device).repeat_interleave(width)
    x = torch.arange(width, device=inputs.image.device).repeat(height)
    squared = (y[:, None] - y).square() + (x[:, None] - x).square()
    variance = inputs.sigma.to(inputs.image.dtype).square()
    weights = torch.exp(squared / (-2 * variance)) / (2 * math.pi * variance)
    return weights if inputs.radius is None else weights * (squared <= inputs.radius**2)


def _check_arguments(probs: Any, image: Any, mask: Any) -> None:
    check_float_map(probs, 'probs', 'K')
    check_float_map(image, 'image', '3')
    if len(image) != len(probs) or image.shape[2:] != probs.shape[2:]:
        raise ValueError(
            f'image must have the batch and the size of probs, ({len(probs)}, 3, {probs.shape[2]}, {probs.shape[3]}), '
            f'got {tuple(image.shape)}; resize the image'
        )
    if mask is not None:
        check_mask_of(mask, probs, 'probs')
