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
from torch import Tensor

from ..checkpoints.weights import check_weights
from ..datasets.pseudo_label_files import UNSURE
from ..functional import affinities, random_walk
from ..functional.checks import check_positive, check_share
from ..models.segmentors import AffinityNetwork
from .images import chosen_classes, prediction_dataset
from .label_folder import ClassIds, LabelAndConfidence, names_of, write_label_folder
from .mask_accuracy import TruthScores
from .refined_cams import CAMReader, class_ids_of, class_shares, refiner_name, soft_masks


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
        TypeError: If the network is not an ``AffinityNetwork``.
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
    if not isinstance(model, AffinityNetwork):
        raise TypeError(
            f'the random walk needs an AffinityNetwork, got {type(model).__name__}: name the config or stage of '
            'the affinity network'
        )
    check_weights(model, str(checkpoint))
    scores = TruthScores(masks, chosen_classes(cfg, reader.dataset.metainfo['classes']), model.num_classes, mask_ids)
    name = '_'.join(['walk', split, reader.tags, *filter(None, [refiner_name(refiner)])])
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
        confidence, channels = class_shares(reader.refined(soft, image))[0].max(dim=0)
        scores.add(name, names_of(info, reader.dataset)[0], class_ids_of(channels, maps))
        return class_ids_of(torch.where(confidence < unsure_below, UNSURE, channels), maps), confidence.numpy()

    def count_kept(info: dict[str, Any], labels: ClassIds) -> None:
        scores.add(name, names_of(info, reader.dataset)[0], labels.astype(np.int64))

    source = {
        'checkpoint': str(checkpoint), 'cams': str(cams), 'alpha': alpha, **walk, 'refiner': refiner_name(refiner),
        'unsure_below': unsure_below, 'split': split,
    }  # fmt: skip
    written = write_label_folder(
        reader.dataset, folder, label_image, source, coco_rle=coco_rle, title='random walk',
        keep=keep and not (masks and unsure_below), count_kept=count_kept,
    )  # fmt: skip
    return {**written, **scores.compute()}


def embedding(model: AffinityNetwork, data: Mapping[str, Any]) -> Tensor:
    """Return the features of an image of the data set, (1, D, h, w), without cells that hold padding alone."""
    batch = model.data_preprocessor(pseudo_collate([data]), False)
    features = model.embed(batch['inputs'])
    sides = zip(features.shape[2:], batch['data_samples'][0].img_shape[:2], batch['inputs'].shape[2:], strict=True)
    height, width = (-(-cells * side // padded) for cells, side, padded in sides)
    return features[:, :, :height, :width]
