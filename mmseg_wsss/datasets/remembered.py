"""Results of checks that take long, kept in the cache folder of the user under a hash of everything they depend on."""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Callable, Iterable
from contextlib import suppress
from pathlib import Path

import numpy as np
import numpy.typing as npt
from filelock import FileLock

from ..files import whole_file
from .findings import Finding

MAX_RESULTS = 64
"""Number of results that are kept; the others were used the longest time ago."""
MAX_BYTES = 2**30
"""Their size together; a million images take 8 MB."""
SizeArray = npt.NDArray[np.int32]
Checked = tuple[SizeArray, list[Finding]]


def cache_folder() -> Path:
    """Return the folder of the results: ``mmseg_wsss/checks`` in ``XDG_CACHE_HOME`` or ``~/.cache``."""
    return Path(os.environ.get('XDG_CACHE_HOME') or Path.home() / '.cache') / 'mmseg_wsss' / 'checks'


def remembered(key: str, check: Callable[[], Checked], *, again: bool = False) -> Checked:
    """Return the result of a check, which one process makes and others and later ones read.

    While a process checks, others with the same key wait for it. If the cache folder cannot be written, the check
    is made each time. A check that raises an error is not kept. Beyond ``MAX_RESULTS`` results or ``MAX_BYTES``, those
    that were used the longest time ago are removed.

    Args:
        key: Hash of everything that the result depends on.
        check: Returns an array of integers, and findings.
        again: Whether to make the check even if its result is known.
    """
    folder = cache_folder()
    array, text = folder / f'{key}.npy', folder / f'{key}.json'
    try:
        folder.mkdir(parents=True, exist_ok=True)
        lock = FileLock(folder / f'{key}.lock')
        lock.acquire()
    except OSError:
        return check()
    with lock:
        try:
            if not again:
                findings = [Finding(*item) for item in json.loads(text.read_text())]
                known = np.load(array, mmap_mode='r', allow_pickle=False)
                with suppress(OSError):  # of another user
                    os.utime(text)
                return known, findings
        except (OSError, EOFError, ValueError, TypeError):
            pass  # not checked yet, or damaged
        sizes, findings = check()
        try:
            with whole_file(array) as file:
                np.save(file, sizes)
            with whole_file(text) as file:
                file.write(json.dumps([[found.level, found.text, found.cure] for found in findings]).encode())
            _forget(folder, key)
        except OSError:
            pass  # a full disk
        return sizes, findings


def _forget(folder: Path, kept: str) -> None:
    """Remove the results that were used the longest time ago, but not that of a key, until the others fit."""
    used, count, size = {}, 0, 0
    for file in folder.glob('*.json'):
        with suppress(FileNotFoundError):  # another process forgets, too
            used[file.stem] = file.stat().st_mtime_ns
    for key in sorted(used, key=lambda key: (key != kept, -used[key])):
        files = [folder / f'{key}{suffix}' for suffix in ('.json', '.npy')]
        count, size = count + 1, size + sum(file.stat().st_size for file in files if file.exists())
        if key != kept and (count > MAX_RESULTS or size > MAX_BYTES):
            for file in (*files, folder / f'{key}.lock'):
                file.unlink(missing_ok=True)


def content_hash(files: Iterable[str | Path], *settings: object) -> str:
    """Return a hash of the content of files and of the text of settings."""
    digest = hashlib.sha256()
    for path in files:
        with open(path, 'rb') as file:
            while block := file.read(2**20):
                digest.update(block)
    digest.update(json.dumps([str(setting) for setting in settings]).encode())
    return digest.hexdigest()
