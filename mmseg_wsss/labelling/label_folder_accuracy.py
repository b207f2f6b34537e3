"""Accuracy of pseudo-labels, if masks are known."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
from mmseg.registry import DATASETS
from torch import Tensor

from ..datasets.formats.index_png import load_index_image
from ..datasets.pseudo_label_files import UNSURE, read_index
from ..structures import Sample
from ..structures.class_names import class_ids
from ..structures.sample import with_label_map
from .label_folder import ClassIds
from .mask_accuracy import MaskScores


def score_label_folder(folder: str | Path, dataset: Mapping[str, Any], classes: Sequence[str] = ()) -> dict[str, float]:
    """Compare pseudo-labels with masks; an unsure pixel counts as missed.

    Args:
        folder: Folder of pseudo-labels; those of images that are not in the data set are ignored.
        dataset: Config of a data set with ``seg_map_path``, such as a ``WeakSegDataset``; all its images must have
            pseudo-labels. Its ``only_classes`` applies to the masks.
        classes: Names of the classes to average over; empty for all classes in labels or masks.

    Returns:
        ``mIoU`` in percent, ``IoU.<class>`` of each of these classes, ``unsure`` (share of the pixels) and ``images``.

    Raises:
        ValueError: If the classes differ, images lack pseudo-labels, or labels and masks differ in size.
    """
    index = read_index(folder)
    truth = DATASETS.build({**dataset, 'pipeline': [], 'test_mode': True})
    names = list(truth.metainfo['classes'])
    if list(index.classes) != names:
        raise ValueError(f'{folder} has the classes {index.classes}, but the data set has {tuple(names)}')
    chosen = class_ids(classes or None, names)
    scores = MaskScores(len(names), chosen, ignore_index=UNSURE)
    unsure = pixels = 0
    for number in range(len(truth)):
        info = truth.get_data_info(number)
        if info['sample_id'] not in index.images:
            raise ValueError(f'{folder} has no labels of image {info["sample_id"]!r}')
        labels = load_index_image(Path(folder) / 'masks' / f'{info["sample_id"]}.png')
        mask = true_mask(info)
        scores.add('labels', _tensor(labels), _tensor(mask), contours=False, source=info['seg_map_path'])
        unsure += int((labels == UNSURE).sum())
        pixels += labels.size
    ious = scores.class_ious('labels')
    return {
        'mIoU': scores.compute()['labels/mIoU'],
        **{f'IoU.{names[label]}': round(float(ious[label]), 2) for label in chosen if not np.isnan(ious[label])},
        'unsure': round(unsure / pixels, 4),
        'images': len(truth),
    }


def true_mask(info: Sample) -> ClassIds:
    """Return the mask of an image, (H, W), with the class ids that ``LoadAnnotations`` gives.

    Args:
        info: The sample, with ``seg_map_path``, and ``label_map`` and ``reduce_zero_label`` if the data set has them.
    """
    mask: ClassIds = load_index_image(info['seg_map_path']).astype(np.int64)
    if info.get('reduce_zero_label', False):
        mask = np.where((mask == 0) | (mask == UNSURE), UNSURE, mask - 1)
    return with_label_map(mask, info.get('label_map'))


def _tensor(mask: ClassIds) -> Tensor:
    return torch.from_numpy(mask.astype(np.int64))
