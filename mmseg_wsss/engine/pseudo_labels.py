"""Writing what a trained network predicts as labels for the next one."""

from __future__ import annotations

import copy
import logging
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import torch
from mmengine.config import Config, ConfigDict
from mmengine.dataset import pseudo_collate
from mmengine.device import get_device
from mmengine.logging import print_log
from mmengine.registry import init_default_scope
from mmseg.apis import init_model
from mmseg.registry import DATASETS, TASK_UTILS
from torch import Tensor

from ..datasets.pseudo_label_files import UNSURE
from ..functional._checks import check_share
from .checkpoints import check_weights
from .label_folder import LabelAndConfidence, write_label_folder
from .runner.stage_task import StageContext, StageTask, check_settings

SPLITS = ('train', 'val', 'test')
LOADERS_OF_LABELS = ('LoadAnnotations', 'LoadWeakAnnotations', 'LoadPseudoLabels')


def write_pseudo_labels(
    cfg: Config,
    checkpoint: str | Path,
    folder: str | Path,
    keep: bool = False,
    *,
    split: str = 'train',
    known_tags: bool = False,
    unsure_below: float = 0.0,
    coco_rle: bool = False,
) -> dict[str, Any]:
    """Predict the images of a split, without augmentation, and write them as pseudo-labels.

    The label of a pixel is its most probable class, its confidence the softmax probability of that class.

    Args:
        cfg: Config of the network and of the data.
        checkpoint: Its weights.
        folder: Where to write; see :mod:`mmseg_wsss.datasets.pseudo_label_files`.
        keep: Label only images whose files are missing or broken; the others must have been written with the same
            settings, by a run that was cut.
        split: ``'train'``, ``'val'`` or ``'test'``: which data set, read by the pipeline of the test data.
        known_tags: Set foreground classes that the image's weak labels do not name to 0 before the maximum, and scale
            the rest to sum 1. Images without any weak label are left as they are, and counted in the log.
        unsure_below: Pixels of less confidence than this become 255.
        coco_rle: Write ``coco_rle.json``, too.

    Returns:
        ``images``, the share ``unsure`` of all pixels, and the ``split``.

    Raises:
        ValueError: If a setting is out of range, the split cannot be read this way, tags are to be known and are of no
            image, or the weights do not fit.
    """
    unsure_below = check_share(unsure_below, 'unsure_below')
    init_default_scope(cfg.get('default_scope', 'mmseg'))
    dataset = prediction_dataset(cfg, split)
    if known_tags:
        check_known_tags(dataset, split)
    model = init_model(copy.deepcopy(cfg), str(checkpoint), device=get_device())
    check_weights(model, str(checkpoint))

    def label_image(index: int, info: dict[str, Any]) -> LabelAndConfidence:
        sample = model.test_step(pseudo_collate([dataset[index]]))[0]
        return label_and_confidence(sample.seg_logits.data, known_classes(info) if known_tags else None, unsure_below)

    settings = {'checkpoint': str(checkpoint), 'known_tags': known_tags, 'unsure_below': unsure_below, 'split': split}
    return write_label_folder(dataset, folder, label_image, settings, coco_rle=coco_rle, keep=keep)


@TASK_UTILS.register_module()
class WritePseudoLabels(StageTask):
    """:func:`write_pseudo_labels` as a stage; ``'{stages.NAME}/masks'`` are then the masks.

    Args:
        stage: The stage whose config says network and data.
        checkpoint: Its weights, such as ``'{stages.cam}'``.
        **settings: ``split``, ``known_tags``, ``unsure_below`` and ``coco_rle`` of :func:`write_pseudo_labels`.
    """

    def __init__(self, stage: str, checkpoint: str, **settings: Any) -> None:
        self.stage = stage
        self.checkpoint = checkpoint
        self.settings = check_settings(
            write_pseudo_labels, settings, {'split': check_split, 'unsure_below': check_share}
        )

    def run(self, context: StageContext) -> dict[str, Any]:
        """Write the labels into the folder of the stage; after a cut those that are missing."""
        cfg = context.config_of(self.stage)
        return write_pseudo_labels(cfg, self.checkpoint, context.work_dir, context.resumed, **self.settings)


def check_split(value: Any, name: str) -> None:
    """Raise unless ``value`` names a data set of a config."""
    if value not in SPLITS:
        raise ValueError(f'{name} must be one of {", ".join(SPLITS)}, got {value!r}')


def prediction_dataset(cfg: Config, split: str, *, masks: bool = False) -> Any:
    """Build the data set of a split for prediction: every image as it is, no labels loaded into the pipeline.

    Args:
        cfg: A config.
        split: ``'train'``, ``'val'`` or ``'test'``.
        masks: Keep the folder of the true masks, that of the test data where the split has none, for scores.

    Raises:
        ValueError: If there is no such split, or it is made of several data sets.
    """
    loader = cfg.get(f'{split}_dataloader') if split in SPLITS else None
    if loader is None:
        raise ValueError(f'split {split!r}: choose from {", ".join(s for s in SPLITS if cfg.get(f"{s}_dataloader"))}')
    settings = copy.deepcopy(loader.dataset)
    while 'dataset' in settings and 'pipeline' not in settings:
        settings = settings.dataset
    if 'datasets' in settings:
        raise ValueError(f'{split}_dataloader.dataset is a {settings.type} of several: predict them one by one')
    reader = reader_of(cfg)
    pipeline = [step for step in reader.dataset.pipeline if step.type not in LOADERS_OF_LABELS]
    settings.update(pipeline=pipeline, test_mode=True)
    settings.pop('use_dense_masks', None)
    if 'data_prefix' in settings:  # there may be no masks: that is why labels are made
        folder = settings.data_prefix.pop('seg_map_path', None) or reader.dataset.data_prefix.get('seg_map_path')
        if masks and folder:
            settings.data_prefix.seg_map_path = folder
    return DATASETS.build(settings)


def reader_of(cfg: Config) -> ConfigDict:
    """Return the data loader whose pipeline reads images for prediction.

    Raises:
        ValueError: If there is none.
    """
    reader = cfg.get('test_dataloader') or cfg.get('val_dataloader')
    if reader is None:
        raise ValueError('the config has no test_dataloader and no val_dataloader, whose pipeline reads the images')
    return reader


def known_classes(info: dict[str, Any]) -> Sequence[int] | None:
    """Return the classes that the weak labels of an image name, None if it has none.

    Raises:
        ValueError: If the data set has no weak labels.
    """
    if 'weak_annotations' not in info:
        raise ValueError('known_tags needs a data set with weak labels (WeakSegDataset), which this split is not')
    return info['weak_annotations'].image_tags()


def check_known_tags(dataset: Any, split: str) -> None:
    """Say in the log of how many images the tags are not known.

    Args:
        dataset: As :func:`prediction_dataset` builds it.
        split: Its name, for the message.

    Raises:
        ValueError: If they are known of none.
    """
    infos = (dataset.get_data_info(index) for index in range(len(dataset)))
    untagged = [info['img_path'] for info in infos if known_classes(info) is None]
    if len(untagged) == len(dataset):
        raise ValueError(
            f'known_tags=True, but none of the {len(dataset)} images of {split!r} has a tag or another weak label: set '
            f'weak_labels of {split}_dataloader.dataset, or predict without known tags'
        )
    if untagged:
        print_log(
            f'known_tags=True, but {len(untagged)} of the {len(dataset)} images of {split!r} have no weak label '
            f'(first: {untagged[0]}): their classes are predicted. Tag them, or leave them out of ann_file',
            logger='current',
            level=logging.WARNING,
        )


def label_and_confidence(logits: Tensor, known: Sequence[int] | None, unsure_below: float = 0.0) -> LabelAndConfidence:
    """Return class ids (H, W), 255 where unsure, and the probability of the class, (H, W).

    Args:
        logits: Scores of an image before softmax, (C, H, W), background first.
        known: Classes that may be there besides the background; None: all.
        unsure_below: See :func:`write_pseudo_labels`.

    Raises:
        ValueError: If there is one channel.
    """
    if len(logits) < 2:
        raise ValueError(
            'the network has one output channel: pseudo-labels need the background as a channel of its own'
        )
    logits = logits.float()
    if known is not None:
        absent = [index for index in range(1, len(logits)) if index not in known]
        logits = logits.index_fill(0, torch.tensor(absent, dtype=torch.long, device=logits.device), -torch.inf)
    confidence, labels = logits.softmax(dim=0).max(dim=0)
    labels = torch.where(confidence < unsure_below, UNSURE, labels)
    return labels.cpu().numpy(), confidence.clamp(0, 1).cpu().numpy()
