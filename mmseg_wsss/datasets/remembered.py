"""Results of checks that take long, kept in the cache folder of the user under a hash of everything they depend on."""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Callable, Iterable
from pathlib import Path

import numpy as np
import numpy.typing as npt
from filelock import FileLock

from ..files import whole_file
from .findings import Finding

SizeArray = npt.NDArray[np.int32]
Checked = tuple[SizeArray, list[Finding]]


def cache_folder() -> Path:
    """Return the folder of the results: ``mmseg_wsss/checks`` in ``XDG_CACHE_HOME`` or ``~/.cache``."""
    return Path(os.environ.get('XDG_CACHE_HOME') or Path.home() / '.cache') / 'mmseg_wsss' / 'checks'


def remembered(key: str, check: Callable[[], Checked], *, again: bool = False) -> Checked:
    """Return the result of a check, which one process makes and others and later ones read.

    While a process checks, others with the same key wait for it. If the cache folder cannot be written, the check
    is made each time. A check that raises an error is not kept.

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
                return np.load(array, mmap_mode='r', allow_pickle=False), findings
        except (OSError, EOFError, ValueError, TypeError):
            pass  # not checked yet, or damaged
        sizes, findings = check()
        try:
            with whole_file(array) as file:
                np.save(file, sizes)
            with whole_file(text) as file:
                file.write(json.dumps([[found.level, found.text, found.cure] for found in findings]).encode())
        except OSError:
            pass  # a full disk
        return sizes, findings


def content_hash(files: Iterable[str | Path], *settings: object) -> str:
    """Return a hash of the content of files and of the text of settings."""
    digest = hashlib.sha256()
    for path in files:
        with open(path, 'rb') as file:
            while block := file.read(2**20):
                digest.update(block)
    digest.update(json.dumps([str(setting) for setting in settings]).encode())
    return digest.hexdigest()
