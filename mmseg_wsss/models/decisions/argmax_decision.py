"""Labels from class probabilities, with an optional refiner.

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

from ...functional import prune_classes
from ..views.base import log_probs

ENLARGED = ('probabilities', 'logits')


@dataclass(frozen=True, eq=False)
class ClassProbs:
    """The output of a network for one image, at the size of its file, before the decision.

    Args:
        probs: Probabilities of all classes, (C, H, W), or other maps in [0, 1] that a decision computes from the
            logits.
        scores: Scores of the foreground classes for the whole image, in [0, 1], (C-1,); None if the decision does not
            read them.
        image: RGB in [0, 1], (3, H, W), for a refiner; None without a refiner.
        resizing: Absolute logarithm of the ratio between the sizes of the view and of the file; 0 for the file itself.
    """

    probs: Tensor
    scores: Tensor | None = None
    image: Tensor | None = None
    resizing: float = 0.0


def mean_of_views(views: Sequence[ClassProbs]) -> ClassProbs:
    """Return the mean probabilities, the largest scores, and the image of the view nearest to the file's size.

    Args:
        views: One or more views of one image; all have the same weight.
    """
    nearest = min(views, key=lambda view: view.resizing)
    scores = [view.scores for view in views if view.scores is not None]
    mean = sum((view.probs for view in views[1:]), start=views[0].probs) / len(views)
    return replace(nearest, probs=mean, scores=torch.stack(scores).amax(dim=0) if scores else None)


@MODELS.register_module()
class ArgmaxDecision(nn.Module):
    r"""Labels every pixel with its most probable class.

    .. math:: \text{label} = \arg\max_c r(m)_c

    with the probabilities :math:`m` and the ``refiner`` :math:`r`. Probabilities are averaged over windows and views
    (see ``WeakSegTTAModel``) before they are refined.

    Subclasses override :meth:`class_maps`, :meth:`class_scores`, :meth:`present` and :meth:`masks`.

    Args:
        refiner: Refiner of the masks at the size of the file, such as ``dict(type='DenseCRF')``, or None.
        enlarged: What is resized from the resolution of the head to that of the image: ``'probabilities'``, or
            ``'logits'``, whose softmax is computed afterwards.

    Raises:
        ValueError: If ``enlarged`` is unknown.

    Example:
        >>> maps = ClassProbs(torch.tensor([0.2, 0.5, 0.3]).view(3, 1, 1))
        >>> ArgmaxDecision()(maps)
        tensor([[[1]]])
    """

    background_power = 1.0
    reads_probs = True
    """Whether maps are made from the probabilities, which views may refine, and not from the logits."""

    def __init__(self, refiner: Mapping[str, Any] | None = None, enlarged: str = 'probabilities') -> None:
        super().__init__()
        if enlarged not in ENLARGED:
            raise ValueError(f'enlarged must be one of {", ".join(map(repr, ENLARGED))}, got {enlarged!r}')
        self.refiner = None if refiner is None else MODELS.build(dict(refiner))
        self.enlarged = enlarged

    def pool_like(self, losses: Iterable[nn.Module]) -> None:
        """Take missing settings from the losses of the model; this decision has none."""

    def class_maps(
        self, logits: Tensor, probs: Tensor, inside: Tensor | None, size: Sequence[int], *, align_corners: bool
    ) -> Tensor:
        """Return the maps that are averaged over windows and views before the decision: the enlarged probabilities.

        Args:
            logits: Same as in :meth:`class_scores`.
            probs: Same as in :meth:`class_scores`.
            inside: Same as in :meth:`class_scores`.
            size: Size of the window, (h, w).
            align_corners: How maps are resized.

        Returns:
            Maps of all classes in [0, 1], (B, C, h, w).
        """
        if self.enlarged == 'probabilities':
            return F.interpolate(probs, tuple(size), mode='bilinear', align_corners=align_corners)
        same_softmax = log_probs(probs)  # the logits up to a constant for each cell, which does not change the softmax
        return F.interpolate(same_softmax, tuple(size), mode='bilinear', align_corners=align_corners).softmax(dim=1)

    def class_scores(self, logits: Tensor, probs: Tensor, inside: Tensor | None) -> Tensor | None:
        """Return scores of the foreground classes of every image, (B, C-1) in [0, 1], or None if they are not read.

        Args:
            logits: Logits at the resolution of the head, (B, C, H, W).
            probs: Probabilities, (B, C, H, W); not always the softmax of the logits, see ``SiameseViews``.
            inside: 1 where a cell does not contain padding, (B, 1, H, W); None means everywhere.
        """
        return None

    def tags_from(self, sample: Any | None) -> str | None:
        """Return the source of the classes of an image: ``'known'``, ``'predicted'`` or None for all classes."""
        return None

    def present(self, maps: ClassProbs, sample: Any | None = None) -> Tensor:
        """Return the foreground classes that an image may have, (C-1,) bool.

        Args:
            maps: The output of the network.
            sample: The sample of the image, or None.
        """
        return torch.ones(len(maps.probs) - 1, dtype=torch.bool, device=maps.probs.device)

    def masks(self, maps: ClassProbs, sample: Any | None = None, *, present: Tensor | None = None) -> Tensor:
        """Return soft masks before the refiner, (C, H, W).

        Args:
            maps: The output of the network.
            sample: The sample of the image, or None.
            present: The foreground classes that the image may have, (C-1,) bool; None means those of :meth:`present`.
        """
        return maps.probs if present is None else prune_classes(maps.probs[None], present[None])[0]

    def refined_masks(self, maps: ClassProbs, sample: Any | None = None, *, present: Tensor | None = None) -> Tensor:
        """Return soft masks after the refiner, (C, H, W), whose largest channel is the label.

        Args:
            maps: The output of the network for an image, or the mean over several views.
            sample: Same as in :meth:`masks`.
            present: Same as in :meth:`masks`.

        Raises:
            ValueError: If there is a refiner and ``maps`` does not have the image.
        """
        masks = self.masks(maps, sample, present=present)
        if self.refiner is None:
            return masks
        if maps.image is None:
            raise ValueError(
                'the refiner of the decision needs the image: use the ClassProbs of class_probs() of a '
                'model that has this decision'
            )
        refined: Tensor = self.refiner(masks[None], maps.image[None].to(masks))[0]
        return refined

    def forward(self, maps: ClassProbs, sample: Any | None = None) -> Tensor:
        """Return class ids, (1, H, W).

        Args:
            maps: The output of the network for an image, or the mean over several views.
            sample: The sample of the image, or None.
        """
        return self.refined_masks(maps, sample).argmax(dim=0, keepdim=True)

    def switches(self, sample: Any | None, num_views: int) -> dict[str, Any]:
        """Return the active settings, which metrics use in the names of their numbers."""
        return {
            'tags': self.tags_from(sample),
            'background_power': self.background_power,
            'views': num_views,
            'refiner': None if self.refiner is None else type(self.refiner).__name__,
        }
