"""From class activation maps on disk to labels: seeds for an affinity network, and the random walk with it.

Shape letters: K foreground classes of an image, H x W its pixels, h x w the grid of the features.
"""

from __future__ import annotations

import copy
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import torch
import torch.nn.functional as F
from mmengine.config import Config
from mmengine.dataset import pseudo_collate
from mmengine.device import get_device
from mmengine.registry import init_default_scope
from mmseg.apis import init_model
from mmseg.registry import TASK_UTILS
from torch import Tensor

from ..datasets.cam_files import ImageCAMs
from ..datasets.pseudo_label_files import UNSURE
from ..functional import affinities, cam_seeds, random_walk
from ..functional._checks import check_positive, check_share
from ..functional.random_walk import check_log2_steps
from ..models.segmentors import AffinityEncoderDecoder
from .cam_reader import CAMReader, build_refiner, soft_masks
from .cams import chosen_classes
from .checkpoints import check_weights
from .label_folder import ClassIds, LabelAndConfidence, names_of, write_label_folder
from .mask_scores import TruthScores, check_masks
from .pseudo_labels import check_split, prediction_dataset
from .runner.stage_config import REFERENCE
from .runner.stage_task import StageContext, StageTask, check_settings

WALK_CHECKS = {
    'split': check_split,
    'alpha': check_positive,
    'beta': check_positive,
    'log2_steps': check_log2_steps,
    'unsure_below': check_share,
}


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
        of_low, of_high = (_shares(mask)[0] for mask in masks)
        confidence = torch.where(seeds == 0, of_high[0], of_low.amax(dim=0))
        return _class_ids(seeds, maps), confidence.numpy()

    source = {'cams': str(cams), 'alphas': [low, high], 'refiner': _name(refiner), 'split': split}
    return write_label_folder(reader.dataset, folder, label_image, source, coco_rle=coco_rle, title='seeds', keep=keep)


def write_random_walk(
    cfg: Config,
    checkpoint: str | Path,
    cams: str | Path,
    folder: str | Path,
    keep: bool = False,
    *,
    split: str = 'train',
    alpha: float = 6.0,
    beta: float = 8.0,
    log2_steps: int = 6,
    refiner: Mapping[str, Any] | None = None,
    unsure_below: float = 0.0,
    masks: str | Path | None = None,
    mask_ids: str | Path | None = None,
    coco_rle: bool = False,
) -> dict[str, Any]:
    """Let class activation maps walk by the affinities of a network and write the result as pseudo-labels.

    See :func:`mmseg_wsss.functional.random_walk`; the defaults are those of Jonnarth and Felsberg's code. It runs on
    the grid of the features, on maps averaged to it, and its result is resized to the image, bilinearly. The confidence
    of a pixel is the share of its class in the sum of all.

    Args:
        cfg: Config of the affinity network, with the data; the pipeline of its test data reads the images.
        checkpoint: Its weights.
        cams: The folder of the maps.
        folder: Where to write; see :mod:`mmseg_wsss.datasets.pseudo_label_files`.
        keep: Label only images whose files are missing or broken; the others must have been written with the same
            settings, by a run that was cut. With ``masks`` and ``unsure_below`` all are labelled: scores
            need the labels before, which no file has.
        split: Which data set, ``'train'``, ``'val'`` or ``'test'``.
        alpha: Power of the background, see :func:`mmseg_wsss.functional.cam_label_probs`.
        beta: Power of the affinities.
        log2_steps: Binary logarithm of the number of steps.
        refiner: What refines the result at the size of the image, such as ``dict(type='DenseCRF', num_iters=1)``.
        unsure_below: Pixels of less confidence than this become 255.
        masks: Folder of true masks, ``<image id>.png``, to measure the labels with, before ``unsure_below``; images
            without one are not measured.
        mask_ids: Text file with the ids of the images to measure, one a line; None: all that have a mask.
        coco_rle: Write ``coco_rle.json``, too.

    Returns:
        ``images``, the share ``unsure`` of all pixels, the ``split``, and with ``masks`` the scores, in percent, by
        names such as ``walk_train_known_tags_DenseCRF/mIoU``. Means are over the ``classes`` of the test metric.

    Raises:
        FileNotFoundError: If ``masks`` has none of the images, or ``mask_ids``, the checkpoint or maps are missing.
        TypeError: If the network is no ``AffinityEncoderDecoder``.
        ValueError: If a setting is out of range, or maps, data set and weights do not fit.
    """
    alpha, unsure_below = check_positive(alpha, 'alpha'), check_share(unsure_below, 'unsure_below')
    if not Path(checkpoint).is_file():
        raise FileNotFoundError(
            f'no checkpoint at {checkpoint}: "python tools/train.py CONFIG" of the affinity network '
            'writes it, in a pipeline --cfg-options only=affinity'
        )
    init_default_scope(cfg.get('default_scope', 'mmseg'))
    reader = CAMReader(prediction_dataset(cfg, split), cams, refiner)
    model = init_model(copy.deepcopy(cfg), str(checkpoint), device=get_device())
    if not isinstance(model, AffinityEncoderDecoder):
        raise TypeError(
            f'the random walk needs an AffinityEncoderDecoder, got {type(model).__name__}: name the config or stage of '
            'the affinity network'
        )
    check_weights(model, str(checkpoint))
    scores = TruthScores(masks, chosen_classes(cfg, reader.dataset.metainfo['classes']), model.num_classes, mask_ids)
    name = '_'.join(['walk', split, reader.tags, *filter(None, [_name(refiner)])])
    walk: dict[str, Any] = {'radius': model.radius, 'beta': beta, 'log2_steps': log2_steps}

    def label_image(index: int, info: dict[str, Any]) -> LabelAndConfidence:
        image = reader.image(info)
        maps = reader.cams(info, image)
        soft = soft_masks(maps, alpha)
        if len(maps.classes):  # of one channel, nothing can change
            features = embedding(model, reader.dataset[index])
            coarse = F.adaptive_avg_pool2d(soft, (features.shape[2], features.shape[3]))[0]
            walked = random_walk(coarse.numpy(), affinities(features, radius=model.radius)[0].cpu().numpy(), **walk)
            soft = F.interpolate(torch.from_numpy(walked)[None].float(), maps.size, mode='bilinear')
        confidence, channels = _shares(reader.refined(soft, image))[0].max(dim=0)
        scores.add(name, names_of(info, reader.dataset)[0], _class_ids(channels, maps))
        return _class_ids(torch.where(confidence < unsure_below, UNSURE, channels), maps), confidence.numpy()

    def count_kept(info: dict[str, Any], labels: ClassIds) -> None:
        scores.add(name, names_of(info, reader.dataset)[0], labels.astype(np.int64))

    source = {
        'checkpoint': str(checkpoint), 'cams': str(cams), 'alpha': alpha, **walk, 'refiner': _name(refiner),
        'unsure_below': unsure_below, 'split': split,
    }  # fmt: skip
    written = write_label_folder(
        reader.dataset, folder, label_image, source, coco_rle=coco_rle, title='random walk',
        keep=keep and not (masks and unsure_below), count_kept=count_kept,
    )  # fmt: skip
    return {**written, **scores.compute()}


@TASK_UTILS.register_module()
class WriteSeeds(StageTask):
    """:func:`write_seeds` as a stage; its folder is the ``label_root`` of the affinity network's training.

    Args:
        stage: The stage whose config says the data, such as that of the CAM network.
        cams: The maps, such as ``'{stages.cams}'``.
        **settings: ``split``, ``alpha_low``, ``alpha_high``, ``refiner`` and ``coco_rle`` of :func:`write_seeds`.

    Raises:
        ImportError: If the refiner needs a package that is not installed: before the first stage, not after it.
        TypeError: If a setting is unknown or of the wrong type.
        ValueError: If one is out of range.
    """

    def __init__(self, stage: str, cams: str, **settings: Any) -> None:
        self.stage = stage
        self.cams = cams
        self.settings = check_settings(write_seeds, settings, {'split': check_split})
        check_alphas(self.settings['alpha_low'], self.settings['alpha_high'])
        build_refiner(self.settings['refiner'])

    def run(self, context: StageContext) -> dict[str, Any]:
        """Write the seeds into the folder of the stage; after a cut those that are missing."""
        cfg = context.config_of(self.stage)
        return write_seeds(cfg, self.cams, context.work_dir, context.resumed, **self.settings)


@TASK_UTILS.register_module()
class WriteRandomWalk(StageTask):
    """:func:`write_random_walk` as a stage; its folder is the ``label_root`` of the last network's training.

    Args:
        stage: The stage whose config says the affinity network and the data.
        checkpoint: Its weights, such as ``'{stages.affinity}'``.
        cams: The maps, such as ``'{stages.cams}'``.
        **settings: ``split``, ``alpha``, ``beta``, ``log2_steps``, ``refiner``, ``unsure_below``, ``masks``,
            ``mask_ids`` and ``coco_rle`` of :func:`write_random_walk`.

    Raises:
        ImportError: If the refiner needs a package that is not installed: before the first stage, not after it.
        FileNotFoundError: If ``masks`` or ``mask_ids`` are not there.
        TypeError: If a setting is unknown or of the wrong type.
        ValueError: If one is out of range.
    """

    def __init__(self, stage: str, checkpoint: str, cams: str, **settings: Any) -> None:
        self.stage = stage
        self.checkpoint = checkpoint
        self.cams = cams
        self.settings = check_settings(write_random_walk, settings, WALK_CHECKS)
        if not REFERENCE.search(f'{self.settings["masks"]} {self.settings["mask_ids"]}'):  # else made by another stage
            check_masks(self.settings['masks'], self.settings['mask_ids'])
        build_refiner(self.settings['refiner'])

    def run(self, context: StageContext) -> dict[str, Any]:
        """Write the labels into the folder of the stage; after a cut those that are missing."""
        cfg = context.config_of(self.stage)
        return write_random_walk(cfg, self.checkpoint, self.cams, context.work_dir, context.resumed, **self.settings)


def embedding(model: AffinityEncoderDecoder, data: Mapping[str, Any]) -> Tensor:
    """Return the features of an image of the data set, (1, D, h, w), without cells that hold padding alone."""
    batch = model.data_preprocessor(pseudo_collate([data]), False)
    features = model.embed(batch['inputs'])
    sides = zip(features.shape[2:], batch['data_samples'][0].img_shape[:2], batch['inputs'].shape[2:], strict=True)
    height, width = (-(-cells * side // padded) for cells, side, padded in sides)
    return features[:, :, :height, :width]


def _shares(masks: Tensor) -> Tensor:
    """Return non-negative masks (1, C, H, W) scaled to sum 1."""
    return masks / masks.sum(dim=1, keepdim=True).clamp(min=torch.finfo(masks.dtype).tiny)


def _class_ids(channels: Tensor, maps: ImageCAMs) -> ClassIds:
    """Turn channels, 255 where unsure, into class ids."""
    table: ClassIds = np.full(256, UNSURE, dtype=np.int64)
    table[: len(maps.classes) + 1] = [0, *maps.classes]
    ids: ClassIds = table[channels.cpu().numpy()]
    return ids


def _name(refiner: Mapping[str, Any] | None) -> str | None:
    return None if refiner is None else str(refiner['type'])
