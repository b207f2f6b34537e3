"""Trainings that diverge: they end with one line, and keep their checkpoints."""

from types import SimpleNamespace
from unittest.mock import Mock

import pytest
import torch
from mmengine.config import Config, ConfigDict
from mmengine.hooks import CheckpointHook
from torch import nn

from mmseg_wsss.checkpoints.loading import load_checkpoint
from mmseg_wsss.engine.hooks.finite_weights_hook import FiniteWeightsHook
from mmseg_wsss.engine.start_errors import DivergedError
from tests.helpers.trainings import run_tool, training_config, write_config

NAN = float('nan')


@pytest.fixture
def runner():
    model = nn.Sequential(nn.Conv2d(1, 2, 1), nn.BatchNorm2d(2))
    return SimpleNamespace(
        model=model,
        iter=119,
        epoch=2,
        max_iters=200,
        hooks=[CheckpointHook(interval=200, by_epoch=False)],
        logger=Mock(),
        cfg=ConfigDict(optim_wrapper={'optimizer': {'lr': 0.3}}),
    )


def losses(**values):
    return {name: torch.tensor(value) for name, value in values.items()}


def test_a_training_that_diverges_ends_before_it_replaces_a_checkpoint(tmp_path):
    cfg = training_config()
    cfg.train_cfg.max_iters = 40
    cfg.default_hooks.checkpoint.update(interval=2, max_keep_ckpts=1)
    path = write_config(cfg, tmp_path / 'tiny.py')
    run_tool('train', path, '--work-dir', tmp_path / 'run', '--cfg-options', 'train_cfg.max_iters=2')
    with pytest.raises(SystemExit, match='the training has diverged') as caught:
        run_tool(
            'train',
            path,
            '--work-dir',
            tmp_path / 'run',
            '--resume',
            '--cfg-options',
            'optim_wrapper.optimizer.lr=1e30',
        )
    said = caught.value.code
    assert '\n' not in said
    assert 'Lower optim_wrapper.optimizer.lr (now 1e+30)' in said
    (kept,) = (tmp_path / 'run').glob('iter_*.pth')
    assert all(torch.isfinite(value).all() for value in load_checkpoint(kept)['state_dict'].values())

    run_tool('train', path, '--work-dir', tmp_path / 'run', '--resume', '--cfg-options', 'train_cfg.max_iters=6')
    assert (tmp_path / 'run/iter_6.pth').is_file()


def test_the_message_names_the_losses_and_the_first_tensor(runner):
    runner.model[0].bias.data[1] = float('inf')
    with pytest.raises(DivergedError) as caught:
        FiniteWeightsHook().after_train_iter(runner, 0, outputs=losses(loss=NAN, loss_ce=NAN, loss_tags=0.5, acc=NAN))
    assert str(caught.value) == (
        'iteration 120, loss nan, loss_ce nan: the training has diverged: 1 of 6 tensors of the network are not '
        'finite, such as 0.bias. It ends here, before it replaces a checkpoint. Lower optim_wrapper.optimizer.lr '
        '(now 0.3), limit the gradients with optim_wrapper.clip_grad=dict(max_norm=1.0), or train without --amp, and '
        'resume from an earlier checkpoint with --resume'
    )


def test_a_step_that_mixed_precision_leaves_out_is_logged_once(runner):
    hook = FiniteWeightsHook()
    for _ in range(3):
        hook.after_train_iter(runner, 0, outputs=losses(loss=float('inf')))
    (line,) = (call.args[0] for call in runner.logger.warning.call_args_list)
    assert line.startswith('iteration 120, loss inf: the weights are still finite')


@pytest.mark.parametrize('outputs', [None, {}, losses(loss=0.5, loss_ce=0.5), losses(loss=0.5, acc=NAN)])
def test_after_a_finite_loss_the_weights_are_looked_at_when_a_checkpoint_is_due(runner, outputs):
    runner.model[0].bias.data[1] = NAN
    FiniteWeightsHook().after_train_iter(runner, 0, outputs=outputs)
    assert not runner.logger.warning.called
    runner.hooks[0].interval = 40
    with pytest.raises(DivergedError, match='^iteration 120: the training has diverged'):
        FiniteWeightsHook().after_train_iter(runner, 0, outputs=outputs)
    runner.hooks[0].interval, runner.max_iters = 200, 120  # the last iteration
    with pytest.raises(DivergedError, match='^iteration 120: the training has diverged'):
        FiniteWeightsHook().after_train_iter(runner, 0, outputs=outputs)


def test_statistics_of_batch_norm_count_and_masks_do_not(runner):
    hook = FiniteWeightsHook()
    runner.model[1].register_buffer('mask', torch.full((2,), float('-inf')))
    hook.after_train_epoch(runner)
    runner.model[1].running_var[0] = NAN
    with pytest.raises(DivergedError, match=r'epoch 3: .* 1 of 6 tensors .* such as 1\.running_var'):
        hook.after_train_epoch(runner)


def test_several_optimizers_have_no_one_learning_rate(runner):
    runner.model[0].bias.data[1] = NAN
    runner.cfg = Config({'optim_wrapper': {'constructor': 'Own'}})
    with pytest.raises(DivergedError, match=r'Lower optim_wrapper\.optimizer\.lr, limit'):
        FiniteWeightsHook().after_train_epoch(runner)
