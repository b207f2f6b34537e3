"""Checkpoints that identify their run, and that are loaded completely or not at all."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from mmengine.hooks import Hook
from mmengine.optim import OptimWrapper
from mmengine.runner import Runner
from mmseg.registry import HOOKS

from ...checkpoints.loading import CheckpointError
from ...checkpoints.run import RUN_KEY, check_state, differences, new_run, relevant_settings, run_of
from ...checkpoints.weights import compare_weights, unwrapped, weights_of

SHOWN_CHANGES = 8
ALLOW = 'or load only what fits with --allow-missing'


@HOOKS.register_module()
class CheckpointGuardHook(Hook):
    """Identifies the checkpoints that a training writes and checks those that it loads; part of every training.

    Every checkpoint gets ``meta['run']``: an ``id`` that a resume keeps, when the run ``started``, and the
    ``settings`` that its results depend on (not the numbers of worker processes, nor loggers). A resume with other
    settings logs the differences.

    An error is raised, in ``load_from`` and on a resume, for weights that are missing or have another shape; on a
    resume also for weights that the network does not have, for a checkpoint without the state of a training, and for an
    optimizer that is missing or has other groups of parameters. With ``allow_missing=True`` in the config
    (``--allow-missing``) the training loads what fits and starts a new optimizer if necessary, with a warning.

    Priority: before the hooks that use what is loaded.
    """

    priority = 'VERY_HIGH'

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
            self._go_on(runner, checkpoint)

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
        if state is None:
            reason = f'{source} holds no optimizer, so a resumed training would not be exact'
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

    def _go_on(self, runner: Runner, checkpoint: dict[str, Any]) -> None:
        run = run_of(checkpoint)
        if run is None:
            return
        changed = list(differences(run['settings'], self.run['settings']))
        self.run = {**run, 'settings': self.run['settings']}
        if changed:
            more = f'; and {len(changed) - SHOWN_CHANGES} more' if len(changed) > SHOWN_CHANGES else ''
            runner.logger.warning(
                f'the run that started {run["started"]} resumes with other settings: '
                f'{"; ".join(changed[:SHOWN_CHANGES])}{more}'
            )


def _settings(runner: Runner) -> dict[str, Any]:
    """Return the settings of the run, without the checkpoint that it resumes from."""
    return {key: value for key, value in relevant_settings(runner.cfg).items() if key != 'load_from'}


def _groups(state: Mapping[str, Any]) -> list[int] | None:
    """Return the numbers of parameters in the groups of a saved optimizer; None for several optimizers."""
    groups = state.get('param_groups')
    return None if groups is None else [len(group['params']) for group in groups]


def _own_groups(runner: Runner) -> list[int] | None:
    wrapper = runner.optim_wrapper
    if not isinstance(wrapper, OptimWrapper):
        return None
    return [len(group['params']) for group in wrapper.optimizer.param_groups]
