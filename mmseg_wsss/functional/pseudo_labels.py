r"""Labels from soft masks: confident pixels, and a loss in which all classes have the same weight.

Araslanov, Roth: "Single-Stage Semantic Segmentation from Image Labels", 2020, section 3.5, as in the published code.
Shape letters: B batch, C foreground classes, H x W pixels; channel and class 0 are the background.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import torch
import torch.nn.functional as F
from torch import Tensor

from .checks import check_float_map, check_mask_of, check_share, compute_dtype, describe

BALANCES = ('reference', 'paper')


@torch.no_grad()
def confident_labels(
    masks: Tensor,
    *,
    foreground_ratio: float = 0.6,
    background_ratio: float = 0.7,
    min_confidence: float = 0.2,
    ignore_index: int = 255,
    mask: Tensor | None = None,
) -> Tensor:
    r"""Label the pixels that exactly one channel is confident of.

    .. math::
        \text{channel } c \text{ is confident of pixel } i \iff
        m_{c,i} > \max\left( \rho_c \max_j m_{c,j},\ m_{\min} \right)

    where :math:`\rho_0` is the ``background_ratio`` and all others are the ``foreground_ratio``; the maximum is over
    the pixels of the image. A pixel that two channels are confident of, or none, is not labelled. The result does not
    carry a gradient.

    Args:
        masks: Soft masks :math:`m` in [0, 1], (B, C+1, H, W); 0 in the channels of absent classes.
        foreground_ratio: Share of its maximum that a foreground channel must exceed, in [0, 1].
        background_ratio: Share of its maximum that channel 0 must exceed, in [0, 1].
        min_confidence: :math:`m_{\min}`, the value that every channel must exceed, in [0, 1].
        ignore_index: The value of unlabelled pixels.
        mask: 1 inside the image, (B, 1, H, W); anything below is outside. Such a pixel is in no maximum, is not
            labelled and may hold NaN or inf.

    Returns:
        Class ids, (B, H, W) int64.

    Raises:
        TypeError: If an argument has the wrong type.
        ValueError: If shapes do not match or a setting is out of range.

    Example:
        >>> masks = torch.tensor([[[[0.9, 0.6, 0.7]], [[0.1, 0.4, 0.3]]]])
        >>> confident_labels(masks)  # thresholds 0.63 and 0.24
        tensor([[[  0,   1, 255]]])
    """
    check_float_map(masks, 'masks', 'C+1')
    ratios = {'foreground_ratio': foreground_ratio, 'background_ratio': background_ratio}
    for name, value in {**ratios, 'min_confidence': min_confidence}.items():
        check_share(value, name)
    masks = masks.to(compute_dtype(masks))
    if mask is not None:
        check_mask_of(mask, masks, 'masks')
        masks = torch.where(mask >= 1, masks, 0)
    ratio = masks.new_full((masks.shape[1], 1, 1), foreground_ratio)
    ratio[0] = background_ratio
    thresholds = (masks.amax(dim=(2, 3), keepdim=True) * ratio).clamp(min=min_confidence)
    confident = (masks > thresholds).float()
    ids = torch.arange(masks.shape[1], dtype=torch.float32, device=masks.device)
    # how many channels are confident, and the sum of their ids: faster than argmax, and exact
    with torch.autocast(masks.device.type, enabled=False):
        number, label = F.conv2d(confident, torch.stack([torch.ones_like(ids), ids])[:, :, None, None]).unbind(dim=1)
    return torch.where(number == 1, label.long(), ignore_index)


def balanced_cross_entropy(
    logits: Tensor,
    labels: Tensor,
    tags: Tensor,
    *,
    ignore_index: int = 255,
    mask: Tensor | None = None,
    balance: str = 'reference',
) -> Tensor:
    r"""Average, per image, the cross-entropy of its labelled pixels, with a lower weight for large classes.

    .. math::
        \frac{1}{HW} \sum_{i: t_i \ne ignore} \frac{T - n_{t_i}}{1 + T} \left( -\log \mathrm{softmax}(z_i)_{t_i} \right)

    with :math:`T` labelled pixels in the image, of which :math:`n_c` have class c. An image counts only if its number
    of classes with a pixel is that of its tags plus one for the background; otherwise its loss is 0. The loss of an
    image with one class is 0, too: :math:`T = n_c`. Computed in float32 at least, also under autocast.

    This is the form of the published code. The paper divides by the number of pixels of the class
    (``balance='paper'``). With :math:`K` classes that have a pixel,

    .. math::
        \frac{1}{K} \sum_{i: t_i \ne ignore} \frac{1}{n_{t_i}} \left( -\log \mathrm{softmax}(z_i)_{t_i} \right),

    which is the mean over the classes of their mean cross-entropy. It depends neither on the size of the image nor on
    the labelled share, so it is larger than the other form, and an image with only background counts.

    Args:
        logits: Scores :math:`z` before softmax, (B, C+1, H, W).
        labels: Class ids :math:`t` of any integer type, (B, H, W); in [0, C] or ``ignore_index``.
        tags: Which foreground classes are in the image, (B, C) of 0 and 1; a row with NaN means that the image has no
            tags and does not count.
        ignore_index: The value of unlabelled pixels. An unlabelled pixel may hold NaN or inf in ``logits``.
        mask: 1 inside the image, (B, 1, H, W); anything below is outside. Such a pixel counts as unlabelled and is not
            counted in :math:`HW`.
        balance: ``'reference'``, the form of the published code, or ``'paper'``.

    Returns:
        One loss per image, (B,), in float32, or float64 for float64 logits.

    Raises:
        TypeError: If an argument has the wrong type.
        ValueError: If shapes do not match or ``balance`` is unknown.

    Example:
        >>> labels, tags = torch.tensor([[[0, 1, 1, 255]]]), torch.tensor([[1.0]])
        >>> balanced_cross_entropy(torch.zeros(1, 2, 1, 4), labels, tags)  # log(2) / 4 * (2/4 + 1/4 + 1/4)
        tensor([0.1733])
        >>> balanced_cross_entropy(torch.zeros(1, 2, 1, 4), labels, tags, balance='paper')  # log(2) / 2 * (1/1 + 2/2)
        tensor([0.6931])
    """
    check_balance(balance)
    check_labels(logits, labels, tags, ignore_index)
    if labels.shape[1:] != logits.shape[2:]:
        raise ValueError(
            f'labels must have the shape {(len(logits), *logits.shape[2:])}, one id per pixel of logits, got '
            f'{tuple(labels.shape)}'
        )
    if mask is not None:
        check_mask_of(mask, logits, 'logits')
    dtype = compute_dtype(logits)
    pixels = weigh_pixels(labels, tags, ignore_index=ignore_index, mask=mask, balance=balance, dtype=dtype)
    with torch.autocast(logits.device.type, enabled=False):
        # Replaced before the softmax: 0 * NaN in its backward would be NaN.
        scores = torch.where(pixels.used[:, None], logits.flatten(2), 0).to(dtype)
        losses = F.cross_entropy(scores, torch.where(pixels.used, pixels.classes, 0), reduction='none')
        return torch.where(pixels.used, pixels.weights * losses, 0).sum(dim=1)


class WeightedPixels(NamedTuple):
    """The weights of the pixels in :func:`balanced_cross_entropy`, whose sum with their losses is that of the image."""

    used: Tensor  # labelled, in an image that counts, (B, H * W) bool
    classes: Tensor  # class ids, (B, H * W) int64
    weights: Tensor  # (B, H * W)


def weigh_pixels(
    labels: Tensor, tags: Tensor, *, ignore_index: int, mask: Tensor | None, balance: str, dtype: torch.dtype
) -> WeightedPixels:
    """Return the weights of the pixels; arguments are those of :func:`balanced_cross_entropy`."""
    classes = tags.shape[1] + 1
    labelled = labels != ignore_index
    size: int | Tensor = labels.shape[1] * labels.shape[2]
    if mask is not None:
        labelled = labelled & (mask[:, 0] >= 1)
        size = (mask >= 1).sum(dim=(1, 2, 3)).clamp(min=1)[:, None]
    index = torch.where(labelled, labels.long(), classes).flatten(1)
    counts = index.new_zeros(len(labels), classes + 1).scatter_add_(1, index, torch.ones_like(index))[:, :-1]
    complete = (counts > 0).sum(dim=1) == tags.sum(dim=1) + 1
    weights = _class_weights(counts, balance, dtype)
    if balance == 'reference':
        weights = weights / size
    used = (labelled & complete[:, None, None]).flatten(1)
    return WeightedPixels(used, index, F.pad(weights, (0, 1)).gather(1, index))


def check_balance(balance: Any) -> None:
    """Raise unless ``balance`` is a known way to weight the classes."""
    if balance not in BALANCES:
        raise ValueError(f'unknown balance {balance!r}: choose from {", ".join(BALANCES)}')


def _class_weights(counts: Tensor, balance: str, dtype: torch.dtype) -> Tensor:
    """Return the weight of the pixels of each class, computed from their number, (B, C+1)."""
    if balance == 'reference':
        total = counts.sum(dim=1, keepdim=True)
        return (total - counts).to(dtype) / (1 + total)
    found = (counts > 0).sum(dim=1, keepdim=True)
    return 1 / (found * counts).clamp(min=1).to(dtype)


def check_labels(logits: Any, labels: Any, tags: Any, ignore_index: int) -> None:
    """Raise unless the arguments match, apart from the sizes of logits and labels."""
    check_float_map(logits, 'logits', 'C+1')
    if not isinstance(labels, Tensor) or labels.is_floating_point() or labels.is_complex():
        raise TypeError(f'labels must be an integer tensor (B, H, W), got {describe(labels)}')
    if labels.ndim != 3 or len(labels) != len(logits):
        raise ValueError(f'labels must have the shape ({len(logits)}, H, W), got {tuple(labels.shape)}')
    if not isinstance(tags, Tensor) or tags.is_complex():
        raise TypeError(f'tags must be a tensor of zeros and ones (B, C), got {describe(tags)}')
    if tags.shape != (logits.shape[0], logits.shape[1] - 1):
        raise ValueError(
            f'tags must have the shape {(logits.shape[0], logits.shape[1] - 1)}, one number per foreground class '
            f'(channels 1 .. C of logits), got {tuple(tags.shape)}'
        )
    if 0 <= ignore_index < logits.shape[1]:
        raise ValueError(f'ignore_index must not be a class id 0 .. {logits.shape[1] - 1}, got {ignore_index}')
