"""The config of a training of a few iterations, and the checkpoint that it leaves."""

from __future__ import annotations

from pathlib import Path

from mmengine.config import Config
from mmengine.runner import Runner


def training_config(work_dir, model, train, test, *, max_iters=1, **changes) -> Config:
    """Two images at a time of the data set ``train`` for ``max_iters`` iterations, each of which leaves a checkpoint.

    ``test`` is the data set that pictures are predicted from; ``changes`` are other entries of the config.
    """
    cfg = {
        'default_scope': 'mmseg',
        'work_dir': str(work_dir),
        'model': model,
        'train_dataloader': {
            'batch_size': 2,
            'num_workers': 0,
            'sampler': {'type': 'ResumableInfiniteSampler'},
            'dataset': train,
        },
        'test_dataloader': {
            'batch_size': 1,
            'num_workers': 0,
            'sampler': {'type': 'DefaultSampler', 'shuffle': False},
            'dataset': {**test, 'test_mode': True},
        },
        'test_cfg': {'type': 'TestLoop'},
        'test_evaluator': {'type': 'IoUMetric'},
        'train_cfg': {'type': 'IterBasedTrainLoop', 'max_iters': max_iters},
        'optim_wrapper': {'type': 'OptimWrapper', 'optimizer': {'type': 'SGD', 'lr': 0.1}},
        'default_hooks': {'checkpoint': {'type': 'CheckpointHook', 'by_epoch': False, 'interval': 1}},
        'log_processor': {'by_epoch': False},
        'randomness': {'seed': 0},
        'log_level': 'ERROR',
    }
    return Config({**cfg, **changes})


def train(cfg: Config) -> Path:
    """Run the training of a config; its last checkpoint."""
    Runner.from_cfg(cfg).train()
    return Path(cfg.work_dir) / f'iter_{cfg.train_cfg.max_iters}.pth'
