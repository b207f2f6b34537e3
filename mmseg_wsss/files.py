"""Files that are there whole or not at all, so that a kill leaves nothing that looks finished."""

import os
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO


@contextmanager
def whole_file(path: str | Path, *, many_writers: bool = False) -> Iterator[BinaryIO]:
    """Open a file to be written; it takes the place of an older one when all of it is written.

    Until then it is a hidden file beside it.

    Args:
        path: Path of the file; folders around it are made.
        many_writers: Whether several processes may write the same path at once. Each then has a hidden file of its
            own, which a kill leaves behind; otherwise the next writer writes over the one that a kill left.
    """
    path = Path(path)
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = temporary_path(path)
    if many_writers:
        temporary = temporary.with_suffix(f'.{uuid.uuid4().hex}.tmp')
    with temporary.open('wb') as file:
        yield file
    os.replace(temporary, path)


def temporary_path(path: str | Path) -> Path:
    """Return where a file is until all of it is written."""
    path = Path(path)
    return path.with_name(f'.{path.name}.tmp')
