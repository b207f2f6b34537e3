"""Starting a training: one at a time in a folder, from its beginning or from a checkpoint of its own."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, TypeVar

from mmengine.config import Config
from mmengine.dist import broadcast_object_list, init_dist, is_distributed, is_main_process
from mmengine.fileio import LocalBackend, get_file_backend
from mmengine.hooks import CheckpointHook
from mmengine.registry import RUNNERS
from mmengine.runner import Runner
from mmengine.utils.dl_utils import set_multi_processing

from ..checkpoints.loading import CheckpointError, check_readable
from ..checkpoints.run import checkpoint_to_go_on_from
from ..checkpoints.work_dir import hold, lock_of
from .hooks.checkpoint_guard_hook import CheckpointGuardHook
from .hooks.label_audit_hook import LabelAuditHook
from .hooks.last_validation_hook import LastValidationHook

Result = TypeVar('Result')


def train(cfg: Config, resume: str | None = None) -> None:
    """Train a config: one training, or stages.

    Args:
        cfg: The config, with a ``work_dir``.
        resume: The checkpoint to go on from, ``'auto'`` for the newest one in the ``work_dir``, or None for a new
            training (``resume=True`` in the config is ``'auto'``, or its ``load_from``). Stages always go on.

    Raises:
        CheckpointError: If a checkpoint cannot be used, or stages are to go on from one.
        WorkDirError: If another training runs in the ``work_dir``, or it has checkpoints of another run.
    """
    if 'stages' in cfg:
        if resume not in (None, 'auto'):
            raise CheckpointError(
                '--resume CHECKPOINT: stages find their checkpoints in the work dir: leave the path out'
            )
        RUNNERS.build(cfg).train()
        return
    if resume is None and cfg.get('resume'):
        resume = cfg.get('load_from') or 'auto'
    connect(cfg)
    with sole_training(cfg.work_dir):
        checkpoint = agree(lambda: _checked_start(cfg, resume))
        cfg.resume = checkpoint is not None
        cfg.load_from = checkpoint or cfg.get('load_from')
        runner = RUNNERS.build(cfg) if 'runner_type' in cfg else Runner.from_cfg(cfg)
        guard(runner)
        runner.train()


def guard(runner: Runner) -> None:
    """Give a runner what belongs to every training: checks of its labels and checkpoints, and its last validation.

    Args:
        runner: The runner, before it trains; hooks that it has already are not registered twice.
    """
    for hook in (LabelAuditHook(), CheckpointGuardHook(), LastValidationHook()):
        if not any(isinstance(other, type(hook)) for other in runner.hooks):
            runner.register_hook(hook)
    for hook in runner.hooks:
        plain = isinstance(hook, CheckpointHook) and hook.file_client_args is None and hook.backend_args is None
        if plain and isinstance(get_file_backend(hook.out_dir or runner.work_dir), LocalBackend):
            hook.backend_args = {'backend': 'whole_file'}


def connect(cfg: Config) -> None:
    """Connect the processes of a launcher, as a Runner does, before the first one is built."""
    launcher, environment = cfg.get('launcher', 'none'), cfg.get('env_cfg', {})
    if launcher != 'none' and not is_distributed():
        set_multi_processing(**environment.get('mp_cfg', {}), distributed=True)
        init_dist(launcher, **environment.get('dist_cfg', {'backend': 'nccl'}))


@contextmanager
def sole_training(work_dir: str | Path) -> Iterator[None]:
    """Keep other trainings out of a folder; the first process holds its lock.

    Raises:
        WorkDirError: On every process, if another training runs there.
    """
    lock = lock_of(work_dir)
    agree(lambda: hold(lock))
    try:
        yield
    finally:
        lock.release()


def agree(decide: Callable[[], Result]) -> Result:
    """Let the first process decide and tell the others; what it raises is raised by all."""
    decision: list[Any] = [None, None]
    if is_main_process():
        try:
            decision[0] = decide()
        except (ValueError, OSError) as error:
            decision[1] = error
    broadcast_object_list(decision)
    if decision[1] is not None:
        raise decision[1]
    return decision[0]


def _checked_start(cfg: Config, resume: str | None) -> str | None:
    """Return the checkpoint to go on from; one that is only to be loaded is checked before anything is built."""
    checkpoint = checkpoint_to_go_on_from(cfg.work_dir, resume)
    wanted = cfg.get('load_from')
    if checkpoint is None and wanted and '://' not in wanted:
        check_readable(wanted)
    return checkpoint
