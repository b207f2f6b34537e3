"""The images to label, and what is known about them."""

from __future__ import annotations

import copy
import logging
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

from mmengine.config import Config, ConfigDict
from mmengine.dataset import Compose
from mmengine.logging import print_log
from mmseg.registry import DATASETS

from ..datasets.image_checks import spread
from ..datasets.transforms.load_weak_annotations import tags_of_sample
from ..datasets.workers import WorkerSettings
from ..functional.checks import check_positive, check_share
from ..structures import ImageDataset, Sample, WeakAnnotations

EMPTY_IMAGES = (False, True, 'skip')
SPLITS = ('train', 'val', 'test')
LOADERS_OF_LABELS = ('LoadAnnotations', 'LoadWeakAnnotations', 'LoadPseudoLabels')


class ReadableDataset(ImageDataset, Protocol):
    """A data set of mmengine, which also reads its images."""

    @property
    def pipeline(self) -> Compose:
        """What reads them."""

    def __getitem__(self, idx: int) -> dict[str, Any]:
        """Return an image as the pipeline packs it: ``inputs`` and ``data_samples``."""

    def get_subset_(self, indices: Sequence[int]) -> None:
        """Keep only these images."""


def check_split(value: Any, name: str) -> None:
    """Raise unless ``value`` names a data set of a config."""
    if value not in SPLITS:
        raise ValueError(f'{name} must be one of {", ".join(SPLITS)}, got {value!r}')


def prediction_dataset(cfg: Config, split: str, *, masks: bool = False) -> ReadableDataset:
    """Build the data set of a split for prediction, whose pipeline loads original images and no labels.

    Args:
        cfg: A config.
        split: ``'train'``, ``'val'`` or ``'test'``.
        masks: Whether to keep the folder of the true masks for scores, or that of the test data if the split has none.

    Raises:
        ValueError: If the split does not exist, or consists of several data sets.
    """
    loader = cfg.get(f'{split}_dataloader') if split in SPLITS else None
    if loader is None:
        raise ValueError(f'split {split!r}: choose from {", ".join(s for s in SPLITS if cfg.get(f"{s}_dataloader"))}')
    settings = copy.deepcopy(loader.dataset)
    while 'dataset' in settings and 'pipeline' not in settings:
        settings = settings.dataset
    if 'datasets' in settings:
        raise ValueError(
            f'{split}_dataloader.dataset is a {settings.type} of several data sets: predict them one by one'
        )
    reader = reader_of(cfg)
    pipeline = [step for step in reader.dataset.pipeline if step.type not in LOADERS_OF_LABELS]
    settings.update(pipeline=pipeline, test_mode=True)
    settings.pop('use_dense_masks', None)
    if 'data_prefix' in settings:  # masks may not exist, which is why labels are made
        folder = settings.data_prefix.pop('seg_map_path', None) or reader.dataset.data_prefix.get('seg_map_path')
        if masks and folder:
            settings.data_prefix.seg_map_path = folder
    dataset: ReadableDataset = DATASETS.build(settings)
    return dataset


def reader_of(cfg: Config) -> ConfigDict:
    """Return the data loader whose pipeline reads images for prediction.

    Raises:
        ValueError: If there is none.
    """
    reader = cfg.get('test_dataloader') or cfg.get('val_dataloader')
    if reader is None:
        raise ValueError('the config has no test_dataloader and no val_dataloader, whose pipeline reads the images')
    return reader


def known_classes(info: Sample) -> Sequence[int] | None:
    """Return the classes in the weak labels of an image, with its dense mask, or None if it has none.

    Raises:
        ValueError: If the data set has no weak labels.
    """
    if 'weak_annotations' not in info:
        raise ValueError('known_tags needs a data set with weak labels (WeakSegDataset), but this split is not one')
    return tags_of_sample(info)


def check_known(dataset: ImageDataset, split: str, kind: str) -> None:
    """Log the number of images without known tags or boxes.

    Args:
        dataset: The data set from :func:`prediction_dataset`.
        split: Name of the split, for the message.
        kind: ``'tags'``, which any weak label gives, or ``'boxes'``.

    Raises:
        ValueError: If no image has them, or the data set has no weak labels.
    """
    what, then = {
        'tags': ('weak label', 'predicted. Tag them, or remove them from ann_file'),
        'boxes': ('box', 'possible everywhere'),
    }[kind]
    known = [
        (info['img_path'], known_classes(info) is not None and (kind == 'tags' or len(info['weak_annotations'].boxes)))
        for info in map(dataset.get_data_info, range(len(dataset)))
    ]
    bare = [path for path, there in known if not there]
    if len(bare) == len(dataset):
        raise ValueError(
            f'known_{kind}=True, but none of the {len(dataset)} images of {split!r} has a {what}: set weak_labels of '
            f'{split}_dataloader.dataset, or predict without known {kind}'
        )
    if bare:
        print_log(
            f'known_{kind}=True, but {len(bare)} of the {len(dataset)} images of {split!r} have no {what} (first: '
            f'{bare[0]}): their classes are {then}',
            logger='current',
            level=logging.WARNING,
        )


def chosen_classes(cfg: Config, metainfo: Mapping[str, Any]) -> list[int]:
    """Return the ids of the ``classes`` of the test metric, else of the data's ``measured_classes``, else of all."""
    names = metainfo['classes']
    evaluator = cfg.get('test_evaluator') or cfg.get('val_evaluator')
    chosen = evaluator.get('classes') if isinstance(evaluator, Mapping) else None
    chosen = chosen or metainfo.get('measured_classes')
    return [names.index(name) for name in chosen] if chosen else list(range(len(names)))


@dataclass(frozen=True, kw_only=True)
class BoxImages(WorkerSettings):
    """The images of a data set with boxes that are labelled.

    Args:
        empty_images: How to handle images without boxes: False raises an error, True labels them as background, and
            ``'skip'`` leaves them out.
        share: Label only this share of the images, evenly spread, in (0, 1].
        workers: Same as in :class:`~mmseg_wsss.datasets.workers.WorkerSettings`.

    Raises:
        TypeError: If ``share`` is not a number.
        ValueError: If a setting is out of range.
    """

    empty_images: bool | str = False
    share: float = 1.0

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.empty_images not in EMPTY_IMAGES:
            raise ValueError(f"empty_images must be False, True or 'skip', got {self.empty_images!r}")
        check_positive(check_share(self.share, 'share'), 'share')


def images_with_boxes(settings: Mapping[str, Any], chosen: BoxImages) -> ReadableDataset:
    """:func:`images_with_labels` for boxes."""
    return images_with_labels(settings, chosen, ['boxes'])


def images_with_labels(settings: Mapping[str, Any], chosen: BoxImages, kinds: Sequence[str]) -> ReadableDataset:
    """Build a data set of original images to label from some kinds of their weak labels.

    Args:
        settings: Config of the data set.
        chosen: The images to label.
        kinds: Some of ``'points'``, ``'scribbles'`` and ``'boxes'``; an image needs one of them.

    Raises:
        ValueError: If no image has such a label, or one has none and ``empty_images`` is False.
    """
    pipeline = settings.get('pipeline') or [{'type': 'LoadImageFromFile'}]
    dataset: ReadableDataset = DATASETS.build({**settings, 'pipeline': pipeline, 'test_mode': True})
    infos = (dataset.get_data_info(index) for index in range(len(dataset)))
    labelled = (info.get('weak_annotations', WeakAnnotations()).select(kinds).num_labels for info in infos)
    bare = [index for index, count in enumerate(labelled) if not count]
    listed = ' or '.join(kinds)
    if len(bare) == len(dataset):
        raise ValueError(
            f'none of the {len(dataset)} images of the {type(dataset).__name__} has {listed}: labels from them need '
            "weak_labels with them, such as dict(format='voc_xml', path='Annotations')"
        )
    if bare and not chosen.empty_images:
        raise ValueError(
            f'{dataset.get_data_info(bare[0])["img_path"]} has no {listed} ({len(bare)} of {len(dataset)} '
            'images): label them, leave them out of --split (ann_file), or set --empty-images (empty_images) to '
            "background (True) if they contain only background, or to skip ('skip')"
        )
    skipped = set(bare if chosen.empty_images == 'skip' else ())
    kept = [index for index in range(len(dataset)) if index not in skipped]
    kept = spread(kept, max(1, round(chosen.share * len(kept))))
    if len(kept) < len(dataset):
        dataset.get_subset_(kept)
    return dataset
