"""A tiny training with a validation, and the tools that run it, in this process."""

import itertools
import sys
from pathlib import Path
from unittest import mock

import torch
from mmengine.config import Config
from mmengine.hooks import Hook
from mmengine.runner import Runner
from mmseg.registry import HOOKS

from mmseg_wsss.checkpoints.loading import load_checkpoint
from tests.helpers.killing import KilledError
from tests.helpers.models import head_config, model_config
from tests.helpers.tools import load_tool

ROOT = Path(__file__).parents[2]
_numbers = itertools.count()
READ = [{'type': 'LoadShapesImage', 'with_mask': True}, {'type': 'PackSegInputs'}]
TRAIN = [
    {'type': 'LoadShapesImage'},
    {'type': 'LoadWeakAnnotations'},
    {'type': 'WeakRandomCrop', 'crop_size': (32, 32)},
    {'type': 'WeakRandomFlip', 'prob': 0.5},
    {'type': 'RasterizeWeakAnnotations'},
    {'type': 'PackWeakSegInputs'},
]
SHAPES = {'type': 'ShapesDataset', 'num_images': 4, 'size': (40, 40)}


@HOOKS.register_module()
class KillTrainingHook(Hook):
    """Ends the process before an iteration, or in a validation; at nothing by default."""

    priority = 'LOWEST'
    at = None

    def before_train_iter(self, runner, batch_idx, data_batch=None):
        if KillTrainingHook.at == runner.iter:
            raise KilledError

    def before_val_iter(self, runner, batch_idx, data_batch=None):
        if KillTrainingHook.at == 'val':
            raise KilledError


def killed(at, train, *arguments):
    """Run ``train`` until it is killed."""
    with mock.patch.object(KillTrainingHook, 'at', at):
        try:
            train(*arguments)
        except KilledError:
            return
    raise AssertionError(f'{train} ended before {at}')


def training_config(work_dir=None, **changes):
    """Four iterations, a checkpoint every two, one validation at the end."""
    data = {'batch_size': 1, 'num_workers': 0, 'sampler': {'type': 'DefaultSampler', 'shuffle': False}}
    data['dataset'] = {**SHAPES, 'num_images': 2, 'test_mode': True, 'pipeline': READ}
    cfg = {
        'custom_imports': {'imports': ['mmseg_wsss.plugin'], 'allow_failed_imports': False},
        'default_scope': 'mmseg',
        'model': model_config(head_config('fcn', 7, dropout_ratio=0.5), num_classes=7, test_cfg={'mode': 'whole'}),
        'train_dataloader': {
            'batch_size': 2,
            'num_workers': 0,
            'sampler': {'type': 'ResumableInfiniteSampler'},
            'dataset': {**SHAPES, 'pipeline': TRAIN},
        },
        'optim_wrapper': {'type': 'OptimWrapper', 'optimizer': {'type': 'SGD', 'lr': 0.05, 'momentum': 0.9}},
        'param_scheduler': [{'type': 'PolyLR', 'begin': 0, 'end': 8, 'by_epoch': False}],
        'train_cfg': {'type': 'IterBasedTrainLoop', 'max_iters': 4, 'val_interval': 100},
        'default_hooks': {
            'checkpoint': {'type': 'CheckpointHook', 'by_epoch': False, 'interval': 2, 'max_keep_ckpts': 3},
            'logger': {'type': 'LoggerHook', 'interval': 1, 'log_metric_by_epoch': False},
        },
        'log_processor': {'by_epoch': False},
        'custom_hooks': [{'type': 'ExactResumeHook'}, {'type': 'KillTrainingHook'}],
        'randomness': {'seed': 3},
        'log_level': 'ERROR',
    }
    for split in ('val', 'test'):
        cfg |= {f'{split}_dataloader': data, f'{split}_cfg': {'type': f'{split.title()}Loop'}}
        cfg |= {f'{split}_evaluator': {'type': 'IoUMetric'}}
    if work_dir is not None:
        cfg['work_dir'] = str(work_dir)
    return Config({**cfg, **changes})


def write_config(cfg, path):
    """Write a config as plain text; mmengine's own writer takes longer than a tiny training."""
    path.write_text(plain_text(cfg))
    return path


def plain_text(cfg):
    return ''.join(f'{key} = {value!r}\n' for key, value in cfg.to_dict().items())


def run_tool(name, *arguments):
    """Run ``tools/<name>.py``; a message that it ends with is raised as SystemExit.

    Settings, after ``--cfg-options``, come last.
    """
    settings = [] if '--cfg-options' in arguments else ['--cfg-options']
    settings.append(f'experiment_name=tiny_{next(_numbers)}')  # two within a second would share their logs and hub
    tool = load_tool(name)
    with (
        mock.patch.object(sys, 'argv', [f'{name}.py', *map(str, arguments), *settings]),
        mock.patch.object(Runner, '_log_env'),
        mock.patch.object(Config, 'pretty_text', property(plain_text)),
    ):
        tool.main()


def weights(path):
    return load_checkpoint(path)['state_dict']


def assert_same_weights(first, second):
    first, second = weights(first), weights(second)
    assert [name for name, value in first.items() if not torch.equal(value, second[name])] == []
