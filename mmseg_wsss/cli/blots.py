"""``wsss blots``: write the point blots of all training images to their cache before the training."""

from __future__ import annotations

import argparse

from ._arguments import add_cfg_options, add_worker_arguments, launched, overridden_config, tell


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the arguments of the command."""
    parser.description = 'Compute the point blots of all training images and write them to their cache.'
    parser.add_argument('config', help='a config whose training pipeline has LoadPointBlots with a cache_dir')
    add_worker_arguments(parser)
    add_cfg_options(parser)


def run(args: argparse.Namespace) -> int:
    """Compute the blots and print how much of the images they cover."""
    with launched(args):
        _grow(args)
    return 0


def _grow(args: argparse.Namespace) -> None:
    import numpy as np
    from mmengine.dist import all_gather_object, get_rank, get_world_size
    from mmengine.registry import init_default_scope
    from mmseg.registry import DATASETS, TRANSFORMS

    from .. import plugin  # noqa: F401
    from ..datasets.transforms.load_point_blots import KEY, LoadPointBlots
    from ..datasets.workers import each
    from ..engine.start_errors import faults_of_parts

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

    def share_of(index: int) -> float:
        return float((dataset[index][KEY] != 255).mean())

    own = range(get_rank(), len(dataset), get_world_size())
    shares = list(each(share_of, own, workers=args.workers, title='growing'))
    shares = [share for part in all_gather_object(shares) for share in part]
    tell(
        f'{steps[places[0]].cache_dir}: blots of {len(dataset)} images; they cover {np.mean(shares):.1%} of an '
        f'image, from {min(shares):.1%} to {max(shares):.1%}'
    )
