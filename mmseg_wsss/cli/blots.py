"""``wsss blots``: write the point blots of all training images to their cache before the training."""

from __future__ import annotations

import argparse

import numpy as np
from mmengine.dataset import BaseDataset
from mmengine.registry import init_default_scope
from mmseg.registry import DATASETS, TRANSFORMS
from torch.utils.data import DataLoader, Dataset

import mmseg_wsss.plugin  # noqa: F401

from ..datasets.transforms.load_point_blots import KEY, LoadPointBlots
from ..engine.start_errors import faults_of_parts
from ._arguments import add_cfg_options, overridden_config
from ._labels import progress


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the arguments of the command."""
    parser.description = 'Compute the point blots of all training images and write them to their cache.'
    parser.add_argument('config', help='a config whose training pipeline has LoadPointBlots with a cache_dir')
    parser.add_argument('--workers', type=int, default=1, help='processes')
    add_cfg_options(parser)


def run(args: argparse.Namespace) -> int:
    """Compute the blots and print how much of the images they cover."""
    if args.workers < 1:
        raise ValueError(f'--workers must be at least 1, got {args.workers}')
    cfg = overridden_config(args.config, args.cfg_options)
    init_default_scope(cfg.get('default_scope', 'mmseg'))
    settings = cfg.get('train_dataloader', {}).get('dataset', {})
    while 'dataset' in settings:  # RepeatDataset and other wrappers
        settings = settings['dataset']
    with faults_of_parts(cfg):
        steps = [TRANSFORMS.build(step) for step in settings.get('pipeline', ())]
    places = [index for index, step in enumerate(steps) if isinstance(step, LoadPointBlots)]
    if not places or steps[places[0]].cache_dir is None:
        raise ValueError(
            f'{args.config}: the training pipeline has no LoadPointBlots with a cache_dir, so nothing to compute'
        )
    with faults_of_parts(cfg):
        dataset = DATASETS.build({**settings, 'lazy_init': False})
    dataset.pipeline.transforms = steps[: places[0] + 1]
    labelled = _all_shares(dataset, args.workers)
    print(
        f'{steps[places[0]].cache_dir}: blots of {len(dataset)} images; they cover {np.mean(labelled):.1%} of an '
        f'image, from {min(labelled):.1%} to {max(labelled):.1%}'
    )
    return 0


def _all_shares(dataset: BaseDataset, workers: int) -> list[float]:
    # data workers end when this process is killed, unlike those of an executor
    loader = DataLoader(_Shares(dataset), batch_size=None, num_workers=workers if workers > 1 else 0)
    return list(progress(loader, 'growing', len(dataset)))


class _Shares(Dataset[float]):
    """A data set that computes the blots of an image and returns the share of its pixels that they cover."""

    def __init__(self, dataset: BaseDataset) -> None:
        self.dataset = dataset

    def __len__(self) -> int:
        return len(self.dataset)

    def __getitem__(self, index: int) -> float:
        return float((self.dataset[index][KEY] != 255).mean())
