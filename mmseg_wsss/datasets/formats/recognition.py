"""Fast checks of files and folders, to recognise their format. These functions do not raise errors."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from pathlib import Path

HEAD = 256 * 1024
"""Number of bytes that are read at the beginning of a file, and also at the end of a larger one."""
MAX_ENTRIES = 20_000
"""Number of files of a folder that are checked."""
BYTE_ORDER_MARKS = {b'\xef\xbb\xbf': 'utf-8', b'\xff\xfe': 'utf-16-le', b'\xfe\xff': 'utf-16-be'}


def sample_text(path: Path) -> str:
    """Return the beginning and the end of a file as text; or an empty string if it cannot be read."""
    if not os.path.isfile(path):  # not Path.is_file, which may raise
        return ''
    try:
        with path.open('rb') as file:
            data = file.read(HEAD)
            size = file.seek(0, os.SEEK_END)
            if size > HEAD:
                file.seek(max(HEAD, size - HEAD))
                data += file.read(HEAD)
    except (OSError, ValueError):
        return ''
    for mark, encoding in BYTE_ORDER_MARKS.items():
        if data.startswith(mark):
            return data[len(mark) :].decode(encoding, errors='replace')
    return data.decode('utf-8', errors='replace')


def json_with(path: Path, *keys: str, without: tuple[str, ...] = (), first: str = '{') -> bool:
    """Whether a path looks like a JSON file that contains all of some keys, at any depth.

    Args:
        path: The file.
        *keys: Keys that it must contain.
        without: Keys that it must not contain.
        first: The first character, or several characters that are allowed.
    """
    text = sample_text(path).lstrip()
    found = {*re.findall(r'"([^"\\\n]{1,64})"\s*:', text)}
    return text[:1] in tuple(first) and found.issuperset(keys) and found.isdisjoint(without)


def xml_with(path: Path, root: str, *tags: str) -> bool:
    """Whether a path looks like an XML file with this root and all of some elements."""
    text = re.sub(r'<!--.*?-->', '', sample_text(path), flags=re.DOTALL)
    names = re.findall(r'<([A-Za-z_][\w.:-]*)', text)
    return names[:1] == [root] and {*names}.issuperset(tags)


def columns_of(path: Path) -> list[str]:
    """Return the columns that the first line of a CSV file names; nothing if the path is not a text file."""
    lines = sample_text(path).splitlines()
    text = lines[0] if lines else ''
    return [] if '\0' in text else [name.strip().strip('"\'') for name in re.split('[,;\t]', text)]


def some_files(path: Path, suffix: str, count: int = 3) -> list[Path]:
    """Return the first files of a folder and its subfolders, or the one file, with a suffix in upper or lower case."""
    found = []
    for file in _walk(path):
        if file.name.lower().endswith(suffix.lower()) and os.path.isfile(file):
            found.append(file)
            if len(found) == count:
                break
    return found


def _walk(path: Path) -> Iterator[Path]:
    """The files below a folder, hidden ones left out, up to ``MAX_ENTRIES``; or the one file."""
    if not os.path.isdir(path):
        yield path
        return
    seen = 0
    for parent, folders, files in os.walk(path):
        folders[:] = sorted(name for name in folders if not name.startswith('.'))
        for name in sorted(files):
            seen += 1
            if seen > MAX_ENTRIES:
                return
            if not name.startswith('.'):
                yield Path(parent, name)
