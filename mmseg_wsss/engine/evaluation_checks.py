"""Find problems of the data of a validation or test, from its first samples, before hours of training."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from mmengine.evaluator import BaseMetric
from mmseg.evaluation import IoUMetric
from mmseg.models import SegDataPreProcessor
from torch import nn
from torch.utils.data import DataLoader

from ..datasets.findings import ERROR, WARNING, Finding
from ..datasets.weak_seg_dataset import WeakSegDataset
from ..structures.class_names import plain_name
from .preflight import audited_datasets

FORMAT_ONLY = 'wsss predict, or wsss test --out DIR --cfg-options test_evaluator.format_only=True'
NO_VALIDATION = 'to train without validation: val_dataloader = None, val_cfg = None, val_evaluator = None'


def class_findings(learned: Sequence[str] | None, dataset: Any, split: str) -> list[Finding]:
    """Return an error if classes of an evaluation have other ids than in the training, and a warning for other names.

    Args:
        learned: The classes of the training; None: not known.
        dataset: The data that predictions are compared with.
        split: Its name, for the message.
    """
    compared = dataset.metainfo.get('classes')
    if not learned or not compared:
        return []
    names = [[*map(plain_name, classes)] for classes in (learned, compared)]
    if names[0] == names[1]:
        return []
    cure = f'give {split}_dataloader.dataset the same classes in the same order (metainfo)'
    if len(learned) != len(compared):
        text = f'the network learns {len(learned)} classes, and the {split} data has {len(compared)}'
        return [Finding(ERROR, text, cure)]
    index = next(index for index, pair in enumerate(zip(*names, strict=True)) if pair[0] != pair[1])
    text = f'class {index} is {learned[index]!r} in the training data and {compared[index]!r} in the {split} data'
    return [Finding(ERROR if sorted(names[0]) == sorted(names[1]) else WARNING, text, cure)]


def check_evaluated(
    model: nn.Module | None, loader: DataLoader[Any], metrics: Sequence[BaseMetric], split: str
) -> list[Finding]:
    """Return the problems of the data of an evaluation, of which one or two images are loaded.

    Args:
        model: The network, without wrappers; None: not known.
        loader: The loader of the data.
        metrics: The metrics.
        split: ``'val'`` or ``'test'``.
    """
    dataset = loader.dataset
    needs_masks = any(isinstance(metric, IoUMetric) and not metric.format_only for metric in metrics)
    if needs_masks and not all(map(_has_masks, audited_datasets(dataset))):
        return [_no_masks(split, f"set data_prefix=dict(..., seg_map_path='...') of {split}_dataloader.dataset")]
    first = dataset[0]
    if not isinstance(first, dict) or isinstance(first.get('data_samples', []), list):  # of test-time augmentation
        return []
    if needs_masks and 'gt_sem_seg' not in first['data_samples']:
        return [_no_masks(split, f"put dict(type='LoadAnnotations') into the pipeline of {split}_dataloader.dataset")]
    sample = first['data_samples']
    sizes = tuple(sample.gt_sem_seg.shape) if needs_masks else None, tuple(sample.metainfo.get('ori_shape', ())[:2])
    if needs_masks and sizes[1] and sizes[0] != sizes[1]:
        text = (
            f'{split} data: the masks have {sizes[0]} pixels (height, width), and predictions {sizes[1]}, as the files'
        )
        cure = "put dict(type='LoadAnnotations') after all transforms that change the size, and do not crop"
        return [Finding(ERROR, text, cure)]
    preprocessor = getattr(model, 'data_preprocessor', None)
    pads = not isinstance(preprocessor, SegDataPreProcessor) or preprocessor.test_cfg
    if (loader.batch_size or 1) == 1 or pads:
        return []
    shapes = [tuple(sample['inputs'].shape[1:]) for sample in (first, dataset[_of_another_size(dataset)])]
    if shapes[0] == shapes[1]:
        return []
    text = f'{split} data: the images of a batch must have one size, and there are {shapes[0]} and {shapes[1]}'
    return [
        Finding(
            ERROR,
            f'{text} (height, width)',
            f'set {split}_dataloader.batch_size=1, or pad them: model.data_preprocessor.test_cfg=dict(size_divisor=32)',
        )
    ]


def _has_masks(dataset: Any) -> bool:
    """Whether an evaluation data set has masks, or its pipeline makes them or does not need them."""
    if not isinstance(dataset, WeakSegDataset) or 'seg_map_path' in dataset.data_prefix:
        return True
    return not any(type(step).__name__ == 'LoadAnnotations' for step in dataset.pipeline.transforms)


def _no_masks(split: str, cure: str) -> Finding:
    text = f'{split} data: there are no masks to compare with'
    if split == 'val':
        return Finding(ERROR, text, f'{cure}, or, {NO_VALIDATION}')
    return Finding(WARNING, text, f'{cure}, or only write predictions: {FORMAT_ONLY}')


def _of_another_size(dataset: Any) -> int:
    """Return the first image whose file has another size than that of the first one, or the last image."""
    last = len(dataset) - 1
    if not isinstance(dataset, WeakSegDataset):
        return last
    sizes = (dataset.get_data_info(index).get('weak_label_size') for index in range(len(dataset)))
    first = next(sizes)
    return next((index for index, size in enumerate(sizes, start=1) if size != first), last)
