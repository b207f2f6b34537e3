"""Which run a checkpoint belongs to, how that run was set up, and which checkpoint a training goes on from."""

from __future__ import annotations

import inspect
import json
import uuid
from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime
from pathlib import Path
from typing import Any

from mmengine.logging import print_log
from mmengine.runner import Runner

from .loading import CheckpointError, check_readable
from .work_dir import WorkDirError, newest_loadable_checkpoint, numbered_checkpoints

RUN_KEY = 'run'
"""Where the ``meta`` of a checkpoint says which run it is of: ``id``, ``started`` and ``settings``."""
NEEDED = {'meta': ('iter', 'epoch'), 'message_hub': ()}
"""What a training needs to go on, besides weights and optimizer."""
OF_LOADERS = ('num_workers', 'persistent_workers', 'pin_memory', 'prefetch_factor')
NOT_COMPARED = (
    'cfg',
    'env_cfg',
    'experiment_name',
    'launcher',
    'log_level',
    'log_processor',
    'resume',
    'test_cfg',
    'test_dataloader',
    'test_evaluator',
    'visualizer',
    'work_dir',
)
"""Arguments of a Runner that no result of a training depends on."""
SETTINGS = (*(key for key in inspect.signature(Runner).parameters if key not in NOT_COMPARED), 'runner_type', 'task')
"""What a training or a task is made from."""


def new_run(settings: Mapping[str, Any]) -> dict[str, Any]:
    """Return the identity of a run that starts now.

    Args:
        settings: What its results depend on, as plain JSON values.
    """
    return {
        'id': uuid.uuid4().hex,
        'started': datetime.now().astimezone().isoformat(sep=' ', timespec='seconds'),
        'settings': dict(settings),
    }


def run_of(checkpoint: Mapping[str, Any]) -> dict[str, Any] | None:
    """Return the identity of the run that wrote a checkpoint, None if it does not say.

    The run is known by its ``id``, which a resume keeps; ``settings`` may change on the way.
    """
    run = (checkpoint.get('meta') or {}).get(RUN_KEY)
    if not isinstance(run, Mapping) or not all(isinstance(run.get(key), str) for key in ('id', 'started')):
        return None
    return {'settings': {}, **run}


def checkpoint_to_go_on_from(work_dir: str | Path, resume: str | None) -> str | None:
    """Return the checkpoint that a training in a folder goes on from, None if it starts from its beginning.

    Args:
        work_dir: The folder.
        resume: A checkpoint, ``'auto'`` for the newest one in the folder that is whole, or None for a new training.

    Raises:
        CheckpointError: If the checkpoint cannot be read.
        WorkDirError: If the folder has checkpoints of another run: of any for a new training.
    """
    if resume is None:
        there = numbered_checkpoints(work_dir)
        if there:
            raise WorkDirError(
                f'{work_dir} holds checkpoints of a training ({", ".join(path.name for path in there)}), and a new one '
                'would write over them: go on with it by --resume, choose another --work-dir, or delete them'
            )
        return None
    if resume == 'auto':
        newest = newest_checkpoint_of_one_run(work_dir)
        if newest is None:
            print_log(f'no checkpoint in {work_dir} to go on from: the training starts from its beginning')
        return None if newest is None else str(newest)
    if '://' not in resume:
        check_readable(resume)
        refuse_other_runs(work_dir, Path(resume))
    return resume


def newest_checkpoint_of_one_run(work_dir: str | Path) -> Path | None:
    """Return the newest checkpoint of a folder that can be read, or None, if all there are of the same run.

    Raises:
        WorkDirError: If they are not.
    """
    newest = newest_loadable_checkpoint(work_dir)
    if newest is not None:
        refuse_other_runs(work_dir, newest)
    return newest


def refuse_other_runs(work_dir: str | Path, chosen: Path) -> None:
    """Refuse to go on in a folder that has checkpoints of another run; those that do not say so pass.

    Args:
        work_dir: The folder.
        chosen: The checkpoint to go on from.

    Raises:
        WorkDirError: With both runs and their checkpoints.
    """
    own = _run_of_file(chosen)
    others: dict[str, list[str]] = {}
    for path in numbered_checkpoints(work_dir):
        run = _run_of_file(path)
        if run is not None and (own is None or run['id'] != own['id']):
            others.setdefault(run['started'], []).append(path.name)
    if others:
        listed = '; '.join(f'{", ".join(names)} of the run that started {start}' for start, names in others.items())
        raise WorkDirError(
            f'{work_dir} holds checkpoints of another run than {chosen}, '
            f'{"which does not say its run" if own is None else "whose run started " + own["started"]}: {listed}. '
            'Delete those of the run that you do not want, or go on in a folder of its own: --resume CHECKPOINT '
            '--work-dir OTHER'
        )


def check_state(checkpoint: Mapping[str, Any], source: str) -> None:
    """Refuse a checkpoint that a training cannot go on from.

    Args:
        checkpoint: The checkpoint.
        source: Names it in the message.

    Raises:
        CheckpointError: If it holds weights alone, or no optimizer.
    """
    lacking = [key for key in NEEDED if not isinstance(checkpoint.get(key), Mapping)]
    lacking += [
        f'{key}.{name}'
        for key, names in NEEDED.items()
        for name in names
        if key not in lacking and name not in checkpoint[key]
    ]
    if lacking:
        raise CheckpointError(
            f'{source} does not hold the state of a training (it has no {", ".join(lacking)}): to start from its '
            'weights, --cfg-options load_from=CHECKPOINT instead of --resume'
        )


def relevant_settings(config: Mapping[str, Any], keys: Sequence[str] = SETTINGS) -> dict[str, Any]:
    """Return what the results of a stage depend on, as plain JSON values.

    Variables of the config file that are not settings of a Runner are left out, as are loggers and worker processes.

    Args:
        config: Of the stage.
        keys: The settings that count; by default those of a training or a task.
    """
    chosen = {key: config[key] for key in keys if key in config}
    settings: dict[str, Any] = json.loads(json.dumps(chosen, default=json_name))
    for key in ('logger', 'timer', 'visualization'):
        (settings.get('default_hooks') or {}).pop(key, None)
    for key in ('train_dataloader', 'val_dataloader', 'test_dataloader'):
        for option in OF_LOADERS:
            (settings.get(key) or {}).pop(option, None)
    return settings


def differences(old: Any, new: Any, key: str = '') -> Iterator[str]:
    """Yield what changed between two nested JSON values, a line each."""
    if isinstance(old, dict) and isinstance(new, dict):
        for name in sorted({*old, *new}):
            inner = f'{key}.{name}' if key else name
            yield from differences(old.get(name, _MISSING), new.get(name, _MISSING), inner)
    elif isinstance(old, list) and isinstance(new, list) and len(old) == len(new):
        for index, (before, after) in enumerate(zip(old, new, strict=True)):
            yield from differences(before, after, f'{key}.{index}')
    elif old != new:
        yield f'{key}: {_short(old)} -> {_short(new)}'


def _run_of_file(path: Path) -> dict[str, Any] | None:
    """Return the identity in a file, None also if it cannot be read: nothing goes on from it."""
    try:
        return run_of(check_readable(path))
    except CheckpointError:
        return None


_MISSING = object()


def _short(value: Any) -> str:
    if value is _MISSING:
        return '(not set)'
    text = json.dumps(value)
    return text if len(text) <= 80 else f'{text[:77]}...'


def json_name(value: Any) -> str:
    """Return the name of a class or function of a config, to be kept as JSON."""
    return f'{value.__module__}.{value.__qualname__}' if hasattr(value, '__qualname__') else repr(value)
