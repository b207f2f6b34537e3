r"""Maps of boxes, which a class-agnostic mask generator reads, and a label map from the masks that it predicts.

Box supervision with a learned pseudo-mask generator ("LPG"): the generator looks at one class of an image at a time.
Shape letters: M boxes, K classes of the image, H x W pixels.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor

from .checks import describe

RULES = ('overlap', 'first')


def box_maps(boxes: Any, box_labels: Any, size: tuple[int, int]) -> tuple[Tensor, tuple[int, ...]]:
    """Return a map of the boxes of each class of an image.

    Args:
        boxes: (M, 4) as (x1, y1, x2, y2) in pixels; both corners are the centres of pixels that belong to the box.
        box_labels: Class ids of the boxes, (M,).
        size: (H, W) of the image.

    Returns:
        Maps, 1 inside the union of the boxes of a class and 0 elsewhere, (K, H, W) uint8, and the K class ids in order
        of first appearance among the boxes. A pixel is inside if its centre is at most half a pixel away from the
        rectangle that the two corners span.

    Raises:
        ValueError: If there are no boxes, or one has swapped corners, a coordinate that is not a finite number, or a
            class that is not a foreground class, or reaches out of the image.

    Example:
        >>> maps, class_ids = box_maps([[1, 0, 2, 1], [0, 0, 0, 0], [3, 1, 3, 1]], [7, 4, 7], (2, 4))
        >>> class_ids
        (7, 4)
        >>> maps.tolist()
        [[[0, 1, 1, 0], [0, 1, 1, 1]], [[1, 0, 0, 0], [0, 0, 0, 0]]]
    """
    corners = torch.as_tensor(boxes, dtype=torch.float64)
    labels = torch.as_tensor(box_labels, dtype=torch.long).reshape(-1)
    check_boxes(corners, labels, size)
    x, y = (torch.arange(side, device=corners.device) for side in size[::-1])
    x1, y1, x2, y2 = corners.T[..., None]
    columns = (x >= x1 - 0.5) & (x <= x2 + 0.5)
    rows = (y >= y1 - 0.5) & (y <= y2 + 0.5)
    class_ids = tuple(dict.fromkeys(labels.tolist()))
    filled = rows[:, :, None] & columns[:, None, :]
    return torch.stack([filled[labels == label].any(dim=0) for label in class_ids]).to(torch.uint8), class_ids


def check_boxes(boxes: Tensor, box_labels: Tensor, size: tuple[int, int]) -> None:
    """Raise ValueError unless there are boxes and all of them are valid and inside the image."""
    if boxes.numel() == 0:
        raise ValueError('the image has no boxes, so its classes are unknown: leave it out, or label it')
    if boxes.ndim != 2 or boxes.shape[1] != 4 or len(box_labels) != len(boxes):
        raise ValueError(
            f'boxes must be (M, 4) with one class id each, got {tuple(boxes.shape)} and {len(box_labels)} class ids'
        )
    if (box_labels <= 0).any():
        raise ValueError(f'box_labels must be foreground classes, from 1, got {box_labels.tolist()}')
    height, width = size
    first, last = boxes[:, :2], boxes[:, 2:]
    faults = {
        'has a coordinate that is not a finite number': ~boxes.isfinite().all(dim=1),
        'is empty or has swapped corners (expected x1 <= x2 and y1 <= y2)': (first > last).any(dim=1),
        f'reaches out of the image, which is {width} x {height} pixels (width x height)': (
            (first < -0.5) | (last > boxes.new_tensor([width, height]) - 0.5)
        ).any(dim=1),
    }
    for fault, bad in faults.items():
        if bad.any():
            index = int(bad.to(torch.uint8).argmax())
            raise ValueError(f'box {index}, {boxes[index].tolist()}, {fault}: correct it or leave it out')


@torch.no_grad()
def merge_class_masks(
    masks: Tensor,
    class_ids: Sequence[int],
    *,
    box_maps: Tensor,
    rule: str = 'overlap',
    unsure: float = 0.0,
    ignore_index: int = 255,
) -> Tensor:
    r"""Merge the masks of the classes of one image into a label map.

    A mask counts only inside the boxes of its class. The pixels that exactly the same classes S claim form a region
    :math:`O_S`; if S has more than one class, the region goes to the class with the highest overlap rate

    .. math::
        \arg\max_{k \in S} |O_S| / |M_k|

    with :math:`M_k` the mask of class k inside its boxes (``rule='overlap'``, the paper: the class with the smaller
    mask, for a small object in front of a large one), or to the first class (``rule='first'``, the published code,
    where the order is that of first appearance in the annotation). If rates are equal, the first class wins.

    Differs from the published code if ``unsure`` is above 0: there, all pixels get a label.

    Args:
        masks: Zeros and ones, or probabilities of the object as floating-point numbers in [0, 1], (K, H, W), where the
            object is above 0.5; or the two logits of the generator (0 outside, 1 object), (K, 2, H, W).
        class_ids: The class of each mask, (K,), from 1.
        box_maps: 1 inside the boxes of the class, 0 elsewhere, (K, H, W).
        rule: ``'overlap'`` or ``'first'``.
        unsure: Pixels whose largest probability, over the classes that have a box there, is at most this far from 0.5
            become ``ignore_index``; in [0, 0.5). With 0 all pixels get a label.
        ignore_index: The value of unlabelled pixels.

    Returns:
        Class ids, 0 for pixels that belong to none of the classes, (H, W) int64.

    Raises:
        TypeError: If a tensor has the wrong type.
        ValueError: If shapes do not match, class ids repeat or are out of range, or a setting is unknown.

    Example:
        >>> masks = torch.tensor([[[1, 1, 1, 0]], [[0, 0, 1, 1]]])  # 3 pixels and 2; they share one
        >>> merge_class_masks(masks, [5, 9], box_maps=torch.ones(2, 1, 4))
        tensor([[5, 5, 9, 9]])
        >>> merge_class_masks(masks, [5, 9], box_maps=torch.ones(2, 1, 4), rule='first')
        tensor([[5, 5, 5, 9]])
    """
    ids = _check_masks(masks, class_ids, box_maps, ignore_index)
    if rule not in RULES:
        raise ValueError(f'rule must be one of {", ".join(RULES)}, got {rule!r}')
    if not 0 <= unsure < 0.5:
        raise ValueError(f'unsure must be at least 0 and below 0.5, got {unsure}')
    if unsure and not masks.is_floating_point():
        raise ValueError('unsure needs probabilities or logits, but the masks are zeros and ones')
    probs = masks.float().softmax(dim=1)[:, 1] if masks.ndim == 4 else masks.float()
    probs = torch.where(box_maps.to(masks.device) > 0, probs, 0)
    claimed = probs > 0.5
    # The region is the same for all its classes, so the highest rate is that of the smallest mask.
    order = claimed.sum(dim=(1, 2)).argsort(stable=True) if rule == 'overlap' else torch.arange(len(ids))
    ids, ordered = ids.to(masks.device)[order], claimed[order]
    labels = torch.where(ordered.any(dim=0), ids[ordered.to(torch.uint8).argmax(dim=0)], 0)
    if unsure:
        labels = torch.where((probs.amax(dim=0) - 0.5).abs() <= unsure, ignore_index, labels)
    return labels


def _check_masks(masks: Any, class_ids: Sequence[int], box_maps: Any, ignore_index: int) -> Tensor:
    """Return the class ids as a tensor; raise unless masks, ids and box maps match."""
    for name, value in (('masks', masks), ('box_maps', box_maps)):
        if not isinstance(value, Tensor) or value.is_complex():
            raise TypeError(f'{name} must be a tensor (K, H, W), got {describe(value)}')
    if masks.ndim == 4 and not masks.is_floating_point():
        raise TypeError(f'logits must be floating-point, (K, 2, H, W), got {describe(masks)}')
    logits = masks.ndim == 4 and masks.shape[1] == 2
    if not (logits or masks.ndim == 3) or 0 in masks.shape:
        raise ValueError(
            f'masks must be (K, H, W), or logits (K, 2, H, W), with no empty axis, got {tuple(masks.shape)}'
        )
    expected = (len(masks), *masks.shape[-2:])
    if box_maps.shape != expected:
        raise ValueError(f'box_maps must have the shape of the masks, {expected}, got {tuple(box_maps.shape)}')
    ids = [int(label) for label in class_ids]
    if len(ids) != len(masks) or len(set(ids)) != len(ids):
        raise ValueError(f'class_ids must be {len(masks)} different ids, one per mask, got {ids}')
    if min(ids) < 1 or ignore_index in ids:
        raise ValueError(f'class_ids must be foreground classes, from 1 and not {ignore_index}, got {ids}')
    return torch.tensor(ids)
