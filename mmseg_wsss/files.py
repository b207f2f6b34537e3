"""Files that are there whole or not at all, so that a kill leaves nothing that looks finished."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO


@contextmanager
def whole_file(path: str | Path) -> Iterator[BinaryIO]:
    """Open a file to be written; it takes the place of an older one when all of it is written.

    Until then it is a hidden file beside it, which the next writer of the same path writes over: one writer
    at a time.

    Args:
        path: Of the file; folders around it are made.
    """
    path = Path(path)
    path.parent.mkdir(parents=True, exist_ok=True)
    with temporary_path(path).open('wb') as file:
        yield file
    os.replace(temporary_path(path), path)


def temporary_path(path: str | Path) -> Path:
    """Return where a file is until all of it is written."""
    path = Path(path)
    return path.with_name(f'.{path.name}.tmp')
