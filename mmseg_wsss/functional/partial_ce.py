"""Cross-entropy over the few labelled pixels.

The partial cross-entropy of scribble and click supervision (Tang et al., CVPR 2018; Obukhov et al., 2019, section 3.1)
is the ordinary one, averaged only over labelled pixels. Shape letters: B batch, C classes, H x W pixels.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
import torch.nn.functional as F
from torch import Tensor

from .checks import check_float_map, compute_dtype, describe


def partial_cross_entropy(
    logits: Tensor,
    labels: Tensor,
    *,
    class_weight: Tensor | Sequence[float] | None = None,
    ignore_index: int = 255,
) -> Tensor:
    r"""Average the cross-entropy over labelled pixels.

    .. math:: \frac{\sum_i w_{t_i} (-\log \mathrm{softmax}(z_i)_{t_i})}{\sum_i w_{t_i}}, \quad i: t_i \ne ignore

    Computed in float32 at least, also under autocast. An unlabelled pixel has no effect and may hold NaN or inf.

    Args:
        logits: Scores :math:`z` before softmax, (B, C, H, W).
        labels: Class ids :math:`t` of any integer type, (B, H, W); in [0, C) or ``ignore_index``.
        class_weight: Weight :math:`w` of each class, C values; None gives all classes the same weight.
        ignore_index: The value of unlabelled pixels.

    Returns:
        Scalar; 0 that keeps the graph, with zero gradients, if nothing is labelled.

    Raises:
        TypeError: If ``logits`` is not a floating-point tensor or ``labels`` not an integer one.
        ValueError: If shapes do not match.

    Example:
        >>> labels = torch.tensor([[[0, 255]]])
        >>> partial_cross_entropy(torch.zeros(1, 4, 1, 2), labels)  # log(4)
        tensor(1.3863)
    """
    check_labels(logits, labels)
    dtype = compute_dtype(logits)
    labelled = labels != ignore_index
    # Replaced before the softmax: 0 * NaN in its backward would be NaN.
    logits = torch.where(labelled[:, None], logits, 0).to(dtype)
    labels = labels.long()
    weight = None
    if class_weight is None:
        total_weight = labelled.sum(dtype=dtype)
    else:
        weight = _as_class_weight(class_weight, logits)
        total_weight = (weight[torch.where(labelled, labels, 0)] * labelled).sum()
    total = F.cross_entropy(logits, labels, weight, ignore_index=ignore_index, reduction='sum')
    return total / torch.where(total_weight > 0, total_weight, 1)


def inverse_log_class_weights(counts: Tensor | Sequence[float]) -> Tensor:
    r"""Return larger weights for rare classes: :math:`w_c = 1 / \log(1.1 + p_c)`, divided by their sum.

    In the published code of Gated CRF, :math:`p` is the share of each class among the clicks of the whole training set;
    the paper uses the frequency in the batch.

    Args:
        counts: Labelled pixels, or clicks, of each class, (C,).

    Returns:
        Weights that sum to 1, (C,) float32, or float64 if ``counts`` is float64.

    Raises:
        ValueError: If ``counts`` is not a vector of finite numbers from 0 with at least one above 0.

    Example:
        >>> inverse_log_class_weights([3.0, 1.0])
        tensor([0.3279, 0.6721])
    """
    values = torch.as_tensor(counts)
    values = values.to(compute_dtype(values))
    if values.ndim != 1 or not bool(torch.isfinite(values).all() & (values >= 0).all() & (values.sum() > 0)):
        raise ValueError(
            f'counts must be a vector of finite numbers from 0 with at least one above 0, got {counts}; '
            'count the labelled pixels of each class over the training set'
        )
    return F.normalize(1 / torch.log(1.1 + values / values.sum()), p=1, dim=0)


def check_labels(logits: Tensor, labels: Tensor) -> None:
    """Raise unless ``labels`` has one class id for each pixel of ``logits``."""
    check_float_map(logits, 'logits')
    if not isinstance(labels, Tensor) or labels.is_floating_point() or labels.is_complex():
        raise TypeError(f'labels must be an integer tensor (B, H, W), got {describe(labels)}')
    expected = (logits.shape[0], *logits.shape[2:])
    if labels.shape != expected:
        raise ValueError(
            f'labels must have the shape {expected} of the logits without the classes, got {tuple(labels.shape)}; '
            'resize the logits to the labels, or drop the channel axis of the labels'
        )


def _as_class_weight(class_weight: Tensor | Sequence[float], logits: Tensor) -> Tensor:
    weight = torch.as_tensor(class_weight, dtype=logits.dtype, device=logits.device)
    if weight.shape != logits.shape[1:2]:
        raise ValueError(
            f'class_weight must have one value for each of the {logits.shape[1]} classes, got {tuple(weight.shape)}'
        )
    return weight
