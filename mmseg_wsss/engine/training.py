"""The start of a training, one at a time in a folder, from the beginning or from a checkpoint."""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from mmengine.config import Config
from mmengine.device import get_device
from mmengine.fileio import LocalBackend, get_file_backend
from mmengine.hooks import CheckpointHook
from mmengine.registry import RUNNERS
from mmengine.runner import Runner

from ..checkpoints.loading import CheckpointError, check_readable
from ..checkpoints.run import checkpoint_to_go_on_from
from ..checkpoints.work_dir import hold, lock_of
from .compiling import compile_backbone, take_compile
from .freed_memory import keep_freed_memory
from .hooks.checkpoint_guard_hook import CheckpointGuardHook
from .hooks.equal_buffers_hook import EqualBuffersHook
from .hooks.finite_weights_hook import FiniteWeightsHook
from .hooks.label_audit_hook import LabelAuditHook
from .hooks.last_validation_hook import LastValidationHook
from .hooks.validation_record_hook import ValidationRecordHook
from .optimizers import check_precision
from .processes import agree, connect, wrap_on_cpu
from .setting_faults import check_settings
from .short_console import short_console, summary_of
from .start_errors import BeganHook, faults_of_run

WHAT = 'the training could not begin'
_trainings = itertools.count()


def train(cfg: Config, resume: str | None = None) -> None:
    """Train a config: one training, or stages.

    Args:
        cfg: The config, with a ``work_dir``.
        resume: The checkpoint to resume from, ``'auto'`` for the newest one in the ``work_dir``, or None for a new
            training (``resume=True`` in the config means ``'auto'``, or its ``load_from``). Stages always resume.

    Raises:
        CheckpointError: If a checkpoint cannot be used, or is given for a training in stages.
        StartError: If a setting or a file is wrong, before the first iteration.
        WorkDirError: If another training runs in the ``work_dir``, or it contains checkpoints of another run.
    """
    if 'stages' in cfg:
        if resume not in (None, 'auto'):
            raise CheckpointError('--resume CHECKPOINT: stages find their checkpoints in the work dir: omit the path')
        with faults_of_run(cfg, WHAT):
            stages = RUNNERS.build(cfg)
        stages.train()
        return
    with faults_of_run(cfg, WHAT):
        check_settings(cfg)
    if resume is None and cfg.get('resume'):
        resume = cfg.get('load_from') or 'auto'
    connect(cfg)
    with sole_training(cfg.work_dir):
        checkpoint = agree(lambda: _checked_start(cfg, resume))
        cfg.resume = checkpoint is not None
        cfg.load_from = checkpoint or cfg.get('load_from')
        run_training(cfg)


def run_training(cfg: Config) -> None:
    """Build the runner of one training, with what belongs to every training, and train.

    Raises:
        StartError: If a setting or a file is wrong, before the first iteration.
    """
    if get_device() == 'cpu':
        keep_freed_memory()
    began = BeganHook()
    with faults_of_run(cfg, WHAT, began):
        cfg = with_own_name(cfg)
        check_settings(cfg)
        check_precision(cfg.optim_wrapper)
        wrap_on_cpu(cfg)
        compiled = take_compile(cfg)
        with short_console(cfg.get('log_level', 'INFO')):
            runner = RUNNERS.build(cfg) if 'runner_type' in cfg else Runner.from_cfg(cfg)
        runner.logger.info(summary_of(cfg, Path(runner.log_dir) / f'{runner.timestamp}.log'))
        guard(runner)
        if compiled is not None:
            compile_backbone(runner, compiled)
        runner.register_hook(began)
        runner.train()


def with_own_name(cfg: Config) -> Config:
    """Return the config of a training under a name that no earlier training of this process has.

    MMEngine looks up loggers, records and visualizers by name: with an equal name, a training would write into the
    folder of an earlier one. The first training of a process keeps its names.
    """
    number = next(_trainings)
    if number:
        cfg = cfg.copy()
        cfg.experiment_name = f'{cfg.get("experiment_name") or Path(cfg.filename or "training").stem}_{number}'
        if isinstance(cfg.get('visualizer'), dict):
            cfg.visualizer = {**cfg.visualizer, 'name': cfg.experiment_name}
    return cfg


def guard(runner: Runner) -> None:
    """Give a runner the hooks that belong to every training.

    They are responsible for checks of its labels, complete and identified checkpoints, the end of a training that
    diverges, validations with the network of the checkpoint, the last validation, and what a report shows of it.

    Args:
        runner: The runner, before it trains; hooks that it has already are not registered twice.
    """
    own = [LabelAuditHook(), CheckpointGuardHook(), FiniteWeightsHook(), EqualBuffersHook()]
    own += [LastValidationHook(), ValidationRecordHook()]
    for hook in own:
        if not any(isinstance(other, type(hook)) for other in runner.hooks):
            runner.register_hook(hook)
    for hook in runner.hooks:
        plain = isinstance(hook, CheckpointHook) and hook.file_client_args is None and hook.backend_args is None
        if plain and isinstance(get_file_backend(hook.out_dir or runner.work_dir), LocalBackend):
            hook.backend_args = {'backend': 'whole_file'}


@contextmanager
def sole_training(work_dir: str | Path) -> Iterator[None]:
    """Lock a folder against other trainings; the first process holds the lock.

    Raises:
        WorkDirError: On every process, if another training runs there.
    """
    lock = lock_of(work_dir)
    agree(lambda: hold(lock))
    try:
        yield
    finally:
        lock.release()


def _checked_start(cfg: Config, resume: str | None) -> str | None:
    """Return the checkpoint to resume from; one that is only loaded is checked before anything is built."""
    checkpoint = checkpoint_to_go_on_from(cfg.work_dir, resume)
    wanted = cfg.get('load_from')
    if checkpoint is None and wanted and '://' not in wanted:
        check_readable(wanted)
    return checkpoint
