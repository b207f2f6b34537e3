"""Schedules, checkpoints and hooks that would have no effect in the loop of their training are named."""

import pytest
from mmengine.runner import EpochBasedTrainLoop, IterBasedTrainLoop

from mmseg_wsss.engine.loop_faults import check_loop, idle_findings

ITERATIONS = {'type': 'IterBasedTrainLoop', 'max_iters': 8}
EPOCHS = {'type': EpochBasedTrainLoop, 'max_epochs': 8}
POLY = {'type': 'PolyLR', 'end': 8}
METRIC = {'type': 'mmseg.IoUMetric', 'iou_metrics': ['mIoU', 'mFscore']}


COUNTS = 'counts epochs (by_epoch=True, the default), and an IterBasedTrainLoop has none, so that'
POLY_COUNTS = f'(PolyLR) {COUNTS} it would have no effect: set by_epoch=False'


@pytest.mark.parametrize(
    ('settings', 'message'),
    [
        ({'param_scheduler': [{**POLY, 'by_epoch': False}, POLY]}, f'param_scheduler.1 {POLY_COUNTS}'),
        (
            {'param_scheduler': POLY, 'train_cfg': {'type': IterBasedTrainLoop, 'max_iters': 8}},
            f'param_scheduler {POLY_COUNTS}',
        ),
        (
            {'default_hooks': {'checkpoint': {'type': 'CheckpointHook', 'interval': 2000}}},
            f'default_hooks.checkpoint {COUNTS} there would be no checkpoint before the end of the training: set by_e',
        ),
        (
            {'default_hooks': {'checkpoint': {'save_best': 'miou'}}},
            "default_hooks.checkpoint.save_best: val_evaluator has no score 'miou'; ",
        ),
        (
            {'custom_hooks': [{'type': 'EarlyStoppingHook', 'monitor': 'mDice'}]},
            "custom_hooks.0.monitor: val_evaluator has no score 'mDice'; ",
        ),
        (
            {'train_cfg': EPOCHS, 'train_dataloader': {'sampler': {'type': 'ResumableInfiniteSampler'}}},
            'train_dataloader.sampler (ResumableInfiniteSampler) never ends, and neither would the first epoch',
        ),
        (
            {'val_dataloader': {'sampler': {'type': 'InfiniteSampler'}}},
            'val_dataloader.sampler (InfiniteSampler) never ends, and neither would the validation: use dict(type=',
        ),
    ],
)
def test_what_would_have_no_effect(settings, message):
    with pytest.raises(ValueError) as caught:  # noqa: PT011  the whole message is compared
        check_loop({'train_cfg': ITERATIONS, 'val_evaluator': METRIC, **settings})
    assert str(caught.value).startswith(message)


@pytest.mark.parametrize(
    'settings',
    [
        {'param_scheduler': POLY, 'train_cfg': EPOCHS, 'default_hooks': {'checkpoint': {'interval': 1}}},
        {'param_scheduler': [{**POLY, 'convert_to_iter_based': True}]},
        {'param_scheduler': {'type': 'ReduceOnPlateauLR', 'monitor': 'loss'}},
        {'param_scheduler': {'generator': [POLY]}},  # of several optimizers
        {'param_scheduler': None, 'default_hooks': {'checkpoint': None}, 'custom_hooks': None},
        {'default_hooks': {'checkpoint': {'interval': -1}}},  # only at the end
        {'default_hooks': {'checkpoint': {'by_epoch': False, 'interval': 2, 'save_best': ['mIoU', 'aAcc']}}},
        {'default_hooks': {'checkpoint': {'save_best': 'auto'}}},
        {'default_hooks': {'checkpoint': {'save_best': 'val/x'}}, 'val_evaluator': [METRIC, {'type': 'OwnMetric'}]},
        {'default_hooks': {'checkpoint': {'save_best': 'val/mIoU'}}, 'val_evaluator': {**METRIC, 'prefix': 'val'}},
    ],
)
def test_what_is_right(settings):
    check_loop({'train_cfg': ITERATIONS, 'val_evaluator': METRIC, **settings})


ZERO = 'ends at a learning rate of 0 after'


@pytest.mark.parametrize(
    ('last', 'message'),
    [
        (
            {**POLY, 'end': 6},
            f'param_scheduler.1 (PolyLR) {ZERO} 6 iterations, and the training has 8: set its end to 8;',
        ),
        (
            {'type': 'CosineAnnealingLR', 'begin': 1, 'T_max': 3},
            f'param_scheduler.1 (CosineAnnealingLR) {ZERO} 4 iterations, and the training has 8: set its T_max to 8;',
        ),
        ({**POLY, 'end': 6, 'eta_min': 1e-4}, None),
        ({**POLY, 'end': 80}, None),
        ({'type': 'PolyLR'}, None),
        ({'type': 'PolyLR', 'end': 'x'}, None),
        ({'type': 'MultiStepLR', 'milestones': [2]}, None),
    ],
)
def test_a_rate_of_0_before_the_end(last, message):
    warmup = {'type': 'LinearLR', 'end': 2, 'by_epoch': False}
    found = idle_findings({'train_cfg': ITERATIONS, 'param_scheduler': [warmup, last]})
    assert [str(finding)[: len(message or '')] for finding in found] == [message] * (message is not None)
    assert not idle_findings({'train_cfg': EPOCHS, 'param_scheduler': [last]})
