"""The folder of a training: its checkpoints, and its marker if it is a stage."""

from __future__ import annotations

import json
import os
import re
from pathlib import Path
from typing import Any

from filelock import FileLock, Timeout
from mmengine.fileio import LocalBackend, register_backend
from mmengine.logging import print_log

from ..files import temporary_path, whole_file
from .loading import CheckpointError, UntrustedCheckpointError, check_readable

LOCK = '.training.lock'


class WorkDirError(ValueError):
    """A folder that a training cannot use as it is; the message says why and what to do, in one line."""


@register_backend('whole_file')
class WholeFileBackend(LocalBackend):
    """The local disk, where a file that is written is there whole or not at all, after a loss of power, too."""

    def put(self, obj: bytes, filepath: str | Path) -> None:
        """Write a file beside its place, wait until the disk has it, and put it there.

        Args:
            obj: Its content.
            filepath: Its path.
        """
        with whole_file(filepath) as file:
            file.write(obj)
            file.flush()
            os.fsync(file.fileno())
        if hasattr(os, 'O_DIRECTORY'):  # Windows has no folders that can be synchronised
            folder = os.open(Path(filepath).parent, os.O_RDONLY | os.O_DIRECTORY)
            try:
                os.fsync(folder)
            finally:
                os.close(folder)


def lock_of(work_dir: str | Path) -> FileLock:
    """Return the lock of a folder, which one training at a time holds; the system frees it when that ends."""
    return FileLock(Path(work_dir) / LOCK)


def hold(lock: FileLock) -> None:
    """Take the lock of a folder.

    Raises:
        WorkDirError: If another training has it.
    """
    folder = Path(lock.lock_file).parent
    folder.mkdir(parents=True, exist_ok=True)
    try:
        lock.acquire(timeout=0)
    except Timeout as error:
        raise WorkDirError(
            f'another training is running in {folder}, and two would write over each other: wait until it ends, stop '
            'it, or choose another --work-dir'
        ) from error


def numbered_checkpoints(work_dir: str | Path) -> list[Path]:
    """Return the ``iter_*.pth`` and ``epoch_*.pth`` of a folder, in the order of their numbers."""
    found = [(re.fullmatch(r'(?:iter|epoch)_(\d+)', path.stem), path) for path in Path(work_dir).glob('*.pth')]
    return [path for _, path in sorted((int(match[1]), path) for match, path in found if match)]


def newest_loadable_checkpoint(work_dir: str | Path) -> Path | None:
    """Return the newest ``iter_*.pth`` or ``epoch_*.pth`` that can be read, or None.

    A run that was killed while it wrote, or a disk that lost power, leaves a file behind that is not whole; that one is
    named in the log and left alone.

    Args:
        work_dir: Folder of the run.

    Raises:
        UntrustedCheckpointError: If the newest one that is whole holds more than weights and plain values.
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


MARKER = 'stage.json'
UNFINISHED_MARKER = temporary_path(MARKER).name


def read_marker(work_dir: Path) -> dict[str, Any] | None:
    """Return the marker of a stage, None if it was never started.

    Raises:
        ValueError: If the folder has files and no marker that can be read.
    """
    path = work_dir / MARKER
    if not path.exists():
        # A kill while the first marker was written leaves only its beginning.
        if work_dir.is_dir() and any(path.name != UNFINISHED_MARKER for path in work_dir.iterdir()):
            raise ValueError(
                f'{work_dir} has files and no {MARKER}: it was not made by a StagedRunner and nothing is overwritten. '
                'Move it away or choose another --work-dir'
            )
        return None
    try:
        return json.loads(path.read_text(encoding='utf-8'))
    except json.JSONDecodeError as error:
        raise ValueError(f'{path} is damaged ({error}): delete {work_dir} to run the stage again') from error


def is_cut(folder: Path) -> bool:
    """Whether a folder is that of a stage that was begun and is not finished."""
    marker = read_marker(folder) if (folder / MARKER).is_file() else None
    return marker is not None and not marker['done']
