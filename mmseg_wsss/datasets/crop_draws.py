"""Estimate the share of training crops with a label. No picture is read, and random states do not change."""

from __future__ import annotations

import random
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch

from ..structures import ImageDataset, Sample
from .resumable import seed_everything
from .transforms import (
    LoadModality,
    LoadPointBlots,
    LoadReferenceMask,
    LoadShapesImage,
    LoadWeakAnnotations,
    RasterizeWeakAnnotations,
    WeakRandomCrop,
)
from .transforms.pipeline_check import PHOTOMETRIC

NEEDLESS = (LoadModality, LoadPointBlots, LoadReferenceMask)


@dataclass(frozen=True)
class CropDraws:
    """Result of some draws of a pipeline.

    Args:
        num: Number of draws.
        empty: Draws without a labelled pixel.
        small: Draws that are smaller than the crop on one side, because the image is smaller.
        crop_size: (height, width) of the crop; None: the pipeline does not crop.
        min_labels: Setting of ``WeakRandomCrop``.
    """

    num: int
    empty: int
    small: int = 0
    crop_size: tuple[int, int] | None = None
    min_labels: int = 0


@contextmanager
def seeded(seed: int) -> Iterator[None]:
    """Seed random, numpy and torch temporarily, and restore their states afterwards."""
    states = random.getstate(), np.random.get_state(), torch.get_rng_state()
    seed_everything(seed)
    try:
        yield
    finally:
        random.setstate(states[0])
        np.random.set_state(states[1])
        torch.set_rng_state(states[2])


def draw_crops(dataset: ImageDataset, steps: Sequence[Any], *, num: int = 100, seed: int = 0) -> CropDraws | None:
    """Draw some crops and count those without a labelled pixel.

    Colours do not matter, so pictures are black and have the size that the data set states; if it does not state one,
    they are loaded.

    Args:
        dataset: A data set of weak labels.
        steps: The transforms of its pipeline.
        num: Number of draws, spread over the images.
        seed: Seed of the draws.

    Returns:
        None if the pipeline does not draw labels.
    """
    kinds = [type(step) for step in steps]
    if LoadWeakAnnotations not in kinds or RasterizeWeakAnnotations not in kinds or not len(dataset):
        return None
    load, draw = kinds.index(LoadWeakAnnotations), kinds.index(RasterizeWeakAnnotations)
    loaders = steps[:load]
    rest = [step for step in steps[load : draw + 1] if not isinstance(step, NEEDLESS)]
    rest = [step for step in rest if type(step).__name__ not in PHOTOMETRIC]
    crops = [step for step in rest if isinstance(step, WeakRandomCrop)]
    size = crops[-1].crop_size if crops else None
    indices = np.linspace(0, len(dataset) - 1, num).astype(int).tolist() if len(dataset) > num else None
    empty = small = 0
    with seeded(seed):
        for number in range(num):
            results = dataset.get_data_info(number % len(dataset) if indices is None else indices[number])
            for step in [*([_blank] if _blank_will_do(results, loaders) else loaders), *rest]:
                results = step(results)
            empty += bool((results['gt_seg_map'] == 255).all())
            small += size is not None and any(np.less(results['img'].shape[:2], size))
    return CropDraws(num, empty, small, size, max((step.min_labels for step in crops), default=0))


def _blank_will_do(sample: Sample, loaders: Sequence[Any]) -> bool:
    """Whether the picture has no influence; the mask of drawn shapes may be a label."""
    draws_masks = sample.get('shapes_mask') and any(isinstance(step, LoadShapesImage) for step in loaders)
    return sample.get('weak_label_size') is not None and not draws_masks


def _blank(sample: Sample) -> Sample:
    """Add a black picture of the size of the image."""
    width, height = sample['weak_label_size'] or (0, 0)
    sample['img'] = np.zeros((height, width, 3), dtype=np.uint8)
    sample['img_shape'] = sample['ori_shape'] = (height, width)
    return sample
