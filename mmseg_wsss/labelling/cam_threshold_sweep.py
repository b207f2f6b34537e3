"""Evaluation of class activation maps, for several ways to make labels from them.

Shape letters: C classes with the background, K foreground classes of an image, H x W its pixels.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import torch
from torch import Tensor, nn

from ..datasets.cam_files import ImageCAMs
from ..datasets.workers import WorkerSettings
from ..evaluation.metrics import switches_name
from ..functional import cam_label_probs
from ..functional.checks import check_positive, check_share
from .images import check_split
from .mask_accuracy import MaskScores
from .refined_cams import full_size_cams

THRESHOLDS = tuple(round(0.05 * step, 2) for step in range(1, 20))


@dataclass(frozen=True, kw_only=True)
class CAMSettings(WorkerSettings):
    """How maps are made and evaluated.

    Args:
        split: The data set, ``'train'``, ``'val'`` or ``'test'``, which the pipeline of the test data reads.
        known_tags: Whether to make maps of the classes in the weak labels of the image. Otherwise, and for images
            without labels (the log has their number), maps are made for the classes whose score exceeds the
            ``score_threshold`` of the model in one of the views.
        scales: Scales of the views, relative to the result of the test pipeline.
        flip: Whether each view is also mirrored.
        winner_takes_all: See :func:`mmseg_wsss.functional.normalised_cams`.
        evaluate: Whether to compare the maps with the true masks of the split, or in the folder of the test data if the
            split has none. After an interruption all images are then made again, because scores need probabilities
            that are not in the files.
        alphas: Backgrounds to evaluate, see :func:`mmseg_wsss.functional.cam_label_probs`; 1 is the published value.
        thresholds: Constant backgrounds to evaluate, in [0, 1].
        workers: Same as in :class:`~mmseg_wsss.datasets.workers.WorkerSettings`.

    Raises:
        TypeError: If an alpha or a threshold is not a number.
        ValueError: If the split is unknown, a scale, an alpha or a threshold is out of range, or a list is empty.
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
        super().__post_init__()
        check_split(self.split, 'split')
        if not self.scales or min(self.scales) <= 0:
            raise ValueError(f'scales must be one or more numbers above 0, got {self.scales}')
        if self.evaluate and not self.thresholds:
            raise ValueError('thresholds must be one or more numbers, to find the best one, got none')
        for alpha in self.alphas:
            check_positive(alpha, 'alphas')
        for threshold in self.thresholds:
            check_share(threshold, 'thresholds')

    def name(self, refiner: nn.Module | None = None) -> str:
        """Return the name of the setting in the scores, such as ``cam_train_known_tags_8_views``."""
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
    """Count the labels of an image for all decisions.

    Args:
        scores: The counter.
        settings: The decisions.
        cams: The maps of the image.
        probs: Mean probabilities of background and classes of the maps, (K+1, H, W).
        truth: True class ids, (H, W).
        refiner: A refiner, whose labels are counted, too.
        photo: The image for the refiner, RGB in [0, 1], (3, H, W).
    """
    ids = torch.tensor([0, *cams.classes.tolist()])
    maps = full_size_cams(cams)
    masks = {'argmax': probs[None]}
    for alpha in settings.alphas:  # without classes, everything is background
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
    """Return class ids, (H, W): that of the highest map if it exceeds ``threshold``, otherwise 0.

    Args:
        cams: The maps of the image.
        threshold: Threshold in [0, 1].
        maps: The result of :func:`full_size_cams`, if available.
    """
    if not len(cams.classes):
        return torch.zeros(cams.size, dtype=torch.long)
    highest, winner = (full_size_cams(cams) if maps is None else maps)[0].max(dim=0)
    return torch.where(highest > threshold, torch.from_numpy(cams.classes)[winner], 0)


def best_threshold(results: Mapping[str, float], settings: CAMSettings) -> float:
    """Return the threshold with the highest mIoU, the lowest one if several are equal."""
    return max(
        settings.thresholds, key=lambda value: (results[f'{settings.name()}/threshold_{value:.2f}/mIoU'], -value)
    )
