"""Writing what a trained network predicts as labels for the next one."""

from __future__ import annotations

import copy
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
from mmengine.config import Config, ConfigDict
from mmengine.dataset import pseudo_collate
from mmengine.device import get_device
from mmengine.dist import all_gather_object, barrier, get_rank, get_world_size, is_main_process
from mmengine.registry import init_default_scope
from mmseg.apis import init_model
from mmseg.registry import DATASETS, TASK_UTILS
from torch import Tensor
from tqdm import tqdm

from ..datasets.image_checks import image_size
from ..datasets.pseudo_label_files import UNSURE, PseudoLabelIndex, write_coco, write_index, write_pseudo_label
from .runner.stage_task import StageContext, StageTask

SPLITS = ('train', 'val', 'test')
LOADERS_OF_LABELS = ('LoadAnnotations', 'LoadWeakAnnotations', 'LoadPseudoLabels')
Map = np.ndarray[Any, Any]


def write_pseudo_labels(
    cfg: Config,
    checkpoint: str | Path,
    folder: str | Path,
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
        split: ``'train'``, ``'val'`` or ``'test'``: which data set, read by the pipeline of the test data.
        known_tags: Set foreground classes that the image's weak labels do not name to 0 before the maximum, and scale
            the rest to sum 1. Images without any weak label are left as they are.
        unsure_below: Pixels of less confidence than this become 255.
        coco_rle: Write ``coco_rle.json``, too.

    Returns:
        ``images``, the share ``unsure`` of all pixels, and the ``split``.

    Raises:
        ValueError: If a setting is out of range or the split cannot be read this way.
    """
    if not 0 <= unsure_below <= 1:
        raise ValueError(f'unsure_below must be in [0, 1], got {unsure_below}')
    init_default_scope(cfg.get('default_scope', 'mmseg'))
    dataset = prediction_dataset(cfg, split)
    model = init_model(copy.deepcopy(cfg), str(checkpoint), device=get_device())

    def label(index: int, info: dict[str, Any]) -> tuple[Map, Map]:
        sample = model.test_step(pseudo_collate([dataset[index]]))[0]
        return label_and_confidence(sample.seg_logits.data, known_classes(info) if known_tags else None, unsure_below)

    source = {'checkpoint': str(checkpoint), 'known_tags': known_tags, 'unsure_below': unsure_below, 'split': split}
    return write_label_folder(dataset, label, folder, source=source, coco_rle=coco_rle)


@torch.no_grad()
def write_label_folder(
    dataset: Any,
    label: Callable[[int, dict[str, Any]], tuple[Map, Map]],
    folder: str | Path,
    *,
    source: Mapping[str, Any],
    coco_rle: bool = False,
    title: str = 'pseudo-labels',
) -> dict[str, Any]:
    """Label all images of a data set, shared out to the processes, and write a folder of pseudo-labels.

    Args:
        dataset: As :func:`prediction_dataset` builds it.
        label: Gets the index and the information of an image and returns class ids, 255 where unsure, and confidence,
            (H, W) each.
        folder: Where to write; what is there under the same names is written anew.
        source: What ``pseudo_labels.json`` says of where the labels came from, the ``split`` among it.
        coco_rle: Write ``coco_rle.json``, too.
        title: Of the progress bar.

    Returns:
        ``images``, the share ``unsure`` of all pixels, and the ``split``.
    """
    palette = dataset.metainfo['palette']
    rows = []
    indices = range(get_rank(), len(dataset), get_world_size())
    for index in tqdm(indices, desc=title, disable=not is_main_process(), leave=False):
        info = dataset.get_data_info(index)
        labels, confidence = label(index, info)
        key, image = image_entry(info, dataset, labels.shape)
        write_pseudo_label(folder, key, labels, confidence, palette)
        rows.append((index, key, image, int((labels == UNSURE).sum()), labels.size))
    rows = sorted(row for part in all_gather_object(rows) for row in part)
    summary = {
        'images': len(rows),
        'unsure': round(sum(row[3] for row in rows) / max(1, sum(row[4] for row in rows)), 4),
        'split': source['split'],
    }
    index = make_index(dataset, {key: image for _, key, image, _, _ in rows}, {**source, **summary})
    if is_main_process():
        write_index(folder, index)
        if coco_rle:
            write_coco(folder, index)
    barrier()
    return summary


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
        self.settings = settings

    def run(self, context: StageContext) -> dict[str, Any]:
        """Write the labels into the folder of the stage."""
        return write_pseudo_labels(context.config_of(self.stage), self.checkpoint, context.work_dir, **self.settings)


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


def label_and_confidence(logits: Tensor, known: Sequence[int] | None, unsure_below: float = 0.0) -> tuple[Map, Map]:
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


def make_index(dataset: Any, images: dict[str, Any], source: dict[str, Any]) -> PseudoLabelIndex:
    """Return the index of what was made from the images of a data set."""
    palette = tuple((*map(int, colour),) for colour in dataset.metainfo['palette'])
    return PseudoLabelIndex(tuple(dataset.metainfo['classes']), palette, images, source)


def image_entry(info: dict[str, Any], dataset: Any, shape: Sequence[int]) -> tuple[str, dict[str, Any]]:
    """Return id and index entry of an image whose prediction has the ``shape`` (H, W).

    Raises:
        ValueError: If the image has another size.
    """
    key, file_name = names_of(info, dataset)
    _check_size(info['img_path'], tuple(shape))
    return key, {'file_name': file_name, 'width': shape[1], 'height': shape[0]}


def names_of(info: dict[str, Any], dataset: Any) -> tuple[str, str]:
    """Return the id of an image and its file name below the image folder."""
    folder = Path((getattr(dataset, 'data_prefix', None) or {}).get('img_path') or '.')
    path = Path(info['img_path'])
    name = path.relative_to(folder) if path.is_relative_to(folder) else Path(path.name)
    return info.get('sample_id') or name.with_suffix('').as_posix(), name.as_posix()


def _check_size(path: str, shape: tuple[int, ...]) -> None:
    if Path(path).is_file() and image_size(path) != shape[::-1]:
        width, height = image_size(path)
        raise ValueError(
            f'{path} is {width} x {height} and its prediction {shape[1]} x {shape[0]} (width x height): the test '
            'pipeline must keep ori_shape'
        )
