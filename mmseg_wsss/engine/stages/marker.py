"""The settings and files that a stage was made from, stored with its results and compared by content."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from ...checkpoints.run import differences, json_name
from ...checkpoints.work_dir import (
    MARKER,
    UNFINISHED_MARKER,
    FileState,
    StageMarker,
    StageSources,
    newest_loadable_checkpoint,
    read_marker,
)
from ...files import whole_file
from ...renamed import in_new_names
from .config import with_new_names

HASHED_BYTES = 64 * 2**20
"""Larger files are identified by their size and last MiB, where checkpoints have the checksums of all parts."""


def input_files(config: Any, roots: tuple[str, ...] = ()) -> Iterator[Path]:
    """Yield the files that the strings of a config name, with relative ones also resolved from ``data_root``.

    The name of a folder means its newest checkpoint, if there is one.
    """
    if isinstance(config, str):
        if config and len(config) < 1024 and '\n' not in config:
            for path in (Path(root) / config for root in ('', *roots)):
                file = newest_loadable_checkpoint(path) if path.is_dir() else path
                if file is not None and file.is_file():
                    yield file
    elif isinstance(config, Mapping):
        root = config.get('data_root')
        roots = (*roots, root) if isinstance(root, str) else roots
        for value in config.values():
            yield from input_files(value, roots)
    elif isinstance(config, list | tuple):
        for value in config:
            yield from input_files(value, roots)


def changes(old: StageSources, new: StageSources) -> list[str]:
    """Return, one per line, the differences between what a stage was made from and what it would be made from now.

    Settings in old and in new names are equal if they mean the same, see :mod:`mmseg_wsss.renamed`. A preprocessor
    next to a model that has its own is not compared, because a Runner does not use it.

    Args:
        old: The sources in the marker.
        new: The current sources, from :func:`~mmseg_wsss.engine.stages.plan.made_from`.
    """
    lines = list(differences(_effective(old['settings']), _effective(new['settings'])))
    lines += [f'the file {path} has changed' for path, was in old['files'].items() if new['files'][path] != was]
    lines += [f'stage {name!r} has run again' for name, was in old['stages'].items() if new['stages'].get(name) != was]
    return lines


def _effective(settings: Mapping[str, Any]) -> Mapping[str, Any]:
    """Return settings with current names, without a preprocessor that the model does not use."""
    unused = 'data_preprocessor' if (settings.get('model') or {}).get('data_preprocessor') else None
    effective: Mapping[str, Any] = in_new_names(
        with_new_names({key: value for key, value in settings.items() if key != unused})
    )
    return effective


def describe_file(path: Path) -> FileState:
    """Return the size of a file and the SHA-256 of its content; see ``HASHED_BYTES``."""
    size = path.stat().st_size
    return {'size': size, 'sha256': sha256(path, size - 2**20 if size > HASHED_BYTES else 0)}


def sha256(path: Path, start: int = 0) -> str:
    """Return the SHA-256 of the content of a file from a given byte."""
    with path.open('rb') as file:
        file.seek(start)
        digest = hashlib.sha256()
        while block := file.read(2**20):
            digest.update(block)
        return digest.hexdigest()


def digest(value: Any) -> str:
    """Return the SHA-256 of JSON values, which does not depend on the order of their keys."""
    return hashlib.sha256(json.dumps(value, sort_keys=True).encode()).hexdigest()


def describe_folder(folder: Path) -> str:
    """Return a digest of the names and sizes of all files below a folder except the marker and hidden files."""
    files = sorted(path for path in folder.rglob('*') if path.is_file() and not path.name.startswith(('.', MARKER)))
    return digest([(path.relative_to(folder).as_posix(), path.stat().st_size) for path in files])


def read_begun_marker(work_dir: Path) -> StageMarker | None:
    """Return the marker of a stage, or None if there are no results yet, so that its settings may still change.

    Raises:
        ValueError: Same as in :func:`read_marker`.
    """
    marker = read_marker(work_dir)
    made = marker is not None and any(path.name not in (MARKER, UNFINISHED_MARKER) for path in work_dir.iterdir())
    return marker if marker is not None and (marker['done'] or made) else None


def write_marker(work_dir: Path, marker: StageMarker) -> None:
    """Write the marker in one step; a killed process leaves either the old or the new one behind."""
    text = json.dumps(marker, indent=1, default=json_name)
    with whole_file(work_dir / MARKER) as file:
        file.write(text.encode())
