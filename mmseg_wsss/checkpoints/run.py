"""The run that a checkpoint belongs to, the settings of the run, and the checkpoint that a training resumes from."""

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
"""Key of the run in the ``meta`` of a checkpoint: ``id``, ``started`` and ``settings``."""
NEEDED = {'meta': ('iter', 'epoch'), 'message_hub': ()}
"""Keys that a training needs for a resume, in addition to weights and optimizer."""
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
"""Arguments of a Runner without an effect on the results of a training."""
SETTINGS = (*(key for key in inspect.signature(Runner).parameters if key not in NOT_COMPARED), 'runner_type', 'task')
"""Settings that the results of a training or a task depend on."""


def new_run(settings: Mapping[str, Any]) -> dict[str, Any]:
    """Return the identity of a new run.

    Args:
        settings: The settings that its results depend on, as plain JSON values.
    """
    return {
        'id': uuid.uuid4().hex,
        'started': datetime.now().astimezone().isoformat(sep=' ', timespec='seconds'),
        'settings': dict(settings),
    }


def run_of(checkpoint: Mapping[str, Any]) -> dict[str, Any] | None:
    """Return the identity of the run that wrote a checkpoint, or None if it is unknown.

    The run is identified by its ``id``, which a resume keeps, while ``settings`` may change.
    """
    run = (checkpoint.get('meta') or {}).get(RUN_KEY)
    if not isinstance(run, Mapping) or not all(isinstance(run.get(key), str) for key in ('id', 'started')):
        return None
    return {'settings': {}, **run}


def checkpoint_to_go_on_from(work_dir: str | Path, resume: str | None) -> str | None:
    """Return the checkpoint that a training in a folder resumes from, or None if it starts from the beginning.

    Args:
        work_dir: The folder.
        resume: A checkpoint, ``'auto'`` for the newest complete one in the folder, or None for a new training.

    Raises:
        CheckpointError: If the checkpoint cannot be read.
        WorkDirError: If the folder contains checkpoints of another run, or any checkpoints for a new training.
    """
    if resume is None:
        there = numbered_checkpoints(work_dir)
        if there:
            raise WorkDirError(
                f'{work_dir} holds checkpoints of a training ({", ".join(path.name for path in there)}), and a new one '
                'would overwrite them: resume it with --resume, choose another --work-dir, or delete them'
            )
        return None
    if resume == 'auto':
        newest = newest_checkpoint_of_one_run(work_dir)
        if newest is None:
            print_log(f'no checkpoint in {work_dir} to resume from: the training starts from the beginning')
        return None if newest is None else str(newest)
    if '://' not in resume:
        check_readable(resume)
        refuse_other_runs(work_dir, Path(resume))
    return resume


def newest_checkpoint_of_one_run(work_dir: str | Path) -> Path | None:
    """Return the newest readable checkpoint of a folder, or None; all checkpoints must belong to the same run.

    Raises:
        WorkDirError: If they do not.
    """
    newest = newest_loadable_checkpoint(work_dir)
    if newest is not None:
        refuse_other_runs(work_dir, newest)
    return newest


def refuse_other_runs(work_dir: str | Path, chosen: Path) -> None:
    """Raise an error for a folder with checkpoints of another run; checkpoints without an identity are accepted.

    Args:
        work_dir: The folder.
        chosen: The checkpoint to resume from.

    Raises:
        WorkDirError: If there are such checkpoints; the message has both runs and their checkpoints.
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
            f'{"whose run is unknown" if own is None else "whose run started " + own["started"]}: {listed}. '
            'Delete those of the run that you do not want, or resume in another folder: --resume CHECKPOINT '
            '--work-dir OTHER'
        )


def check_state(checkpoint: Mapping[str, Any], source: str) -> None:
    """Raise an error for a checkpoint that a training cannot be resumed from.

    Args:
        checkpoint: The checkpoint.
        source: Name of the checkpoint in the message.

    Raises:
        CheckpointError: If it contains only weights, or no optimizer.
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
    """Return the settings that the results of a stage depend on, as plain JSON values.

    Variables of the config file that are not settings of a Runner are left out, as are loggers and worker processes.

    Args:
        config: Config of the stage.
        keys: The settings to include; by default those of a training or a task.
    """
    chosen = {key: config[key] for key in keys if key in config}
    settings: dict[str, Any] = json.loads(json.dumps(chosen, default=json_name))
    for key in ('logger', 'timer', 'visualization'):
        (settings.get('default_hooks') or {}).pop(key, None)
    for key in ('train_dataloader', 'val_dataloader', 'test_dataloader'):
        for option in OF_LOADERS:
            (settings.get(key) or {}).pop(option, None)
    (settings.get('task') or {}).pop('workers', None)
    return settings


def differences(old: Any, new: Any, key: str = '') -> Iterator[str]:
    """Yield the changes between two nested JSON values, one per line."""
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
    """Return the identity in a file, or None, also if it cannot be read, because it cannot be resumed."""
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
    """Return the name of a class or function of a config, to be stored as JSON."""
    return f'{value.__module__}.{value.__qualname__}' if hasattr(value, '__qualname__') else repr(value)
