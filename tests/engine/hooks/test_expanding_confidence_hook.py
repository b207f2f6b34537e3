"""Scores that grow with the training: right numbers, the same on every rank, the same after a resume."""

import copy
import math
from types import SimpleNamespace

import pytest
import torch
import torch.multiprocessing as mp
from mmengine.logging import MessageHub
from mmengine.runner import Runner

from mmseg_wsss.engine.hooks import ExpandingConfidenceHook
from mmseg_wsss.engine.hooks.expanding_confidence_hook import iterations_per_epoch
from mmseg_wsss.models.pseudo_masks import CONFIDENCE_KEY, confidence_scores
from tests.helpers.killing import KilledError
from tests.helpers.pmp_runs import RecordScoresHook, run_config


def train(config):
    runner = Runner.from_cfg(config)
    runner.train()
    (record,) = (hook for hook in runner.hooks if isinstance(hook, RecordScoresHook))
    return runner, record


def expected_scores(losses, length, rates=(1.0, 2.0)):
    """What the formula says, from the losses of all iterations."""
    scores, means, result = (0.0, 0.0), [], []
    for number, _ in enumerate(losses, start=1):
        if number % length == 0:
            means.append(sum(losses[number - length : number]) / length)
            if len(means) > 1:
                gamma = min(max(means[-2] / means[-1] - 1, -0.025), 0.025)
                scores = tuple(score + rate * gamma for score, rate in zip(scores, rates, strict=True))
        result.append(scores)
    return result


def flat(scores):
    return [value for pair in scores for value in pair]


@pytest.mark.parametrize('by_epoch', [False, True])
def test_killed_and_resumed_is_the_same(tmp_path, by_epoch):
    whole, record = train(run_config(tmp_path / 'whole', by_epoch))
    assert iterations_per_epoch(whole) == 3  # 5 or 6 images, two at a time
    assert flat(record.scores) == pytest.approx(flat(expected_scores(record.losses, 3)), rel=1e-5)
    assert record.scores[5] != (0, 0)
    assert record.scores[5][1] == pytest.approx(2 * record.scores[5][0])
    if by_epoch:  # mmengine resumes epoch loops at the start of an epoch: see the next test
        return
    killed = run_config(tmp_path / 'killed')
    with_kill = copy.deepcopy(killed)
    with_kill.custom_hooks = [*killed.custom_hooks, {'type': 'KillHook', 'iteration': 6}]
    with pytest.raises(KilledError):
        train(with_kill)
    killed.resume, killed.load_from, killed.experiment_name = True, str(tmp_path / 'killed/iter_4.pth'), 'resumed'
    resumed, again = train(killed)
    assert again.scores == record.scores[4:]  # iteration 4 is inside the second epoch: the sums came along
    assert again.losses == record.losses[4:]
    expected = whole.model.state_dict()
    assert all(torch.equal(value, expected[name]) for name, value in resumed.model.state_dict().items())


@pytest.mark.parametrize('workers', [0, 2])
def test_a_resume_at_the_end_of_an_epoch_is_the_same(tmp_path, workers):
    config = run_config(tmp_path, by_epoch=True)
    config.default_hooks.checkpoint = {'type': 'CheckpointHook', 'by_epoch': True, 'interval': 1}
    config.train_dataloader.num_workers = workers
    whole = copy.deepcopy(config)
    whole.work_dir, whole.experiment_name = str(tmp_path / 'whole'), 'whole'
    uninterrupted, record = train(whole)
    with_kill = copy.deepcopy(config)
    with_kill.custom_hooks = [*config.custom_hooks, {'type': 'KillHook', 'iteration': 7}]
    runner = Runner.from_cfg(with_kill)
    with pytest.raises(KilledError):
        runner.train()
    (before,) = (hook for hook in runner.hooks if isinstance(hook, RecordScoresHook))
    config.resume, config.load_from, config.experiment_name = True, str(tmp_path / 'epoch_2.pth'), 'resumed'
    resumed, after = train(config)
    assert before.losses[:6] + after.losses == record.losses
    assert before.scores[:6] + after.scores == record.scores
    assert after.scores[0] == before.scores[5] != (0, 0)
    expected = uninterrupted.model.state_dict()
    assert all(torch.equal(value, expected[name]) for name, value in resumed.model.state_dict().items())


def test_weights_that_are_loaded_start_anew(tmp_path):
    train(run_config(tmp_path / 'first'))
    tuned = run_config(tmp_path / 'second', initial_score=0.1)
    tuned.load_from = str(tmp_path / 'first/iter_8.pth')
    tuned.train_cfg.max_iters = 1
    _, record = train(tuned)
    assert record.scores == [(0.1, 0.1)]


def test_a_second_training_of_the_same_name_and_second_starts_anew(tmp_path, monkeypatch):
    monkeypatch.setattr('mmengine.runner.runner.time.strftime', lambda *_: 'now')
    first, record = train(run_config(tmp_path / 'first'))
    again = run_config(tmp_path / 'again')
    again.experiment_name = 'first'
    again.visualizer = {'type': 'Visualizer', 'name': 'again'}
    second, repeated = train(again)
    assert second.message_hub is first.message_hub
    assert repeated.scores == record.scores
    assert record.scores[-1] != (0, 0)


class FakeRunner:
    """As much of a runner as the hook needs."""

    def __init__(self):
        self.iter = 0
        self.message_hub = MessageHub('fake' + str(id(self)))


def test_an_epoch_is_once_through_the_data_on_all_ranks_together():
    loader = SimpleNamespace(dataset=range(25), batch_size=4)
    runner = SimpleNamespace(train_dataloader=loader, train_loop=None, world_size=2)
    assert iterations_per_epoch(runner) == 4


def test_the_scores_are_logged():
    runner, hook = FakeRunner(), ExpandingConfidenceHook(epoch_length=1, initial_score=0.25)
    hook.before_train(runner)
    hook.after_train_iter(runner, 0, outputs={'loss': torch.tensor(1.0)})
    logged = {name: buffer.current() for name, buffer in runner.message_hub.log_scalars.items()}
    assert logged == {'train/background_score': 0.25, 'train/object_score': 0.25}


def feed(losses, **settings):
    runner, hook = FakeRunner(), ExpandingConfidenceHook(epoch_length=1, **settings)
    hook.before_train(runner)
    for loss in losses:
        hook.after_train_iter(runner, 0, outputs={'loss': torch.tensor(loss), 'loss_x': torch.tensor(1.0)})
        runner.iter += 1
    state = runner.message_hub.get_info(CONFIDENCE_KEY)
    return state['background_score'], state['object_score']


def test_by_hand():
    assert feed([1.0]) == (0, 0)
    assert feed([1.01, 1.0]) == pytest.approx((0.01, 0.02))
    assert feed([3.0, 2.0, 1.0]) == pytest.approx((0.05, 0.1))
    assert feed([3.0, 2.0, 9.0]) == pytest.approx((0, 0))
    assert feed([3.0, 2.0], object_rate=3.0, background_rate=0.0, max_step=0.1) == pytest.approx((0, 0.3))
    assert feed([3.0, 2.0], loss_name='loss_x') == (0, 0)


def test_scores_stay_where_they_can_be_felt():
    assert feed([2.0**-n for n in range(60)], max_step=0.1) == (1, 1)
    assert feed([2.0**n for n in range(60)], min_step=-0.1) == (-1, -1)


@pytest.mark.parametrize('bad', [math.nan, math.inf])
def test_a_loss_that_is_not_finite_is_left_out(bad):
    assert feed([2.0, bad, 1.0]) == feed([2.0, 1.0])


def _rank(rank, path, losses):
    torch.distributed.init_process_group('gloo', init_method=f'file://{path}', rank=rank, world_size=2)
    scores = feed(losses[rank])
    assert scores == pytest.approx((0.01, 0.02), rel=1e-5), scores
    torch.distributed.destroy_process_group()


def test_ranks_agree(tmp_path):
    """Means over the ranks: 1.01, then 1.0; each rank alone would step to a bound, and to the other one."""
    losses = [[2.0, 1.0], [0.02, 1.0]]
    mp.start_processes(_rank, (tmp_path / 'meet', losses), nprocs=2, start_method='fork')


@pytest.mark.parametrize(
    ('settings', 'message'),
    [
        ({'epoch_length': 0}, 'epoch_length must be a positive number of iterations, or None, got 0'),
        ({'epoch_length': 1.5}, 'epoch_length must be a positive number of iterations, or None, got 1.5'),
        ({'object_rate': -1.0}, 'the rates must not be negative, got -1.0 and 1.0'),
        ({'initial_score': 2.0}, r'initial_score must lie in \[-1, 1\], got 2.0'),
        ({'min_step': 0.1}, 'max_step must not be below 0 and min_step not above'),
    ],
)
def test_bad_settings(settings, message):
    with pytest.raises(ValueError, match=message):
        ExpandingConfidenceHook(**settings)


def test_an_unknown_loss_is_named():
    with pytest.raises(ValueError, match=r"loss_name='loss_y'\): the model logs no such loss.*'loss', 'loss_x'"):
        feed([1.0], loss_name='loss_y')


def test_outside_of_a_training_scores_are_zero():
    MessageHub.get_current_instance().pop_info(CONFIDENCE_KEY, None)
    assert confidence_scores() == (0, 0)
