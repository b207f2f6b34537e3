"""Labels of the pixels where class activation maps are confident, for an affinity network."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from mmengine.config import Config
from mmengine.registry import init_default_scope

from ..datasets.workers import WorkerSettings
from ..functional import cam_seeds
from ..functional.checks import check_positive
from ..structures import Sample
from .images import check_split, prediction_dataset
from .label_folder import LabelAndConfidence, write_label_folder
from .refined_cams import CAMReader, build_refiner, class_ids_of, class_shares, refiner_name, soft_masks


@dataclass(frozen=True, kw_only=True)
class SeedSettings(WorkerSettings):
    """Which pixels count as confident in class activation maps.

    Args:
        split: The data set, ``'train'``, ``'val'`` or ``'test'``.
        alpha_low: The smaller alpha, which determines the foreground.
        alpha_high: The larger alpha, which determines the background.
        refiner: Refiner of both soft masks, such as ``dict(type='DenseCRF')``, the published setting.
        workers: Same as in :class:`~mmseg_wsss.datasets.workers.WorkerSettings`.
        coco_rle: Whether to also write ``coco_rle.json``.

    Raises:
        ImportError: If the refiner needs a package that is not installed.
        TypeError: If an alpha is not a number.
        ValueError: If a setting is out of range.
    """

    split: str = 'train'
    alpha_low: float = 4.0
    alpha_high: float = 24.0
    refiner: Mapping[str, Any] | None = None
    coco_rle: bool = False

    def __post_init__(self) -> None:
        super().__post_init__()
        check_split(self.split, 'split')
        check_positive(self.alpha_low, 'alpha_low')
        check_positive(self.alpha_high, 'alpha_high')
        if self.alpha_low >= self.alpha_high:
            raise ValueError(f'alpha_low must be below alpha_high, got {self.alpha_low} and {self.alpha_high}')
        build_refiner(self.refiner)


def write_seeds(
    cfg: Config, cams: str | Path, folder: str | Path, settings: SeedSettings | None = None, *, keep: bool = False
) -> dict[str, Any]:
    """Label the pixels where class activation maps are confident, for an affinity network.

    See :func:`mmseg_wsss.functional.cam_seeds`. An image without a foreground class is background everywhere. The
    confidence of a pixel is the share of its class in the sum of all.

    Args:
        cfg: Config of the data.
        cams: The folder of the maps; see :mod:`mmseg_wsss.datasets.cam_files`.
        folder: The folder to write to; see :mod:`mmseg_wsss.datasets.pseudo_label_files`.
        settings: Settings of the seeds.
        keep: Label only missing images; see :mod:`mmseg_wsss.labelling.label_folder`.

    Returns:
        ``images``, the share ``unsure`` of all pixels, and the ``split``.

    Raises:
        FileNotFoundError: If maps are missing.
        ValueError: If maps and data set do not match.
    """
    settings = settings or SeedSettings()
    alphas = [float(settings.alpha_low), float(settings.alpha_high)]
    init_default_scope(cfg.get('default_scope', 'mmseg'))
    reader = CAMReader(prediction_dataset(cfg, settings.split), cams, settings.refiner)

    def label_image(index: int, info: Sample) -> LabelAndConfidence:
        image = reader.image(info)
        maps = reader.cams(info, image)
        masks = [reader.refined(soft_masks(maps, alpha), image) for alpha in alphas]
        seeds = cam_seeds(*masks)[0]
        of_low, of_high = (class_shares(mask)[0] for mask in masks)
        confidence = torch.where(seeds == 0, of_high[0], of_low.amax(dim=0))
        return class_ids_of(seeds, maps), confidence.numpy()

    source = {
        'cams': str(cams), 'alphas': alphas, 'refiner': refiner_name(settings.refiner), 'split': settings.split
    }  # fmt: skip
    return write_label_folder(
        reader.dataset, folder, label_image, source, coco_rle=settings.coco_rle, title='seeds', keep=keep,
        workers=settings.workers,
    )  # fmt: skip
