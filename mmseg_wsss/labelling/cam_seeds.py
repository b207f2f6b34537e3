"""Labels of the pixels of which class activation maps are sure, for an affinity network."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from mmengine.config import Config
from mmengine.registry import init_default_scope

from ..functional import cam_seeds
from ..functional.checks import check_positive
from .images import prediction_dataset
from .label_folder import LabelAndConfidence, write_label_folder
from .refined_cams import CAMReader, class_ids_of, class_shares, refiner_name, soft_masks


def check_alphas(alpha_low: float, alpha_high: float) -> tuple[float, float]:
    """Return the powers of the background of seeds; raise unless the one for the foreground is the smaller one."""
    low, high = check_positive(alpha_low, 'alpha_low'), check_positive(alpha_high, 'alpha_high')
    if low >= high:
        raise ValueError(f'alpha_low must be below alpha_high, got {alpha_low} and {alpha_high}')
    return low, high


def write_seeds(
    cfg: Config,
    cams: str | Path,
    folder: str | Path,
    keep: bool = False,
    *,
    split: str = 'train',
    alpha_low: float = 4.0,
    alpha_high: float = 24.0,
    refiner: Mapping[str, Any] | None = None,
    coco_rle: bool = False,
) -> dict[str, Any]:
    """Label the pixels of which class activation maps are sure, as labels for an affinity network.

    See :func:`mmseg_wsss.functional.cam_seeds`. An image without a foreground class is background everywhere. The
    confidence of a pixel is the share of its class in the sum of all.

    Args:
        cfg: Config of the data.
        cams: The folder of the maps; see :mod:`mmseg_wsss.datasets.cam_files`.
        folder: Where to write; see :mod:`mmseg_wsss.datasets.pseudo_label_files`.
        keep: Label only images whose files are missing or broken; the others must have been written with the same
            settings, by a run that was cut.
        split: Which data set, ``'train'``, ``'val'`` or ``'test'``.
        alpha_low: The smaller alpha, which decides what is foreground.
        alpha_high: The larger one, which decides what is background.
        refiner: What refines both soft masks before, such as ``dict(type='DenseCRF')``, the published way.
        coco_rle: Write ``coco_rle.json``, too.

    Returns:
        ``images``, the share ``unsure`` of all pixels, and the ``split``.

    Raises:
        FileNotFoundError: If maps are missing.
        ValueError: If a setting is out of range, or maps and data set do not fit.
    """
    low, high = check_alphas(alpha_low, alpha_high)
    init_default_scope(cfg.get('default_scope', 'mmseg'))
    reader = CAMReader(prediction_dataset(cfg, split), cams, refiner)

    def label_image(index: int, info: dict[str, Any]) -> LabelAndConfidence:
        image = reader.image(info)
        maps = reader.cams(info, image)
        masks = [reader.refined(soft_masks(maps, alpha), image) for alpha in (low, high)]
        seeds = cam_seeds(*masks)[0]
        of_low, of_high = (class_shares(mask)[0] for mask in masks)
        confidence = torch.where(seeds == 0, of_high[0], of_low.amax(dim=0))
        return class_ids_of(seeds, maps), confidence.numpy()

    source = {'cams': str(cams), 'alphas': [low, high], 'refiner': refiner_name(refiner), 'split': split}
    return write_label_folder(reader.dataset, folder, label_image, source, coco_rle=coco_rle, title='seeds', keep=keep)
