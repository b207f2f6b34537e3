"""Small trainings: the config of a few iterations and the checkpoint it leaves, and descents to where they must get."""

from __future__ import annotations

import itertools
from collections.abc import Callable
from pathlib import Path

import pytest
from mmengine.config import Config
from mmengine.runner import Runner
from torch import Tensor
from torch.optim import Optimizer

_numbers = itertools.count()
# Of weights and dropout. One is enough to see that something learns; the others show how much room its limit has.
SEEDS = [0, *(pytest.param(seed, marks=pytest.mark.slow) for seed in range(1, 20))]


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
    """Run the training of a config under a name of its own, of which mmengine keeps a logger; its last checkpoint."""
    Runner.from_cfg(Config({**cfg, 'experiment_name': f'tiny_{next(_numbers)}'})).train()
    return Path(cfg.work_dir) / f'iter_{cfg.train_cfg.max_iters}.pth'


def descend(
    loss: Callable[[], Tensor], optimizer: Optimizer, until: Callable[[list[float]], bool], *, at_most: int
) -> list[float]:
    """Step down a loss until a condition on its values so far holds, and return them; fail after ``at_most`` steps.

    How many steps it takes depends on the last bits of every sum, which differ between processors: a loss after a fixed
    number of steps can be anything on the way down. Set ``at_most`` to several times what the slowest of ``SEEDS``
    takes. It costs nothing where fewer do.
    """
    values: list[float] = []
    for _ in range(at_most):
        value = loss()
        optimizer.zero_grad()
        value.backward()
        optimizer.step()
        values.append(value.item())
        if until(values):
            return values
    return pytest.fail(f'not reached in {at_most} steps: the loss went from {values[0]:.3g} to {values[-1]:.3g}')
