"""Pseudo-masks from confident predictions, refined by the image, without absent classes, and thresholded.

Shape letters: B batch, C classes with the background, H x W the grid of the predictions, h x w the image.
"""

from typing import NamedTuple

import torch
from mmseg.registry import MODELS
from torch import Tensor, nn

from ...functional import confident_labels
from ...functional.checks import check_share
from ...functional.grids import pool_mask, resize_inside


@MODELS.register_module()
class ConfidentLabels(nn.Module):
    """Label the pixels that exactly one class is confident of (Araslanov and Roth, 2020).

    See :func:`mmseg_wsss.functional.confident_labels`. The defaults are the published setting.

    Args:
        foreground_ratio: Share of its maximum in the image that a foreground class must exceed, in [0, 1].
        background_ratio: Share of its maximum that the background must exceed, in [0, 1].
        min_confidence: Value that every class must exceed, in [0, 1].

    Raises:
        TypeError: If a setting is not a number.
        ValueError: If a setting is outside [0, 1].
    """

    labels_present_classes = True
    """Whether leaving out the channels of absent classes changes nothing but the numbers of the others."""

    def __init__(
        self, foreground_ratio: float = 0.6, background_ratio: float = 0.7, min_confidence: float = 0.2
    ) -> None:
        super().__init__()
        self.foreground_ratio = check_share(foreground_ratio, 'foreground_ratio')
        self.background_ratio = check_share(background_ratio, 'background_ratio')
        self.min_confidence = check_share(min_confidence, 'min_confidence')

    def forward(self, masks: Tensor, mask: Tensor | None = None, ignore_index: int = 255) -> Tensor:
        """Return class ids, (B, h, w) int64, ``ignore_index`` where no class or more than one is confident.

        Args:
            masks: Soft masks, (B, C, h, w), 0 in absent classes.
            mask: 1 inside the image, (B, 1, h, w).
            ignore_index: The value of unlabelled pixels.
        """
        return confident_labels(
            masks,
            foreground_ratio=self.foreground_ratio,
            background_ratio=self.background_ratio,
            min_confidence=self.min_confidence,
            ignore_index=ignore_index,
            mask=mask,
        )


class PseudoMasks(NamedTuple):
    """The pseudo-labels and the maps they are made from, without gradients."""

    cam: Tensor  # the masks of the model, 0 in absent classes, (B, C, H, W)
    refined: Tensor  # the masks after the refiner, (B, C, H, W)
    labels: Tensor  # class ids, unlabelled where no class is confident, (B, h, w) int64


@torch.no_grad()
def make_pseudo_masks(
    probs: Tensor,
    image: Tensor,
    valid: Tensor,
    tags: Tensor,
    *,
    refiner: nn.Module | None,
    labeller: nn.Module,
    ignore_index: int = 255,
) -> PseudoMasks:
    """Refine the predicted masks, remove the classes that are not in the image, and label the confident pixels.

    Pixels outside the image do not count: the masks are resized only from the cells inside. A cell is inside if all its
    pixels are.

    Args:
        probs: Softmax of the logits, (B, C, H, W), channel 0 the background.
        image: RGB in [0, 1], (B, 3, h, w).
        valid: 1 inside the image, (B, 1, h, w).
        tags: Which foreground classes are in the image, (B, C-1) of 0 and 1. A row with NaN means that the image has no
            tags; it does not get labels.
        refiner: A function ``refiner(masks, image, mask=valid, present=...)`` that returns refined masks, or None.
        labeller: A function ``labeller(masks, mask=..., ignore_index=...)`` that returns the labels of masks of the
            size of the image. If its ``labels_present_classes`` is true, it gets only the channels of the background
            and of present classes, and returns the numbers of these channels.
        ignore_index: The value of unlabelled pixels.
    """
    present = torch.cat([torch.ones_like(tags[:, :1]), (tags == 1).to(tags.dtype)], dim=1)
    chosen = present[:, :, None, None] > 0
    cells = pool_mask(valid, (probs.shape[2], probs.shape[3]))
    cam = torch.where(chosen & (cells > 0), probs.detach(), 0)
    refined = cam
    if refiner is not None:
        refined = torch.where(chosen, refiner(probs.detach(), image, mask=valid, present=present), 0)
    few, ids = refined, None
    if getattr(labeller, 'labels_present_classes', False):
        few, ids = _present_channels(refined, chosen)
    full, reached = resize_inside(few, (image.shape[2], image.shape[3]), cells)
    labels = labeller(full, mask=reached & (valid >= 1), ignore_index=ignore_index)
    if ids is not None:
        named = ids.gather(1, torch.where(labels == ignore_index, 0, labels).flatten(1)).view_as(labels)
        labels = torch.where(labels == ignore_index, ignore_index, named)
    untagged = tags.isnan().any(dim=1)
    return PseudoMasks(cam, refined, torch.where(untagged[:, None, None], ignore_index, labels))


def _present_channels(masks: Tensor, chosen: Tensor) -> tuple[Tensor, Tensor]:
    """Return the channels that are present in an image, in their order, and their numbers, (B, K)."""
    present = chosen.flatten(1)
    most = max(1, int(present.sum(dim=1).max()))
    ids = present.logical_not().byte().argsort(dim=1, stable=True)[:, :most]
    return masks.gather(1, ids[:, :, None, None].expand(-1, -1, *masks.shape[2:])), ids
