"""From class probabilities to labels, after a refiner if there is one.

Shape letters: C classes with the background, H x W pixels of an image.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import torch
import torch.nn.functional as F
from mmseg.registry import MODELS
from torch import Tensor, nn

from ..views.base import log_probs

ENLARGED = ('probabilities', 'logits')


@dataclass(frozen=True, eq=False)
class ClassProbs:
    """What a network says of one image, at the size of its file, before anything is decided.

    Args:
        probs: Probabilities of all classes, (C, H, W), or other maps in [0, 1] that a decision makes of the logits.
        scores: Scores of the foreground classes for the whole image, in [0, 1], (C-1,); None if the decision reads
            none.
        image: RGB in [0, 1], (3, H, W), for a refiner; None if there is none.
        resizing: How far the view was from the size of the file, the absolute logarithm of the ratio; 0 is the file
            itself.
    """

    probs: Tensor
    scores: Tensor | None = None
    image: Tensor | None = None
    resizing: float = 0.0


def mean_of_views(views: Sequence[ClassProbs]) -> ClassProbs:
    """Return the mean of the probabilities, the largest scores, and the image of the view nearest to the file's size.

    Args:
        views: One or more views of one image; all count the same.
    """
    nearest = min(views, key=lambda view: view.resizing)
    scores = [view.scores for view in views if view.scores is not None]
    mean = sum((view.probs for view in views[1:]), start=views[0].probs) / len(views)
    return replace(nearest, probs=mean, scores=torch.stack(scores).amax(dim=0) if scores else None)


@MODELS.register_module()
class ArgmaxDecision(nn.Module):
    r"""The label of a pixel is its most probable class.

    .. math:: \text{label} = \arg\max_c r(m)_c

    with the probabilities :math:`m` and the ``refiner`` :math:`r`. Probabilities are averaged over windows and views
    (see ``WeakSegTTAModel``) before they are refined.

    Subclasses override :meth:`class_maps`, :meth:`class_scores`, :meth:`present` and :meth:`masks`.

    Args:
        refiner: What cleans the masks at the size of the file, such as ``dict(type='DenseCRF')``; None leaves them as
            they are.
        enlarged: What is brought from the resolution of the head to that of the image: ``'probabilities'``, or
            ``'logits'``, of whose softmax the decision is made.

    Raises:
        ValueError: If ``enlarged`` is unknown.

    Example:
        >>> maps = ClassProbs(torch.tensor([0.2, 0.5, 0.3]).view(3, 1, 1))
        >>> ArgmaxDecision()(maps)
        tensor([[[1]]])
    """

    background_power = 1.0

    def __init__(self, refiner: Mapping[str, Any] | None = None, enlarged: str = 'probabilities') -> None:
        super().__init__()
        if enlarged not in ENLARGED:
            raise ValueError(f'enlarged must be one of {", ".join(map(repr, ENLARGED))}, got {enlarged!r}')
        self.refiner = None if refiner is None else MODELS.build(dict(refiner))
        self.enlarged = enlarged

    def pool_like(self, losses: Iterable[nn.Module]) -> None:
        """Take settings that are not set from the losses of the model; this decision has none."""

    def class_maps(
        self, logits: Tensor, probs: Tensor, inside: Tensor | None, size: Sequence[int], *, align_corners: bool
    ) -> Tensor:
        """Return what is averaged over windows and views and then decided: the probabilities at the size of the window.

        Args:
            logits: Same as in :meth:`class_scores`.
            probs: Same as in :meth:`class_scores`.
            inside: Same as in :meth:`class_scores`.
            size: Of the window, (h, w).
            align_corners: How maps are resized.

        Returns:
            Maps of all classes in [0, 1], (B, C, h, w).
        """
        if self.enlarged == 'probabilities':
            return F.interpolate(probs, tuple(size), mode='bilinear', align_corners=align_corners)
        same_softmax = log_probs(probs)  # the logits up to a number for each cell, which the softmax does not see
        return F.interpolate(same_softmax, tuple(size), mode='bilinear', align_corners=align_corners).softmax(dim=1)

    def class_scores(self, logits: Tensor, probs: Tensor, inside: Tensor | None) -> Tensor | None:
        """Return scores of the foreground classes of every image, (B, C-1) in [0, 1]; None: they are not read.

        Args:
            logits: At the resolution of the head, (B, C, H, W).
            probs: Probabilities, (B, C, H, W); not always the softmax of the logits, see ``SiameseViews``.
            inside: 1 where a cell holds no padding, (B, 1, H, W); None: everywhere.
        """
        return None

    def tags_from(self, sample: Any | None) -> str | None:
        """Return where the classes of an image are known from: ``'known'``, ``'predicted'`` or None for all classes."""
        return None

    def present(self, maps: ClassProbs, sample: Any | None = None) -> Tensor:
        """Return which foreground classes an image may have, (C-1,) bool.

        Args:
            maps: What the network says.
            sample: The sample of the image; None if there is none.
        """
        return torch.ones(len(maps.probs) - 1, dtype=torch.bool, device=maps.probs.device)

    def masks(self, maps: ClassProbs, sample: Any | None = None) -> Tensor:
        """Return soft masks before the refiner, (C, H, W)."""
        return maps.probs

    def forward(self, maps: ClassProbs, sample: Any | None = None) -> Tensor:
        """Return class ids, (1, H, W).

        Args:
            maps: What the network says of an image, or the mean of what it says of several views.
            sample: The sample of the image; None if there is none.
        """
        masks = self.masks(maps, sample)[None]
        if self.refiner is not None:
            if maps.image is None:
                raise ValueError(
                    'the refiner of the decision needs the image: take the ClassProbs of class_probs() of a '
                    'model that has this decision'
                )
            masks = self.refiner(masks, maps.image[None].to(masks))
        return masks.argmax(dim=1)

    def switches(self, sample: Any | None, num_views: int) -> dict[str, Any]:
        """Return what was on, from which metrics name their numbers."""
        return {
            'tags': self.tags_from(sample),
            'background_power': self.background_power,
            'views': num_views,
            'refiner': None if self.refiner is None else type(self.refiner).__name__,
        }
