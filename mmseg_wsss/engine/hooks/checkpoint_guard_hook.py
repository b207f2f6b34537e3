"""Checkpoints that identify their run, and that are loaded completely or not at all."""

from __future__ import annotations

import warnings
from collections.abc import Mapping
from typing import Any

from mmengine.hooks import Hook
from mmengine.optim import OptimWrapper
from mmengine.runner import Runner
from mmseg.registry import HOOKS

from ...checkpoints.loading import CheckpointError
from ...checkpoints.run import RUN_KEY, check_state, differences, new_run, relevant_settings, run_of
from ...checkpoints.weights import compare_weights, unwrapped, weights_of
from ..loop_faults import type_name

SHOWN_CHANGES = 8
ALLOW = 'or load only what fits with --allow-missing'
OF_OPTIMIZER = ('auto_scale_lr', 'optim_wrapper.', 'param_scheduler')
"""Settings that mmengine would take from the checkpoint instead of the config."""


@HOOKS.register_module()
class CheckpointGuardHook(Hook):
    """Identifies the checkpoints that a training writes and checks those that it loads; part of every training.

    Every checkpoint gets ``meta['run']``: an ``id`` that a resume keeps, when the run ``started``, and the
    ``settings`` that its results depend on (not the numbers of worker processes, nor loggers). A resume with other
    settings logs the differences. Those of the optimizer and the schedule take effect, although mmengine would take the
    learning rate, the weight decay and the schedule from the checkpoint.

    An error is raised, in ``load_from`` and on a resume, for weights that are missing or have another shape; on a
    resume also for weights that the network does not have, for a checkpoint without the state of a training, and for an
    optimizer that is missing or has other groups of parameters. With ``allow_missing=True`` in the config
    (``--allow-missing``) the training loads what fits and starts a new optimizer if necessary, with a warning.

    Priority: before the hooks that use what is loaded.
    """

    priority = 'VERY_HIGH'
    _repeats_schedule = False

    def before_run(self, runner: Runner) -> None:
        """Begin a run, which a resume replaces by an older one."""
        self.run = new_run(_settings(runner))

    def before_save_checkpoint(self, runner: Runner, checkpoint: dict[str, Any]) -> None:
        """Write the identity of the run to the checkpoint."""
        checkpoint['meta'][RUN_KEY] = self.run

    def after_load_checkpoint(self, runner: Runner, checkpoint: dict[str, Any]) -> None:
        """Check that the checkpoint fits, and continue its run on a resume.

        Raises:
            CheckpointError: If the checkpoint does not fit.
        """
        source = str(runner._load_from or 'the checkpoint')
        resumes = bool(runner._resume)
        allowed = bool(runner.cfg.get('allow_missing', False))
        if resumes:
            check_state(checkpoint, source)
        fits = self._check_weights(runner, checkpoint, source, resumes, allowed)
        if resumes:
            self._check_optimizer(runner, checkpoint, source, fits, allowed)
            changed = self._go_on(runner, checkpoint)
            if 'optimizer' not in checkpoint or any(line.startswith(OF_OPTIMIZER) for line in changed):
                self._take_schedule_of_config(runner, checkpoint)

    def before_train(self, runner: Runner) -> None:
        """Repeat the steps of a changed schedule up to the iteration of the checkpoint."""
        if not self._repeats_schedule:
            return
        epoch_length = runner.iter // runner.epoch if runner.epoch else runner.iter + 1
        with warnings.catch_warnings():  # mmengine misses the steps of the optimizer
            warnings.filterwarnings('ignore', message='Detected call of `scheduler.step')
            for iteration in range(1, runner.iter + 1):
                for scheduler in runner.param_schedulers or []:
                    if not scheduler.by_epoch or iteration % epoch_length == 0:
                        scheduler.step()

    def _check_weights(
        self, runner: Runner, checkpoint: dict[str, Any], source: str, resumes: bool, allowed: bool
    ) -> bool:
        model = unwrapped(runner.model)
        found = compare_weights(model.state_dict(), weights_of(checkpoint, source))
        if not (found.missing or found.reshaped or (resumes and found.unexpected)):
            return True
        text = f'{source} does not fit {type(model).__name__}: {found}'
        if not allowed:
            raise CheckpointError(f'{text}. Pass a checkpoint of this network, {ALLOW}')
        runner.logger.warning(f'{text}; the rest is loaded (--allow-missing)')
        return False

    def _check_optimizer(
        self, runner: Runner, checkpoint: dict[str, Any], source: str, fits: bool, allowed: bool
    ) -> None:
        state = checkpoint.get('optimizer')
        kinds = [
            _optimizer_type(settings)
            for settings in ((run_of(checkpoint) or self.run)['settings'], self.run['settings'])
        ]
        if state is None:
            reason = f'{source} holds no optimizer, so a resumed training would not be exact'
        elif kinds[0] != kinds[1]:
            reason = f'{source} holds the state of {kinds[0]}, but optim_wrapper.optimizer is {kinds[1]}'
        elif not fits or _groups(state) != _own_groups(runner):
            reason = f'{source} holds an optimizer of other parameters than the config has'
        else:
            return
        if not allowed:
            raise CheckpointError(
                f'{reason}: begin with a new optimizer by --allow-missing, or start from only its weights with '
                '--cfg-options load_from=CHECKPOINT instead of --resume'
            )
        checkpoint.pop('optimizer', None)
        runner.logger.warning(f'{reason}; a new one begins (--allow-missing)')

    def _go_on(self, runner: Runner, checkpoint: dict[str, Any]) -> list[str]:
        run = run_of(checkpoint)
        if run is None:
            return []
        changed = list(differences(run['settings'], self.run['settings']))
        self.run = {**run, 'settings': self.run['settings']}
        if changed:
            more = f'; and {len(changed) - SHOWN_CHANGES} more' if len(changed) > SHOWN_CHANGES else ''
            runner.logger.warning(
                f'the run that started {run["started"]} resumes with other settings: '
                f'{"; ".join(changed[:SHOWN_CHANGES])}{more}'
            )
        return changed

    def _take_schedule_of_config(self, runner: Runner, checkpoint: dict[str, Any]) -> None:
        """Leave the settings of the optimizer and the schedules as they are in the config."""
        if not isinstance(runner, Runner) or _own_groups(runner) is None:
            runner.logger.warning('the optimizer and the schedule keep the settings of the checkpoint')
            return
        own = runner.optim_wrapper.state_dict()
        if 'optimizer' in checkpoint:
            checkpoint['optimizer'] |= {key: own[key] for key in ('param_groups', 'base_param_settings') if key in own}
        checkpoint.pop('param_schedulers', None)
        self._repeats_schedule = True


def _settings(runner: Runner) -> dict[str, Any]:
    """Return the settings of the run, without the checkpoint that it resumes from."""
    return {key: value for key, value in relevant_settings(runner.cfg).items() if key != 'load_from'}


def _optimizer_type(settings: Mapping[str, Any]) -> str:
    return type_name((settings.get('optim_wrapper') or {}).get('optimizer'))


def _groups(state: Mapping[str, Any]) -> list[int] | None:
    """Return the numbers of parameters in the groups of a saved optimizer; None for several optimizers."""
    groups = state.get('param_groups')
    return None if groups is None else [len(group['params']) for group in groups]


def _own_groups(runner: Runner) -> list[int] | None:
    wrapper = runner.optim_wrapper
    if not isinstance(wrapper, OptimWrapper):
        return None
    return [len(group['params']) for group in wrapper.optimizer.param_groups]
