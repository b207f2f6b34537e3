"""The folder of a training: its checkpoints, and its marker if it is a stage."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

from mmengine.logging import print_log

from ..files import temporary_path
from .loading import CheckpointError, UntrustedCheckpointError, check_readable


def newest_loadable_checkpoint(work_dir: str | Path) -> Path | None:
    """Return the newest ``iter_*.pth`` or ``epoch_*.pth`` that can be read, or None.

    A run that was killed while it wrote, or a disk that lost power, leaves a file behind that is not whole; that one is
    named in the log and left alone.

    Args:
        work_dir: Folder of the run.

    Raises:
        UntrustedCheckpointError: If the newest one that is whole holds more than weights and plain values.
    """
    numbered = []
    for path in Path(work_dir).glob('*.pth'):
        match = re.fullmatch(r'(?:iter|epoch)_(\d+)', path.stem)
        if match:
            numbered.append((int(match.group(1)), path))
    for _, path in sorted(numbered, reverse=True):
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
