"""A run that was killed and resumed ends in the same weights as one that was not."""

import copy

import pytest
import torch
from mmengine.config import Config
from mmengine.runner import Runner

from mmseg_wsss.checkpoints.work_dir import newest_loadable_checkpoint
from tests.helpers.killing import KilledError
from tests.helpers.models import head_config, model_config


def run_config(work_dir, workers=0, accumulate=1, ema=False):
    pipeline = [
        {'type': 'LoadShapesImage'},
        {'type': 'LoadWeakAnnotations'},
        {
            'type': 'RandomResize',
            'resize_type': 'WeakResize',
            'scale': (48, 48),
            'ratio_range': (0.5, 2.0),
            'keep_ratio': True,
        },
        {'type': 'WeakRandomCrop', 'crop_size': (32, 32)},
        {'type': 'WeakRandomFlip', 'prob': 0.5},
        {'type': 'PhotoMetricDistortion'},
        {'type': 'RasterizeWeakAnnotations'},
        {'type': 'PackWeakSegInputs'},
    ]
    return Config(
        {
            'default_scope': 'mmseg',
            'experiment_name': f'{work_dir.name}',
            'work_dir': str(work_dir),
            'model': model_config(head_config('fcn', 7, dropout_ratio=0.5), num_classes=7),
            'train_dataloader': {
                'batch_size': 2,
                'num_workers': workers,
                'persistent_workers': workers > 0,
                'sampler': {'type': 'ResumableInfiniteSampler'},
                'dataset': {'type': 'ShapesDataset', 'num_images': 8, 'size': (48, 48), 'pipeline': pipeline},
            },
            'optim_wrapper': {
                'type': 'OptimWrapper',
                'accumulative_counts': accumulate,
                'optimizer': {'type': 'SGD', 'lr': 0.05, 'momentum': 0.9},
            },
            'param_scheduler': [{'type': 'PolyLR', 'begin': 0, 'end': 8, 'by_epoch': False}],
            'train_cfg': {'type': 'IterBasedTrainLoop', 'max_iters': 8},
            'default_hooks': {
                'checkpoint': {'type': 'CheckpointHook', 'by_epoch': False, 'interval': 4, 'max_keep_ckpts': 2},
                'logger': {'type': 'LoggerHook', 'interval': 100, 'log_metric_by_epoch': False},
            },
            'log_processor': {'by_epoch': False},
            'custom_hooks': [{'type': 'ExactResumeHook'}] + ([{'type': 'EMAHook'}] if ema else []),
            'randomness': {'seed': 3},
            'log_level': 'ERROR',
        }
    )


def final_state(config):
    model = Runner.from_cfg(config).train()
    return {name: value.clone() for name, value in model.state_dict().items()}


# With accumulated gradients mmengine moves the learning rate on before the first step, with a warning.
@pytest.mark.filterwarnings('ignore:Detected call of .scheduler.step:UserWarning:mmengine')
@pytest.mark.parametrize('options', [{}, {'workers': 2}, {'accumulate': 2, 'ema': True}])
def test_killed_and_resumed_is_the_same(tmp_path, options):
    expected = final_state(run_config(tmp_path / 'whole', **options))

    killed = run_config(tmp_path / 'killed', **options)
    with_kill = copy.deepcopy(killed)
    with_kill.custom_hooks = [*killed.custom_hooks, {'type': 'KillHook', 'iteration': 6}]
    with pytest.raises(KilledError):
        final_state(with_kill)

    (tmp_path / 'killed' / 'iter_6.pth').write_bytes(b'half a checkpoint')
    checkpoint = newest_loadable_checkpoint(tmp_path / 'killed')
    assert checkpoint.name == 'iter_4.pth'
    killed.resume, killed.load_from, killed.experiment_name = True, str(checkpoint), 'resumed'
    resumed = final_state(killed)
    different = [name for name, value in expected.items() if not torch.equal(value, resumed[name])]
    assert different == []


def test_another_seed_ends_elsewhere(tmp_path):
    first = run_config(tmp_path / 'a')
    second = run_config(tmp_path / 'b')
    second.randomness.seed = 4
    assert not torch.equal(
        final_state(first)['decode_head.conv_seg.weight'], final_state(second)['decode_head.conv_seg.weight']
    )


def test_checkpoint_between_accumulated_gradients_is_refused(tmp_path):
    with pytest.raises(ValueError, match=r'interval=4 is not a multiple.*accumulative_counts=3'):
        Runner.from_cfg(run_config(tmp_path, accumulate=3)).train()


def test_no_checkpoint_to_go_on_from(tmp_path):
    assert newest_loadable_checkpoint(tmp_path) is None
    (tmp_path / 'iter_2.pth').write_bytes(b'')
    assert newest_loadable_checkpoint(tmp_path) is None
