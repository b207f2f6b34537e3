"""Labels from class activation maps on disk, by a random walk with an affinity network.

Shape letters: K foreground classes of an image, H x W its pixels, h x w the grid of the features.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
import torch.nn.functional as F
from mmengine.config import Config
from mmengine.dataset import pseudo_collate
from mmengine.registry import init_default_scope
from torch import Tensor

from ..datasets.pseudo_label_files import UNSURE
from ..datasets.workers import WorkerSettings
from ..functional import affinities, random_walk
from ..functional.checks import check_positive, check_share
from ..functional.random_walk import check_log2_steps
from ..models.segmentors import AffinityNetwork
from ..models.segmentors.inference import RESIZE, check_at_once
from ..structures import Sample
from .images import check_split, chosen_classes, prediction_dataset
from .label_folder import ClassIds, LabelAndConfidence, names_of, write_label_folder
from .mask_accuracy import TruthScores
from .predictions import load_model
from .refined_cams import CAMReader, build_refiner, class_ids_of, class_shares, refiner_name, soft_masks


@dataclass(frozen=True, kw_only=True)
class RandomWalkSettings(WorkerSettings):
    """Settings of the random walk and the labels; the defaults are those of Jonnarth and Felsberg's code.

    Args:
        split: The data set, ``'train'``, ``'val'`` or ``'test'``.
        alpha: Power of the background, see :func:`mmseg_wsss.functional.cam_label_probs`.
        beta: Power of the affinities.
        log2_steps: Binary logarithm of the number of steps.
        refiner: Refiner of the result at the size of the image, such as ``dict(type='DenseCRF', num_iters=1)``.
        unsure_below: Pixels with a lower confidence become 255, in [0, 1].
        masks: Folder of true masks, ``<image id>.png``, to evaluate the labels before ``unsure_below`` is applied;
            images without one are left out. With both settings, all images are labelled again after an interruption,
            because files do not contain the labels before it.
        mask_ids: Text file with the ids of the images to evaluate, one per line; None means all that have a mask.
        workers: Same as in :class:`~mmseg_wsss.datasets.workers.WorkerSettings`.
        coco_rle: Whether to also write ``coco_rle.json``.

    Raises:
        ImportError: If the refiner needs a package that is not installed.
        TypeError: If a setting that must be a number is not.
        ValueError: If a setting is out of range.
    """

    split: str = 'train'
    alpha: float = 6.0
    beta: float = 8.0
    log2_steps: int = 6
    refiner: Mapping[str, Any] | None = None
    unsure_below: float = 0.0
    masks: str | Path | None = None
    mask_ids: str | Path | None = None
    coco_rle: bool = False

    def __post_init__(self) -> None:
        super().__post_init__()
        check_split(self.split, 'split')
        check_positive(self.alpha, 'alpha')
        check_positive(self.beta, 'beta')
        check_log2_steps(self.log2_steps, 'log2_steps')
        check_share(self.unsure_below, 'unsure_below')
        build_refiner(self.refiner)


def write_random_walk(
    cfg: Config,
    checkpoint: str | Path,
    cams: str | Path,
    folder: str | Path,
    settings: RandomWalkSettings | None = None,
    *,
    keep: bool = False,
) -> dict[str, Any]:
    """Propagate class activation maps by the affinities of a network and write the result as pseudo-labels.

    See :func:`mmseg_wsss.functional.random_walk`. Maps are averaged to the grid of the features, and the result is
    resized to the image, bilinearly. The confidence of a pixel is the share of its class in the sum of all.

    Args:
        cfg: Config of the affinity network, with the data; the pipeline of its test data reads the images.
        checkpoint: Checkpoint of the network.
        cams: The folder of the maps.
        folder: The folder to write to; see :mod:`mmseg_wsss.datasets.pseudo_label_files`.
        settings: Settings of the random walk.
        keep: Label only missing images; see :mod:`mmseg_wsss.labelling.label_folder`.

    Returns:
        ``images``, the share ``unsure`` of all pixels, the ``split``, and with ``masks`` the scores, in percent, by
        names such as ``walk_train_known_tags_DenseCRF/mIoU``. Means are over the ``classes`` of the test metric.

    Raises:
        FileNotFoundError: If ``masks`` does not have any of the images, or ``mask_ids``, the checkpoint or maps are
            missing.
        TypeError: If the network is not an ``AffinityNetwork``.
        ValueError: If maps, data set and weights do not match.
    """
    settings = settings or RandomWalkSettings()
    if not Path(checkpoint).is_file():
        raise FileNotFoundError(
            f'no checkpoint at {checkpoint}: "python tools/train.py CONFIG" of the affinity network '
            'writes it, in a pipeline --cfg-options only=affinity'
        )
    init_default_scope(cfg.get('default_scope', 'mmseg'))
    reader = CAMReader(prediction_dataset(cfg, settings.split), cams, settings.refiner)
    model = load_model(cfg, checkpoint, AffinityNetwork)
    chosen = chosen_classes(cfg, reader.dataset.metainfo)
    label_map = getattr(reader.dataset, 'label_map', None)  # of only_classes
    scores = TruthScores(settings.masks, chosen, model.num_classes, settings.mask_ids, label_map)
    refiner = refiner_name(settings.refiner)
    name = '_'.join(['walk', settings.split, reader.tags, *filter(None, [refiner])])

    def label_image(index: int, info: Sample) -> LabelAndConfidence:
        image = reader.image(info)
        maps = reader.cams(info, image)
        soft = soft_masks(maps, settings.alpha)
        if len(maps.classes):  # a single channel cannot change
            soft = walked(model, reader.dataset[index], soft, settings)
        confidence, channels = class_shares(reader.refined(soft, image))[0].max(dim=0)
        scores.add(name, names_of(info, reader.dataset)[0], class_ids_of(channels, maps))
        sure = torch.where(confidence < settings.unsure_below, UNSURE, channels)
        return class_ids_of(sure, maps), confidence.numpy()

    def count_kept(info: Sample, labels: ClassIds) -> None:
        scores.add(name, names_of(info, reader.dataset)[0], labels.astype(np.int64))

    source = {
        'checkpoint': str(checkpoint), 'cams': str(cams), 'alpha': float(settings.alpha), 'radius': model.radius,
        'beta': settings.beta, 'log2_steps': settings.log2_steps, 'refiner': refiner,
        'unsure_below': float(settings.unsure_below), 'split': settings.split,
    }  # fmt: skip
    written = write_label_folder(
        reader.dataset, folder, label_image, source, coco_rle=settings.coco_rle, title='random walk',
        keep=keep and not (settings.masks and settings.unsure_below), count_kept=count_kept,
        workers=settings.workers, tally=scores.scores,
    )  # fmt: skip
    return {**written, **scores.compute()}


def walked(model: AffinityNetwork, data: Mapping[str, Any], soft: Tensor, settings: RandomWalkSettings) -> Tensor:
    """Return soft masks after the walk on the grid of the features, at their own size, (1, K + 1, H, W).

    Args:
        model: The affinity network.
        data: The image from the data set.
        soft: The masks before the walk, (1, K + 1, H, W).
        settings: Settings, of which ``beta`` and ``log2_steps`` are used.
    """
    features = embedding(model, data)
    coarse = F.adaptive_avg_pool2d(soft, (features.shape[2], features.shape[3]))[0]
    affinity = affinities(features, radius=model.radius)[0].cpu().numpy()
    result = random_walk(
        coarse.numpy(), affinity, radius=model.radius, beta=settings.beta, log2_steps=settings.log2_steps
    )
    return F.interpolate(torch.from_numpy(result)[None].float(), soft.shape[2:], mode='bilinear')


def embedding(model: AffinityNetwork, data: Mapping[str, Any]) -> Tensor:
    """Return the features of an image of the data set, (1, D, h, w), without cells of only padding."""
    batch = model.data_preprocessor(pseudo_collate([data]), False)
    name = str(batch['data_samples'][0].metainfo.get('img_path', 'an image'))
    check_at_once(batch['inputs'], None, name, RESIZE)
    features = model.embed(batch['inputs'])
    sides = zip(features.shape[2:], batch['data_samples'][0].img_shape[:2], batch['inputs'].shape[2:], strict=True)
    height, width = (-(-cells * side // padded) for cells, side, padded in sides)
    return features[:, :, :height, :width]
