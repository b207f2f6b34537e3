"""How good class activation maps are, for several ways to make labels of them at once.

Shape letters: C classes with the background, K foreground classes of an image, H x W its pixels.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import torch
from torch import Tensor, nn

from ..datasets.cam_files import ImageCAMs
from ..evaluation.metrics import switches_name
from ..functional import cam_label_probs
from ..functional.checks import check_positive, check_share
from .images import check_split
from .mask_accuracy import MaskScores
from .refined_cams import full_size_cams

THRESHOLDS = tuple(round(0.05 * step, 2) for step in range(1, 20))


@dataclass(frozen=True, kw_only=True)
class CAMSettings:
    """How maps are made and measured.

    Args:
        split: ``'train'``, ``'val'`` or ``'test'``: which data set, read by the pipeline of the test data.
        known_tags: Make maps of the classes that the image's weak labels name; else, and for images that nobody
            labelled (the log counts them), of those whose score exceeds the ``score_threshold`` of the model in one of
            the views.
        scales: Sizes of the views, beside that of the test pipeline.
        flip: Whether each size is also seen mirrored.
        winner_takes_all: See :func:`mmseg_wsss.functional.normalised_cams`.
        evaluate: Compare with the true masks of the split; the folder of the test data's, where it has none. All images
            are then made again after a cut: scores need probabilities that no file has.
        alphas: Backgrounds to evaluate, see :func:`mmseg_wsss.functional.cam_label_probs`; 1 is the published one.
        thresholds: Constant backgrounds to evaluate, in [0, 1].

    Raises:
        TypeError: If an alpha or a threshold is not a number.
        ValueError: If there is no such split, no view, one of no size, or nothing to evaluate, or if an alpha or a
            threshold is out of range.
    """

    split: str = 'train'
    known_tags: bool = False
    scales: Sequence[float] = (0.5, 1.0, 1.5, 2.0)
    flip: bool = True
    winner_takes_all: bool = True
    evaluate: bool = False
    alphas: Sequence[float] = (1.0, 2.0, 4.0)
    thresholds: Sequence[float] = field(default=THRESHOLDS, repr=False)

    def __post_init__(self) -> None:
        check_split(self.split, 'split')
        if not self.scales or min(self.scales) <= 0:
            raise ValueError(f'scales must be one or more numbers above 0, got {self.scales}')
        if self.evaluate and not self.thresholds:
            raise ValueError('thresholds must be one or more numbers, of which the best one is found, got none')
        for alpha in self.alphas:
            check_positive(alpha, 'alphas')
        for threshold in self.thresholds:
            check_share(threshold, 'thresholds')

    def name(self, refiner: nn.Module | None = None) -> str:
        """Return what scores are reached with, such as ``cam_train_known_tags_8_views``."""
        switches = {
            'tags': 'known' if self.known_tags else 'predicted',
            'background_power': 1,
            'views': len(self.scales) * (2 if self.flip else 1),
            'refiner': None if refiner is None else type(refiner).__name__,
        }
        return switches_name(f'cam_{self.split}', switches)


def score_decisions(
    scores: MaskScores,
    settings: CAMSettings,
    cams: ImageCAMs,
    probs: Tensor,
    truth: Tensor,
    *,
    refiner: nn.Module | None = None,
    photo: Tensor | None = None,
) -> None:
    """Count the labels of an image for all ways to decide.

    Args:
        scores: Where to count.
        settings: Which ways.
        cams: The maps of the image.
        probs: Mean probabilities of background and classes of the maps, (K+1, H, W).
        truth: True class ids, (H, W).
        refiner: Also count labels that it refined.
        photo: The image for it, RGB in [0, 1], (3, H, W).
    """
    ids = torch.tensor([0, *cams.classes.tolist()])
    maps = full_size_cams(cams)
    masks = {'argmax': probs[None]}
    for alpha in settings.alphas:  # without a class, all is background
        masks[f'alpha_{alpha:g}'] = cam_label_probs(maps, alpha=alpha) if len(cams.classes) else masks['argmax']
    for way, soft in masks.items():
        scores.add(f'{settings.name()}/{way}', ids[soft[0].argmax(dim=0)], truth)
        if refiner is not None and photo is not None:
            refined = refiner(soft, photo[None]) if len(cams.classes) else soft
            scores.add(f'{settings.name(refiner)}/{way}', ids[refined[0].argmax(dim=0)], truth)
    for threshold in settings.thresholds:
        name = f'{settings.name()}/threshold_{threshold:.2f}'
        scores.add(name, threshold_labels(cams, threshold, maps), truth, contours=False)


def threshold_labels(cams: ImageCAMs, threshold: float, maps: Tensor | None = None) -> Tensor:
    """Return class ids, (H, W): the highest map where it exceeds ``threshold``, else 0.

    Args:
        cams: The maps of the image.
        threshold: In [0, 1].
        maps: What :func:`full_size_cams` gives, if that is at hand.
    """
    if not len(cams.classes):
        return torch.zeros(cams.size, dtype=torch.long)
    highest, winner = (full_size_cams(cams) if maps is None else maps)[0].max(dim=0)
    return torch.where(highest > threshold, torch.from_numpy(cams.classes)[winner], 0)


def best_threshold(results: Mapping[str, float], settings: CAMSettings) -> float:
    """Return the threshold with the highest mIoU, the lowest of equals."""
    return max(
        settings.thresholds, key=lambda value: (results[f'{settings.name()}/threshold_{value:.2f}/mIoU'], -value)
    )
