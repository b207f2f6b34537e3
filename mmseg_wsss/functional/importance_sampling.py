r"""Importance-sampling classification loss, and the pooled losses that it is combined with.

Jonnarth, Felsberg: "Importance Sampling CAMs for Weakly-Supervised Segmentation", 2022. Image tags train a map of class
probabilities. Average pooling trains all pixels and max pooling only one; here pixels are drawn with a chance in
proportion to their probability, and each drawn pixel is classified.

Shape letters: B batch, K classes (the foreground; with the background one more in maps than in tags), H x W the grid of
the probabilities, N = H * W pixels.
"""

from __future__ import annotations

from numbers import Real
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor

from .checks import check_float_map, check_integer, check_mask_of, compute_dtype, describe


def importance_sampling_loss(
    probs: Tensor,
    tags: Tensor,
    *,
    num_samples: int = 100,
    eps: float = 1e-3,
    generator: torch.Generator | None = None,
    expectation: bool = False,
    background: bool = False,
    mask: Tensor | None = None,
) -> Tensor:
    r"""Classify pixels drawn with a chance in proportion to their probability.

    .. math::
        \frac{1}{B K S} \sum_{b,k} \sum_{s=1}^{S} \ell(p_{bk,i_s}, t_{bk}), \quad i_s \sim q_{bk,i} = \frac{p_{bk,i}}
        {\sum_j p_{bk,j}}, \quad \ell(p, t) = -t \log \sigma(z) - (1 - t) \log(1 - \sigma(z)), \quad
        z = \log \frac{p (1 - \epsilon) + \epsilon}{1 - p (1 - \epsilon)}

    drawn with replacement, also for classes that are not in the image. There is no gradient through :math:`q`. With
    ``expectation`` the draws are replaced by their mean, :math:`\sum_i q_{bk,i} \ell(p_{bk,i}, t_{bk})`: the same loss
    and the same mean gradient without noise. Computed in float32 at least, also under autocast.

    In the paper one pixel is drawn for each class, including the background (equations 1, 4 and 5):
    ``num_samples=1, background=True``. The published code draws 100 pixels for each foreground class, which is the
    default. The expectation is not in the paper.

    Args:
        probs: Probabilities :math:`p` of the foreground classes, (B, K, H, W), in [0, 1]; with ``background`` those of
            the background come first, (B, K+1, H, W).
        tags: :math:`t`, 1 for the classes of the image and 0 for others, (B, K). A row with a NaN means that the image
            has no tags. It has no effect, is not counted in :math:`B`, and may hold NaN or inf in ``probs``.
        num_samples: Number :math:`S` of draws for each class of an image.
        eps: :math:`\epsilon` in (0, 1); 1e-3 keeps :math:`z` within 6.91 of 0.
        generator: Source of randomness; None means the global generator of torch.
        expectation: Compute the mean over all possible draws.
        background: Also classify channel 0 of ``probs``, as a class that is in every tagged image.
        mask: 1 inside the image, (B, 1, H, W); anything below is outside, is never drawn and may hold NaN or inf. An
            image without any pixel inside counts as untagged.

    Returns:
        Scalar in float32, or float64 for float64 probabilities; 0 that keeps the graph if no image is tagged.

    Raises:
        TypeError: If an argument has the wrong type.
        ValueError: If shapes do not match or a setting is out of range.

    Example:
        >>> probs, tags = torch.full((2, 3, 8, 8), 0.5), torch.tensor([[1, 0, 0], [0, 1, 1]])
        >>> importance_sampling_loss(probs, tags)  # log(2), whatever is drawn
        tensor(0.6931)
    """
    check_eps(eps)
    check_num_samples(num_samples)
    values, inside, targets, counted = _prepare(probs, tags, mask, 'probs', background)
    with torch.autocast(probs.device.type, enabled=False):
        chances = _chances(values.detach(), inside)
        if expectation:
            losses = (chances * _classify(probs_to_logits(values, eps=eps), targets[:, :, None])).sum(dim=2)
        else:
            drawn = torch.multinomial(chances.flatten(0, 1), num_samples, replacement=True, generator=generator)
            samples = values.gather(2, drawn.view(*values.shape[:2], num_samples))
            losses = _classify(probs_to_logits(samples, eps=eps), targets[:, :, None]).mean(dim=2)
            losses = losses + 0 * values.detach().sum(dim=2)  # the loss is NaN also if a NaN was not drawn
        return _mean_over_tagged(losses, counted)


def max_pooling_loss(
    probs: Tensor, tags: Tensor, *, eps: float = 1e-3, background: bool = False, mask: Tensor | None = None
) -> Tensor:
    r"""Classify the pixel where each class is most probable.

    .. math:: \frac{1}{B K} \sum_{b,k} \ell(\max_i p_{bk,i}, t_{bk})

    with :math:`\ell` as in :func:`importance_sampling_loss` (equations 2 and 3 of the paper, with ``background``).

    Args:
        probs: Probabilities :math:`p`, (B, K, H, W), in [0, 1]; with ``background`` (B, K+1, H, W).
        tags: Same as in :func:`importance_sampling_loss`.
        eps: Same as in :func:`importance_sampling_loss`.
        background: Same as in :func:`importance_sampling_loss`.
        mask: Same as in :func:`importance_sampling_loss`.

    Returns:
        Scalar, as in :func:`importance_sampling_loss`.

    Raises:
        TypeError: If an argument has the wrong type.
        ValueError: If shapes do not match or a setting is out of range.

    Example:
        >>> max_pooling_loss(torch.tensor([[[[0.5, 0.1]]]]), torch.tensor([[1]]))
        tensor(0.6931)
    """
    check_eps(eps)
    values, inside, targets, counted = _prepare(probs, tags, mask, 'probs', background)
    with torch.autocast(probs.device.type, enabled=False):
        if inside is not None:
            values = torch.where(inside > 0, values, 0)
        return _mean_over_tagged(_classify(probs_to_logits(values.amax(dim=2), eps=eps), targets), counted)


def average_pooling_loss(logits: Tensor, tags: Tensor, *, mask: Tensor | None = None) -> Tensor:
    r"""Classify the image by the mean logit of each class.

    .. math:: \frac{1}{B K} \sum_{b,k} -t_{bk} \log \sigma(\bar z_{bk}) - (1 - t_{bk}) \log(1 - \sigma(\bar z_{bk}))

    Args:
        logits: Scores :math:`z` of the foreground classes, (B, K, H, W), before any softmax.
        tags: Same as in :func:`importance_sampling_loss`.
        mask: Same as in :func:`importance_sampling_loss`.

    Returns:
        Scalar, as in :func:`importance_sampling_loss`.

    Raises:
        TypeError: If an argument has the wrong type.
        ValueError: If shapes do not match.

    Example:
        >>> average_pooling_loss(torch.tensor([[[[3.0, -3.0]]]]), torch.tensor([[1]]))
        tensor(0.6931)
    """
    values, inside, targets, counted = _prepare(logits, tags, mask, 'logits')
    with torch.autocast(logits.device.type, enabled=False):
        if inside is None:
            means = values.mean(dim=2)
        else:
            means = torch.where(inside > 0, values, 0).sum(dim=2) / inside.sum(dim=2).clamp(min=1)
        return _mean_over_tagged(_classify(means, targets), counted)


def probs_to_logits(probs: Tensor, *, eps: float = 1e-3) -> Tensor:
    r"""Return :math:`\log \frac{p (1 - \epsilon) + \epsilon}{1 - p (1 - \epsilon)}`, which is finite also for 0 and 1.

    Args:
        probs: Probabilities :math:`p` of any shape, in [0, 1].
        eps: :math:`\epsilon` in (0, 1).

    Returns:
        Logits in float32, or float64 for float64 probabilities, of the same shape.

    Example:
        >>> probs_to_logits(torch.tensor([0.0, 0.9, 1.0]))
        tensor([-6.9078,  2.1884,  6.9078])
    """
    shrunk = probs.to(compute_dtype(probs)) * (1 - eps)
    return torch.log(shrunk + eps) - torch.log(1 - shrunk)


def check_eps(eps: Any) -> None:
    """Raise unless ``eps`` is a number between 0 and 1."""
    if isinstance(eps, bool) or not isinstance(eps, Real) or not 0 < float(eps) < 1:
        raise ValueError(f'eps must be a number between 0 and 1, such as 1e-3, got {eps!r}')


def check_num_samples(num_samples: Any) -> None:
    """Raise unless ``num_samples`` is a positive integer."""
    check_integer(num_samples, 'num_samples')


def _prepare(
    maps: Any, tags: Any, mask: Any, name: str, background: bool = False
) -> tuple[Tensor, Tensor | None, Tensor, Tensor]:
    """Check the arguments and remove what does not count.

    Returns:
        The maps (B, K, N), with 0 where a pixel does not count; 1 where a pixel is inside, (B, 1, N), or None if all
        are; tags (B, K), 0 where unknown; 1 for images that count, (B,).
    """
    check_float_map(maps, name, 'K')
    if not isinstance(tags, Tensor) or tags.is_complex():
        raise TypeError(f'tags must be a tensor (B, K) of zeros and ones, got {describe(tags)}')
    classes = maps.shape[1] - background
    if tags.shape != (len(maps), classes) or classes < 1:
        where = f'{name} after the background' if background else name
        cure = 'tags are only for the foreground' if background else 'leave the background out of both'
        raise ValueError(
            f'tags must have the shape {(len(maps), classes)}, one value per class in {where}, got '
            f'{tuple(tags.shape)}; {cure}'
        )
    dtype = compute_dtype(maps)
    values, inside = maps.flatten(2).to(dtype), None
    tags = F.pad(tags.to(dtype), (1, 0), value=1) if background else tags.to(dtype)
    counted = ~tags.isnan().any(dim=1)
    if mask is not None:
        check_mask_of(mask, maps, name)
        inside = (mask.flatten(2) >= 1).to(dtype)
        counted = counted & inside.any(dim=2)[:, 0]
        values = torch.where(inside > 0, values, 0)
    values = torch.where(counted[:, None, None], values, 0)
    return values, inside, torch.where(counted[:, None], tags, 0), counted.to(dtype)


def _chances(values: Tensor, inside: Tensor | None) -> Tensor:
    """Return the chance of each pixel, (B, K, N), which is uniform over the pixels inside if all probabilities are 0.

    With a NaN the chances are uniform, too, because ``multinomial`` on a GPU would end the process.
    """
    even = torch.ones_like(values) if inside is None else inside.expand_as(values)
    # An image that does not count may have no pixels inside, but something must be drawn there, too.
    even = torch.where(even.sum(dim=2, keepdim=True) > 0, even, 1)
    weights = torch.where(values.sum(dim=2, keepdim=True) > 0, values, even)
    return weights / weights.sum(dim=2, keepdim=True)


def _classify(logits: Tensor, targets: Tensor) -> Tensor:
    """Return the binary cross-entropy of each logit."""
    return F.binary_cross_entropy_with_logits(logits, targets.expand_as(logits), reduction='none')


def _mean_over_tagged(losses: Tensor, counted: Tensor) -> Tensor:
    """Average (B, K) over classes and the images that count."""
    return (losses.mean(dim=1) * counted).sum() / counted.sum().clamp(min=1)
