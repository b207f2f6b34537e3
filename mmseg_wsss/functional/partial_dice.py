"""Soft Dice loss over the labelled pixels.

The peer of the partial cross-entropy in medical imaging: nnU-Net (Isensee et al., Nature Methods 2021) adds both and
leaves the pixels of its ignore label out of both. Shape letters: B batch, C classes, H x W pixels.
"""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor

from .checks import check_positive, compute_dtype
from .partial_ce import check_labels


def partial_dice_loss(
    logits: Tensor,
    labels: Tensor,
    *,
    background: bool = False,
    smooth: float = 1e-5,
    ignore_index: int = 255,
) -> Tensor:
    r"""Average one minus the soft Dice score of each class, over the labelled pixels of the whole batch.

    .. math::
        1 - \frac{1}{|K|} \sum_{c \in K}
        \frac{2 \sum_i p_{c,i} y_{c,i} + \epsilon}{\sum_i p_{c,i} + \sum_i y_{c,i} + \epsilon}, \quad i: t_i \ne ignore

    with the probabilities :math:`p` of the softmax and :math:`y_{c,i} = [t_i = c]`. This is the form of the published
    code of nnU-Net for pictures (``batch_dice``) plus 1: its loss is the negative mean score. Computed in float32 at
    least, also under autocast. An unlabelled pixel has no effect and may hold NaN or inf.

    Args:
        logits: Scores before softmax, (B, C, H, W).
        labels: Class ids :math:`t` of any integer type, (B, H, W); in [0, C) or ``ignore_index``.
        background: Whether class 0 is one of the classes :math:`K`; nnU-Net leaves it out.
        smooth: :math:`\epsilon`, above 0. It lets a class without a label and without a prediction score 1.
        ignore_index: The value of unlabelled pixels.

    Returns:
        Scalar; 0 that keeps the graph, with zero gradients, if nothing is labelled.

    Raises:
        TypeError: If an argument has the wrong type.
        ValueError: If shapes do not match, ``smooth`` is not above 0, or no class is left without the background.

    Example:
        >>> labels = torch.tensor([[[1, 0, 255]]])
        >>> partial_dice_loss(torch.zeros(1, 2, 1, 3), labels)  # 1 - 2 * 0.5 / (1 + 1)
        tensor(0.5000)
    """
    check_labels(logits, labels)
    check_positive(smooth, 'smooth')
    classes = logits.shape[1]
    first = 0 if background else 1
    if first == classes:
        raise ValueError('the only class is the background: set background=True')
    labelled = labels != ignore_index
    # Replaced before the softmax: 0 * NaN in its backward would be NaN.
    probs = torch.where(labelled[:, None], logits, 0).to(compute_dtype(logits)).softmax(dim=1) * labelled[:, None]
    truth = F.one_hot(torch.where(labelled, labels.long(), 0), classes).movedim(-1, 1) * labelled[:, None]
    probs, truth = probs[:, first:], truth[:, first:]
    overlap, sizes = (probs * truth).sum(dim=(0, 2, 3)), (probs + truth).sum(dim=(0, 2, 3))
    return 1 - ((2 * overlap + smooth) / (sizes + smooth)).mean()
