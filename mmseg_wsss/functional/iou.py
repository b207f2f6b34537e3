r"""Intersection over union (IoU) of label maps, from areas that are summed over the images of a data set.

The segmentation accuracy of Everingham et al.: "The PASCAL Visual Object Classes (VOC) Challenge", IJCV 2010. mmseg's
``IoUMetric`` adds areas in float32, which is exact up to 2^24 pixels of a class; here they are integers.

Shape letters: C classes, ... the pixels of an image, in any shape.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import torch
from torch import Tensor

from .checks import describe


class ClassAreas(NamedTuple):
    """Number of pixels of each class, (C,) int64 each.

    Attributes:
        intersection: Pixels of the class in both maps.
        union: Pixels of the class in at least one of the two maps.
        prediction: Pixels of the class in the prediction.
        target: Pixels of the class in the ground truth.
    """

    intersection: Tensor
    union: Tensor
    prediction: Tensor
    target: Tensor


def class_areas(pred: Tensor, target: Tensor, num_classes: int, *, ignore_index: int = 255) -> ClassAreas:
    r"""Count the pixels of the areas that an IoU is computed from.

    .. math::
        I_c = \sum_i [p_i = c]\,[t_i = c], \quad P_c = \sum_i [p_i = c], \quad T_c = \sum_i [t_i = c], \quad
        U_c = P_c + T_c - I_c

    over the pixels :math:`i` whose label :math:`t_i` is not ``ignore_index``. The areas of several images may be added.

    Args:
        pred: Predicted class ids :math:`p`, (...). A pixel with an id outside of 0 .. C-1, such as 255 where a label is
            unsure, is not in the predicted area of any class.
        target: True class ids :math:`t`, of the same shape.
        num_classes: C, a positive integer.
        ignore_index: The value of unlabelled pixels in ``target``.

    Returns:
        The areas of each class.

    Raises:
        TypeError: If a map is not a tensor of integers or booleans.
        ValueError: If the shapes differ, or ``num_classes`` is not positive.

    Example:
        >>> areas = class_areas(torch.tensor([0, 1, 1, 2]), torch.tensor([0, 1, 0, 255]), 3)
        >>> areas.intersection.tolist(), areas.union.tolist()
        ([1, 1, 0], [2, 2, 0])
    """
    _check(pred, target, num_classes)
    pred, target = pred.long(), target.long()
    labelled = target != ignore_index
    prediction = _count(pred, labelled, num_classes)
    truth = _count(target, labelled, num_classes)
    intersection = _count(pred, labelled & (pred == target), num_classes)
    return ClassAreas(intersection, prediction + truth - intersection, prediction, truth)


def confusion_matrix(pred: Tensor, target: Tensor, num_classes: int, *, ignore_index: int = 255) -> Tensor:
    r"""Count the pixels of each pair of a true and a predicted class.

    .. math:: M_{ab} = \sum_i [t_i = a]\,[p_i = b]

    The matrices of several images may be added.

    Args:
        pred: Predicted class ids :math:`p`, (...). Pixels with an id outside of 0 .. C-1 are not counted.
        target: True class ids :math:`t`, of the same shape.
        num_classes: C, a positive integer.
        ignore_index: The value of unlabelled pixels in ``target``.

    Returns:
        The numbers of pixels, (C, C) int64: a row for each true class, a column for each predicted class.

    Raises:
        TypeError: If a map is not a tensor of integers or booleans.
        ValueError: If the shapes differ, or ``num_classes`` is not positive.

    Example:
        >>> confusion_matrix(torch.tensor([0, 1, 1, 1]), torch.tensor([0, 1, 0, 255]), 2).tolist()
        [[1, 1], [0, 1]]
    """
    _check(pred, target, num_classes)
    pred, target = pred.long(), target.long()
    known = (pred >= 0) & (pred < num_classes) & (target != ignore_index)
    pairs = _count(target * num_classes + pred, known & (target >= 0) & (target < num_classes), num_classes**2)
    return pairs.reshape(num_classes, num_classes)


def class_ious(intersection: Tensor, union: Tensor) -> Tensor:
    r"""Return the IoU of each class, :math:`I_c / U_c`, NaN for a class that is in neither map.

    Args:
        intersection: :math:`I_c` of :func:`class_areas`, summed over the images, (C,).
        union: :math:`U_c`, (C,).

    Returns:
        Values in [0, 1] or NaN, (C,) float64.

    Example:
        >>> class_ious(torch.tensor([1, 0, 0]), torch.tensor([2, 3, 0])).tolist()
        [0.5, 0.0, nan]
    """
    return intersection.double() / union.double()  # 0 / 0 is NaN, and the intersection is never larger than the union


def mean_iou(intersection: Tensor, union: Tensor, *, classes: Sequence[int] | None = None) -> Tensor:
    r"""Return the mean of the IoU over some classes; classes that are in neither map are left out.

    .. math:: \text{mIoU} = \frac{1}{|S'|} \sum_{c \in S'} \frac{I_c}{U_c}, \qquad S' = \{c \in S : U_c > 0\}

    Args:
        intersection: :math:`I_c` of :func:`class_areas`, summed over the images, (C,).
        union: :math:`U_c`, (C,).
        classes: :math:`S`, ids of the classes that are averaged over; None means all classes.

    Returns:
        A scalar in [0, 1], float64; NaN if none of the classes is in a map.

    Raises:
        IndexError: If an id is C or larger.

    Example:
        >>> mean_iou(torch.tensor([1, 0, 0]), torch.tensor([2, 3, 0]), classes=[0, 2]).item()
        0.5
    """
    ious = class_ious(intersection, union)
    return (ious if classes is None else ious[list(classes)]).nanmean()


def _check(pred: Tensor, target: Tensor, num_classes: int) -> None:
    for name, value in (('pred', pred), ('target', target)):
        if not isinstance(value, Tensor) or value.is_floating_point() or value.is_complex():
            raise TypeError(f'{name} must be a tensor of class ids (integers or booleans), got {describe(value)}')
    if pred.shape != target.shape:
        raise ValueError(f'pred and target must have the same shape, got {tuple(pred.shape)} and {tuple(target.shape)}')
    if num_classes < 1:
        raise ValueError(f'num_classes must be a positive integer, got {num_classes}')


def _count(ids: Tensor, counted: Tensor, num_classes: int) -> Tensor:
    """Return the number of counted pixels of each class id, (C,)."""
    counted = counted & (ids >= 0) & (ids < num_classes)
    return torch.bincount(ids[counted], minlength=num_classes)
