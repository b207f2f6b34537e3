"""Settings of a schedule and of hooks that do not fit the loop or the metrics of a training; mmengine accepts them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from ..datasets.findings import WARNING, Finding
from ..datasets.formats.files import nearest
from ..datasets.formats.values import is_number, shown

SCORES = {'mIoU': ('mIoU', 'mAcc'), 'mDice': ('mDice', 'mAcc'), 'mFscore': ('mFscore', 'mPrecision', 'mRecall')}
"""Scores of ``IoUMetric`` in addition to ``aAcc``, by the names in ``iou_metrics``."""
TO_ZERO = {'PolyLR': 'end', 'CosineAnnealingLR': 'T_max'}
"""Schedules that end at a learning rate of ``eta_min``, and the settings of their length."""


def type_name(part: Any) -> str:
    """Return the name of the class of a part, without its module or scope; also for types that are classes.

    Example:
        >>> type_name({'type': 'mmengine.PolyLR'}), type_name({'type': dict}), type_name(None)
        ('PolyLR', 'dict', '')
    """
    named = part.get('type', '') if isinstance(part, Mapping) else ''
    return str(getattr(named, '__name__', named)).rpartition('.')[2]


def check_loop(cfg: Mapping[str, Any]) -> None:
    """Check what counts epochs in a loop of iterations, and the scores that hooks watch.

    Raises:
        ValueError: If a schedule or the checkpoints would have no effect before the end of the training, the first
            epoch would never end, or no metric has a score of that name.
    """
    if type_name(cfg.get('train_cfg')) == 'IterBasedTrainLoop':
        for key, schedule in _schedules(cfg):
            on_scores = type_name(schedule).startswith('ReduceOnPlateau')
            if schedule.get('by_epoch', True) and not schedule.get('convert_to_iter_based') and not on_scores:
                raise ValueError(
                    f'{key} ({type_name(schedule)}) counts epochs (by_epoch=True, the default), and an '
                    'IterBasedTrainLoop has none, so that it would have no effect: set by_epoch=False'
                )
        hook = (cfg.get('default_hooks') or {}).get('checkpoint')
        if isinstance(hook, Mapping) and hook.get('by_epoch', True) and hook.get('interval', -1) > 0:
            raise ValueError(
                'default_hooks.checkpoint counts epochs (by_epoch=True, the default), and an IterBasedTrainLoop has '
                'none, so that there would be no checkpoint before the end of the training: set by_epoch=False'
            )
    endless = {'val_dataloader': 'the validation', 'test_dataloader': 'the test'}
    if type_name(cfg.get('train_cfg')) == 'EpochBasedTrainLoop':
        endless['train_dataloader'] = 'the first epoch of the EpochBasedTrainLoop'
    for key, what in endless.items():
        sampler = type_name((cfg.get(key) or {}).get('sampler'))
        if 'InfiniteSampler' in sampler:
            raise ValueError(
                f"{key}.sampler ({sampler}) never ends, and neither would {what}: use dict(type='DefaultSampler', "
                f'shuffle={key == "train_dataloader"})'
            )
    _check_watched(cfg)


def idle_findings(cfg: Mapping[str, Any]) -> list[Finding]:
    """Return a warning about a learning rate that is 0 before the end of a training."""
    total = (cfg.get('train_cfg') or {}).get('max_iters', 0)
    schedules = [*_schedules(cfg)]
    if type_name(cfg.get('train_cfg')) != 'IterBasedTrainLoop' or not schedules:
        return []
    key, last = schedules[-1]
    length = TO_ZERO.get(type_name(last), '')
    begin, end, period = (last.get(name) or 0 for name in ('begin', 'end', 'T_max'))
    if not length or last.get('eta_min') or last.get('eta_min_ratio'):
        return []
    if not all(map(is_number, (total, begin, end, period))):
        return []  # an error when the schedule is built
    end = min((value for value in (end, period and begin + period) if value), default=total)
    if end >= total:
        return []
    text = (
        f'{key} ({type_name(last)}) ends at a learning rate of 0 after {end} iterations, and the training has {total}'
    )
    return [Finding(WARNING, text, f'set its {length} to {total}; otherwise nothing is learned in the rest')]


def _schedules(cfg: Mapping[str, Any]) -> Iterator[tuple[str, Mapping[str, Any]]]:
    """Yield the schedules of a training with one optimizer, with their keys."""
    found = cfg.get('param_scheduler')
    for index, schedule in enumerate(found if isinstance(found, list) else []):
        if isinstance(schedule, Mapping):
            yield f'param_scheduler.{index}', schedule
    if isinstance(found, Mapping) and 'type' in found:
        yield 'param_scheduler', found


def _check_watched(cfg: Mapping[str, Any]) -> None:
    """Compare the scores that hooks watch with those of the metrics, if all of them are known."""
    evaluator = cfg.get('val_evaluator')
    names = list[str]()
    for metric in evaluator if isinstance(evaluator, list) else [evaluator]:
        if not isinstance(metric, Mapping) or type_name(metric) != 'IoUMetric' or metric.get('prefix'):
            return
        kinds = metric.get('iou_metrics', ['mIoU'])
        names += ['aAcc', *(name for kind in ([kinds] if isinstance(kinds, str) else kinds) for name in SCORES[kind])]
    best = ((cfg.get('default_hooks') or {}).get('checkpoint') or {}).get('save_best')
    watched = [('default_hooks.checkpoint.save_best', name) for name in (best if isinstance(best, list) else [best])]
    for index, hook in enumerate(cfg.get('custom_hooks') or []):
        if type_name(hook) == 'EarlyStoppingHook':
            watched.append((f'custom_hooks.{index}.monitor', hook.get('monitor')))
    for key, name in watched:
        if name not in (None, 'auto', *names):
            raise ValueError(f'{key}: val_evaluator has no score {shown(name)}; {nearest(str(name), names)}')
