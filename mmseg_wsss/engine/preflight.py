"""Find problems that would make a training fail or learn nothing, from its model and data, before it starts."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import torch
from mmengine.dataset import InfiniteSampler
from mmengine.model import BaseDataPreprocessor
from mmseg.datasets.transforms import RandomCrop
from mmseg.models import SegDataPreProcessor
from torch import nn
from torch.nn.modules.batchnorm import _BatchNorm
from torch.utils.data import DataLoader

from ..datasets.audit import LabelAudit
from ..datasets.crop_draws import draw_crops
from ..datasets.findings import ERROR, WARNING, Finding
from ..datasets.label_checks import MaskReader
from ..datasets.label_counts import count_labels
from ..models.segmentors.batch import full_scale
from ..models.segmentors.head_checks import check_same_number
from ..models.segmentors.label_use import label_use

ONE_VALUE = (1, (1, 1), (1,))


def audited_datasets(dataset: Any) -> Iterator[Any]:
    """Yield the data sets of this project inside of wrappers such as ``ConcatDataset`` and ``SeededDataset``."""
    if hasattr(dataset, 'audit'):
        yield dataset
        return
    inner = [*getattr(dataset, 'datasets', ()), getattr(dataset, 'dataset', None)]
    # ClassMaskDataset uses boxes and masks of a data set without a pipeline, and checks them itself
    if not hasattr(dataset, 'auxiliary_ids'):
        for part in inner:
            if part is not None:
                yield from audited_datasets(part)


def audit_training(model: nn.Module, dataset: Any, num_draws: int = 0) -> list[LabelAudit]:
    """Return the audits of training data, from file to loss.

    Args:
        model: The network, without wrappers.
        dataset: The training data.
        num_draws: Number of crops to draw from every data set.
    """
    use = label_use(model)
    audits = []
    for part in audited_datasets(dataset):
        audit = part.audit.of_model(use)
        if audit.routes is not None:
            draws = (
                draw_crops(part, part.pipeline.transforms, num=num_draws) if num_draws and audit.pixel_kinds else None
            )
            audits.append(audit.of_draws(draws))
    return audits


def audit_masks(dataset: Any) -> LabelAudit | None:
    """Return the audit of the masks of a data set that does not have an audit, such as those of mmseg.

    Args:
        dataset: A data set that predictions are compared with; None is returned for one without mask files.
    """
    if hasattr(dataset, 'audit') or not hasattr(dataset, 'ignore_index') or 'classes' not in dataset.metainfo:
        return None
    infos = [dataset.get_data_info(index) for index in range(len(dataset))]
    masks = {info['img_path']: info['seg_map_path'] for info in infos if info.get('seg_map_path')}
    if not masks or not all(Path(path).is_file() for path in masks.values()):
        return None
    classes = dataset.metainfo['classes']
    label_map = getattr(dataset, 'label_map', None)
    shift = int(getattr(dataset, 'reduce_zero_label', False))
    reader = MaskReader(classes, False, dataset.ignore_index, shift, label_map, any_values=label_map is not None)
    values, _ = reader.read(masks)
    source = str((getattr(dataset, 'data_prefix', None) or {}).get('seg_map_path', 'the masks'))
    return LabelAudit(source, count_labels([], classes, values), None, evaluation=True)


def check_network(model: nn.Module, loader: DataLoader[Any]) -> list[Finding]:
    """Return the problems of a network with its training data.

    Args:
        model: The network, without wrappers.
        loader: The loader of the training data.
    """
    found, dataset = [], loader.dataset
    infinite = isinstance(loader.sampler, InfiniteSampler)
    batch_size = loader.batch_size  # None with a sampler of whole batches
    if batch_size is not None:
        number = 0 if infinite else len(loader.sampler)  # type: ignore[arg-type]  # mmengine's samplers have a length
        if not infinite and loader.drop_last and number < batch_size:
            found.append(
                Finding(
                    ERROR,
                    f'{number} images make no batch of {batch_size}, and drop_last=True leaves out incomplete batches: '
                    'nothing would be trained',
                    f'set train_dataloader.batch_size to {number} or less, or drop_last=False',
                )
            )
        batch_size = smallest_batch(batch_size, number, infinite=infinite, drop_last=loader.drop_last)
    num_classes = getattr(model, 'num_classes', None)
    for part in audited_datasets(dataset):
        if num_classes is not None:
            try:
                check_same_number(len(part.metainfo['classes']), num_classes)
            except ValueError as error:
                found.append(Finding(ERROR, str(error)))
    found += check_preprocessor(model, dataset)
    names = pooled_batch_norms(model)
    if batch_size == 1 and names:
        more = f' and {len(names) - 1} more' if len(names) > 1 else ''
        found.append(
            Finding(
                ERROR,
                f'batch normalisation of a pooled map needs two images, and a batch has one: {names[0]}{more} of the '
                'network sees one value per channel ("Expected more than 1 value per channel when training")',
                'set train_dataloader.batch_size to 2 or more (and drop_last=True where one image is left over), or '
                "another norm_cfg of the head, such as dict(type='GN', num_groups=8)",
            )
        )
    return found


def check_preprocessor(model: nn.Module, dataset: Any) -> list[Finding]:
    """Return the problems of a data preprocessor with the pipeline, and with the scale of its images.

    Args:
        model: The network, without wrappers.
        dataset: The training data.
    """
    preprocessor = getattr(model, 'data_preprocessor', None)
    if type(preprocessor) is BaseDataPreprocessor:
        text = 'model.data_preprocessor is missing, so that images would not become batches'
        return [Finding(ERROR, text, "set it to dict(type='SegDataPreProcessor', size=..., mean=..., std=...)")]
    if not isinstance(preprocessor, SegDataPreProcessor):
        return []
    found = []
    size = preprocessor.size
    for part in audited_datasets(dataset):
        for step in part.pipeline.transforms:
            crop = step.crop_size if isinstance(step, RandomCrop) else None
            if size and crop and (size[0] < crop[0] or size[1] < crop[1]):
                text = f'model.data_preprocessor.size={tuple(size)} is smaller than crop_size={tuple(crop)}'
                cure = 'set both to the same size; otherwise batches with an image that is smaller than a crop fail'
                found.append(Finding(ERROR, text, cure))
    mean, std = (getattr(preprocessor, name, torch.tensor(255.0)) for name in ('mean', 'std'))
    if (std == 0).any():
        found.append(Finding(ERROR, 'model.data_preprocessor.std has a 0', 'every input would be NaN or infinite'))
    elif mean.any() and mean.max() <= 1 and std.max() <= 1 and full_scale(preprocessor) == 255:
        found.append(
            Finding(
                WARNING,
                'model.data_preprocessor.mean and std are those of images from 0 to 1, and these are from 0 to 255',
                'multiply both by 255',
            )
        )
    return found


def smallest_batch(batch_size: int, num_images: int, *, infinite: bool, drop_last: bool) -> int:
    """Return the size of the smallest batch of one process.

    Args:
        batch_size: Size of a complete batch.
        num_images: Number of images per epoch.
        infinite: Whether a batch may contain the end of one epoch and the start of the next.
        drop_last: Whether an incomplete batch at the end of an epoch is left out.

    Example:
        >>> smallest_batch(4, 9, infinite=False, drop_last=False), smallest_batch(4, 9, infinite=True, drop_last=False)
        (1, 4)
    """
    rest = num_images % batch_size
    return batch_size if infinite or drop_last or not rest else rest


def pooled_batch_norms(model: nn.Module) -> list[str]:
    """Return the names of trained batch normalisations after a pooling to one pixel.

    Example:
        >>> pool = nn.Sequential(nn.AdaptiveAvgPool2d(1), nn.Conv2d(4, 4, 1), nn.BatchNorm2d(4))
        >>> pooled_batch_norms(nn.Sequential(pool))
        ['0.2']
    """
    found = []
    for prefix, module in model.named_modules():
        if not isinstance(module, nn.Sequential):
            continue
        pooled = False
        for name, part in module.named_children():
            if isinstance(part, nn.AdaptiveAvgPool2d | nn.AdaptiveMaxPool2d) and _one_value(part.output_size):
                pooled = True
            elif pooled:
                norms = [inner for inner, layer in part.named_modules() if isinstance(layer, _BatchNorm)]
                found += ['.'.join(filter(None, (prefix, name, inner))) for inner in norms]
    return found


def _one_value(size: int | Sequence[int | None] | None) -> bool:
    return size in ONE_VALUE or (isinstance(size, Sequence) and tuple(size) in ONE_VALUE)
