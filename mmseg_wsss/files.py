"""Files that are written completely or not at all, and file names that cannot leave their folder."""

import errno
import os
import tempfile
import uuid
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path, PurePosixPath
from typing import BinaryIO

FULL = (errno.ENOSPC, errno.EFBIG, errno.EDQUOT)
"""Numbers of the errors of a full disk."""


@contextmanager
def whole_file(path: str | Path, *, many_writers: bool = False) -> Iterator[BinaryIO]:
    """Open a file for writing, which replaces an older one when it is complete.

    Until then it is a hidden file in the same folder, which is made new: a link of that name is removed, not followed.
    An exception, such as that of a full disk, removes the hidden file.

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
    temporary.unlink(missing_ok=True)
    try:
        with temporary.open('xb') as file:
            yield file
        os.replace(temporary, path)
    except OSError as error:
        temporary.unlink(missing_ok=True)
        if error.filename in (None, str(temporary)):  # of a full disk, an encoder, or a folder that is not writable
            raise OSError(error.errno, error.strerror or str(error), str(path)) from error
        raise
    except Exception:
        temporary.unlink(missing_ok=True)
        raise


@contextmanager
def whole_folder(path: str | Path) -> Iterator[Path]:
    """Yield a hidden folder in a folder, to write files to, which are moved out of it when all are complete.

    An older file of the same name is replaced. An exception removes the hidden folder, and the folders that were made
    for it; files that were there before do not change.

    Args:
        path: Path of the folder; it is made, with the folders around it.

    Raises:
        IsADirectoryError: If a folder has the name of one of the files; none is moved then.
        NotADirectoryError: If a file has the name of a folder of one of the files; none is moved then.
    """
    path = Path(path)
    missing = [folder for folder in (path, *path.parents) if not folder.exists()]
    path.mkdir(parents=True, exist_ok=True)
    try:
        with tempfile.TemporaryDirectory(prefix='.', dir=path) as hidden:
            yield Path(hidden)
            files = [file for file in sorted(Path(hidden).rglob('*')) if file.is_file()]
            targets = [path / file.relative_to(hidden) for file in files]
            if folders := [target for target in targets if target.is_dir()]:
                raise IsADirectoryError(f'{folders[0]} is a folder, and a file of this name would be written')
            around = {folder for target in targets for folder in target.parents if folder.is_relative_to(path)}
            if blocking := [folder for folder in sorted(around) if folder.is_file()]:
                raise NotADirectoryError(f'{blocking[0]} is a file, and a folder of this name would be written')
            for file, target in zip(files, targets, strict=True):
                target.parent.mkdir(parents=True, exist_ok=True)
                os.replace(file, target)
    except BaseException:
        for folder in missing:
            with suppress(OSError):  # another process writes to it
                folder.rmdir()
        raise


def temporary_path(path: str | Path) -> Path:
    """Return the temporary path of a file until it is complete."""
    path = Path(path)
    return path.with_name(f'.{path.name}.tmp')


def relative_name(name: str) -> str:
    """Return the name of an image as a path that stays below any folder.

    Ids of images are used as names of files. They come from label files, which may come from untrusted sources.

    Args:
        name: A relative or an absolute path with ``/`` between folders; an absolute one loses its root.

    Raises:
        ValueError: If the name is empty, has a null character, or has a part ``..``.

    Example:
        >>> relative_name('field/1.jpg'), relative_name('/data/field/1.jpg')
        ('field/1.jpg', 'data/field/1.jpg')
    """
    path = PurePosixPath(name)
    parts = [part for part in path.parts if part != path.anchor]
    if not parts or '..' in parts or '\0' in name:
        raise ValueError(
            f'expected the name of an image below the image folder, got {name!r}: a name must not be empty, hold a '
            'null character or ".." (choose a folder above as the image folder, or write the absolute path)'
        )
    return '/'.join(parts)


def path_inside(folder: str | Path, name: str) -> Path:
    """Return the path of a file that is written below ``folder``.

    Args:
        folder: The folder.
        name: Path of the file below it, with ``/`` between folders.

    Raises:
        ValueError: If the name would leave the folder.
    """
    if relative_name(name) != str(PurePosixPath(name)):  # an absolute one loses its root
        raise ValueError(f'expected the name of a file below {folder}, got {name!r}, which lies outside')
    return Path(folder) / name
