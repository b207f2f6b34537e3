"""The folder of a training: its checkpoints, and its marker if it is a stage."""

from __future__ import annotations

import json
import os
import re
from contextlib import suppress
from pathlib import Path
from typing import Any, TypedDict

from filelock import FileLock, Timeout
from mmengine.fileio import LocalBackend, register_backend
from mmengine.logging import print_log

from ..files import temporary_path, whole_file
from .loading import CheckpointError, UntrustedCheckpointError, check_readable

LOCK = '.training.lock'


class WorkDirError(ValueError):
    """A folder that a training cannot use; the message states the reason and what to do, in one line."""


@register_backend('whole_file')
class WholeFileBackend(LocalBackend):
    """The local disk, on which files are written completely or not at all, even if the power fails."""

    def put(self, obj: bytes, filepath: str | Path) -> None:
        """Write a temporary file, wait until it is on the disk, and rename it.

        Args:
            obj: Content of the file.
            filepath: Path of the file.
        """
        with whole_file(filepath) as file:
            file.write(obj)
            file.flush()
            os.fsync(file.fileno())
        if hasattr(os, 'O_DIRECTORY'):  # folders cannot be synchronised on Windows
            folder = os.open(Path(filepath).parent, os.O_RDONLY | os.O_DIRECTORY)
            try:
                os.fsync(folder)
            finally:
                os.close(folder)


def lock_of(work_dir: str | Path) -> FileLock:
    """Return the lock of a folder, which one training at a time holds; the system releases it at the end."""
    return FileLock(Path(work_dir) / LOCK)


def hold(lock: FileLock) -> None:
    """Take the lock of a folder.

    Raises:
        WorkDirError: If another training has it, or the folder cannot be written.
    """
    folder = Path(lock.lock_file).parent
    try:
        folder.mkdir(parents=True, exist_ok=True)
        lock.acquire(timeout=0)
    except (FileExistsError, NotADirectoryError, PermissionError) as error:
        raise WorkDirError(
            f'nothing can be written to {folder} ({error.strerror}): choose another folder with --work-dir'
        ) from error
    except Timeout as error:
        raise WorkDirError(
            f'another training is running in {folder}, and two would overwrite each other: wait until it ends, stop '
            'it, or choose another --work-dir'
        ) from error


def numbered_checkpoints(work_dir: str | Path) -> list[Path]:
    """Return the ``iter_*.pth`` and ``epoch_*.pth`` of a folder, in the order of their numbers."""
    found = [(re.fullmatch(r'(?:iter|epoch)_(\d+)', path.stem), path) for path in Path(work_dir).glob('*.pth')]
    return [path for _, path in sorted((int(match[1]), path) for match, path in found if match)]


def newest_loadable_checkpoint(work_dir: str | Path) -> Path | None:
    """Return the newest ``iter_*.pth`` or ``epoch_*.pth`` that can be read, or None.

    A run that was killed while writing, or a loss of power, may leave an incomplete file behind, which is named in the
    log and skipped.

    Args:
        work_dir: Folder of the run.

    Raises:
        UntrustedCheckpointError: If the newest complete one contains more than weights and plain values.
    """
    for path in reversed(numbered_checkpoints(work_dir)):
        try:
            check_readable(path)
        except UntrustedCheckpointError:
            raise
        except CheckpointError as error:
            print_log(f'{error}: falling back to an older checkpoint', logger='current')
        else:
            return path
    return None


def best_checkpoint(path: str | Path) -> Path:
    """Return the checkpoint to predict with.

    Args:
        path: A checkpoint, which is returned, or the folder of a run. In a folder, it is the newest ``best_*.pth`` or,
            if there is none, the newest checkpoint; for a training in stages, that of the last stage that has one.

    Raises:
        CheckpointError: If the folder has no checkpoint.
    """
    path = Path(path)
    if not path.is_dir():
        return path
    for folder in (path, *sorted((stage for stage in path.iterdir() if stage.is_dir()), reverse=True)):
        best = sorted(folder.glob('best_*.pth'), key=lambda file: file.stat().st_mtime)
        found = best[-1] if best else newest_loadable_checkpoint(folder)
        if found is not None:
            return found
    raise CheckpointError(f'{path} has no checkpoint: train first, or name a .pth file')


MARKER = 'stage.json'
UNFINISHED_MARKER = temporary_path(MARKER).name


class FileState(TypedDict):
    """A file, identified by its content."""

    size: int
    sha256: str


class StageSources(TypedDict):
    """What a stage was made from."""

    settings: dict[str, Any]
    files: dict[str, FileState]
    """By path."""
    stages: dict[str, str | None]
    """Digests of the markers of the stages whose results it uses; None if unknown."""


class StageResult(TypedDict, total=False):
    """The result of a stage: the first two keys for a training, the others for a task."""

    checkpoint: str
    """Name of the file in the folder of the stage."""
    sha256: str
    returned: dict[str, Any]
    """The return value of the task."""
    files: str
    """Digest of the names and sizes of all files."""


class _Begun(TypedDict):
    done: bool
    made_from: StageSources


class StageMarker(_Begun, total=False):
    """The content of :data:`MARKER`; ``result`` exists if the stage is ``done``."""

    result: StageResult


def read_marker(work_dir: Path) -> StageMarker | None:
    """Return the marker of a stage, or None if it was never started.

    Raises:
        ValueError: If the folder has files but no readable marker.
    """
    path = work_dir / MARKER
    if not path.exists():
        # If the process was killed while it wrote the first marker, only its beginning exists.
        if work_dir.is_dir() and any(path.name != UNFINISHED_MARKER for path in work_dir.iterdir()):
            raise ValueError(
                f'{work_dir} has files and no {MARKER}: it was not made by a StagedRunner and nothing is overwritten. '
                'Move it away or choose another --work-dir'
            )
        return None
    try:
        marker: StageMarker = json.loads(path.read_text(encoding='utf-8'))
        if not isinstance(marker, dict | None) or not isinstance((marker or {}).get('result', {}), dict):
            raise TypeError('expected an object')
    except (ValueError, TypeError, RecursionError) as error:
        raise ValueError(f'{path} is damaged ({error}): delete {work_dir} to run the stage again') from error
    return marker


def is_cut(folder: Path) -> bool:
    """Whether a folder belongs to a stage that was started and is not finished."""
    marker = read_marker(folder) if (folder / MARKER).is_file() else None
    return marker is not None and not marker['done']


def logged_rows(folder: Path) -> list[dict[str, Any]]:
    """Return what mmengine logged in a folder, oldest first; the last line of a killed run may be cut off.

    A resumed training repeats the iterations after its last checkpoint, of which only the last rows are returned.

    Raises:
        ValueError: If a log is damaged; the message names it.
    """
    rows: list[dict[str, Any]] = []
    for log in sorted(path for path in folder.glob('*/vis_data/scalars.json') if path.is_file()):
        try:
            lines = [line for line in log.read_text(encoding='utf-8').split('\n') if line.strip()]
            rows += map(json.loads, lines[:-1])
            with suppress(json.JSONDecodeError):
                rows += map(json.loads, lines[-1:])
            if not all(isinstance(row, dict) for row in rows):
                raise TypeError('expected an object in each line')
        except (ValueError, TypeError, RecursionError) as error:
            raise ValueError(f'{log} is damaged ({error}): delete it to leave its run out') from error
    last = {(row.get('step', -number), 'loss' in row): row for number, row in enumerate(rows, start=1)}
    return list(last.values())
