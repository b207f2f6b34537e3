"""Predictions on images without public masks, in the form that the evaluation server of PASCAL VOC requires."""

from __future__ import annotations

import copy
import tarfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from mmengine.config import Config
from mmengine.dataset import pseudo_collate
from mmengine.dist import barrier, get_world_size, is_main_process
from mmengine.model import BaseModel
from mmengine.registry import init_default_scope
from mmseg.registry import DATASETS, MODELS

from ..datasets.class_sets import VOC_CLASSES, VOC_PALETTE
from ..datasets.pseudo_label_files import index_picture
from ..datasets.workers import WorkerSettings, each
from ..files import whole_file
from .images import LOADERS_OF_LABELS, ReadableDataset, reader_of
from .label_folder import missing_indices, names_of
from .predictions import load_model

COMPETITIONS = ('comp5_test_cls', 'comp6_test_cls')
"""Training with only VOC's own images and masks, and with any others."""
LOADERS = (*LOADERS_OF_LABELS, 'LoadImageTags')


@dataclass(frozen=True, kw_only=True)
class SubmissionSettings(WorkerSettings):
    """Settings of a submission.

    Args:
        ids: Text file with one image id per line; a relative path starts at the ``data_root`` of the test data.
        tta: Whether to average the views of ``tta_pipeline``.
        competition: ``'comp6_test_cls'``, or ``'comp5_test_cls'`` for a network that was only trained on VOC's own
            images, without ImageNet weights.
        workers: Same as in :class:`~mmseg_wsss.datasets.workers.WorkerSettings`.

    Raises:
        ValueError: If the competition is unknown.
    """

    ids: str = 'ImageSets/Segmentation/test.txt'
    tta: bool = False
    competition: str = 'comp6_test_cls'

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.competition not in COMPETITIONS:
            raise ValueError(f'competition must be one of {", ".join(COMPETITIONS)}, got {self.competition!r}')


def write_voc_submission(
    cfg: Config, checkpoint: str | Path, folder: str | Path, settings: SubmissionSettings | None = None
) -> dict[str, Any]:
    """Predict images without masks and pack the predictions for the evaluation server.

    The images are read by the pipeline of the test data, without masks, weak labels or tags. A network that prunes
    classes uses its own scores.

    Args:
        cfg: Config of the network and of the data.
        checkpoint: Checkpoint of the network.
        folder: The folder to write to: ``results/VOC2012/Segmentation/<competition>/<image id>.png``, palette images of
            class ids, and their archive ``results.tgz`` for the server.
        settings: Which images, and how they are predicted.

    Returns:
        ``images``, their number, and ``archive``, the path of the archive.

    Raises:
        FileNotFoundError: If the list or an image is missing.
        ValueError: If the classes are not those of VOC, the network needs the tags of the images, the config has no
            views to average, or the weights do not fit the network.
    """
    settings = settings or SubmissionSettings()
    init_default_scope(cfg.get('default_scope', 'mmseg'))
    dataset: ReadableDataset = DATASETS.build(unlabelled_dataset(cfg, settings.ids, tta=settings.tta))
    if tuple(dataset.metainfo['classes']) != tuple(VOC_CLASSES):
        raise ValueError(
            f'a submission needs the 21 classes of VOC in their order, but the test data has '
            f'{", ".join(dataset.metainfo["classes"])}'
        )
    model = load_model(cfg, checkpoint, BaseModel)
    predictor = MODELS.build({**cfg.tta_model, 'module': model}).eval() if settings.tta else model
    results = Path(folder) / 'results/VOC2012/Segmentation' / settings.competition

    def write(index: int) -> None:
        (sample,) = predictor.test_step(pseudo_collate([dataset[index]]))
        labels = sample.pred_sem_seg.data[0].cpu().numpy().astype(np.uint8)
        with whole_file(results / f'{names_of(dataset.get_data_info(index), dataset)[0]}.png') as file:
            index_picture(labels, VOC_PALETTE).save(file, format='PNG', optimize=True)

    with torch.no_grad():
        for _ in each(write, missing_indices(dataset), workers=settings.workers, title='test'):
            pass
    barrier()
    archive = Path(folder) / 'results.tgz'
    if is_main_process():
        pack(Path(folder) / 'results', archive, len(dataset))
    barrier()
    return {'images': len(dataset), 'archive': str(archive)}


def unlabelled_dataset(cfg: Config, ids: str, *, tta: bool = False) -> dict[str, Any]:
    """Return the settings of the test data for other images without labels.

    Args:
        cfg: A config.
        ids: Text file with one image id per line.
        tta: Whether to use the pipeline of several views.

    Raises:
        ValueError: If the config has no ``tta_pipeline`` or ``tta_model``, and ``tta`` is set.
    """
    settings = copy.deepcopy(reader_of(cfg).dataset)
    while 'dataset' in settings and 'pipeline' not in settings:
        settings = settings.dataset
    if tta and not (cfg.get('tta_pipeline') and cfg.get('tta_model')):
        raise ValueError('the config has no tta_pipeline and tta_model, so there are no views to average')
    for key in ('weak_labels', 'use_dense_masks', 'only_classes', 'without_classes', 'indices'):
        settings.pop(key, None)
    settings.get('data_prefix', {}).pop('seg_map_path', None)
    pipeline = without_labels(cfg.tta_pipeline if tta else settings.pipeline)
    return {**settings, 'ann_file': ids, 'pipeline': pipeline, 'test_mode': True}


def without_labels(pipeline: Sequence[Mapping[str, Any]]) -> list[Any]:
    """Return a test pipeline without the steps that read labels, including those inside ``TestTimeAug``.

    Example:
        >>> without_labels([{'type': 'LoadImageFromFile'}, {'type': 'LoadAnnotations'}, {'type': 'PackSegInputs'}])
        [{'type': 'LoadImageFromFile'}, {'type': 'PackSegInputs'}]
    """
    kept = []
    for step in pipeline:
        if step['type'] in LOADERS:
            continue
        if step['type'] == 'TestTimeAug':
            choices = [[one for one in choice if one['type'] not in LOADERS] for choice in step['transforms']]
            step = {**step, 'transforms': [choice for choice in choices if choice]}
        kept.append(step)
    return kept


def pack(results: Path, archive: Path, number: int) -> None:
    """Pack the folder ``results`` into an archive.

    Raises:
        ValueError: If the folder contains another number of pictures, such as those of an earlier list.
    """
    found = sorted(results.rglob('*.png'))
    if len(found) != number:
        raise ValueError(
            f'{results} contains {len(found)} pictures, but {number} were expected ({get_world_size()} processes): '
            'write into a folder without earlier results'
        )
    with whole_file(archive) as file, tarfile.open(fileobj=file, mode='w:gz') as tar:
        tar.add(results, arcname='results')
