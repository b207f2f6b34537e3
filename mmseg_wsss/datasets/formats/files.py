"""Readers of small files whose error messages say what to do."""

from __future__ import annotations

import csv
import difflib
import json
import os
from collections.abc import Collection, Iterable, Iterator, Sequence
from io import StringIO
from pathlib import Path
from typing import Any

from .label_format import ReadReport
from .recognition import BYTE_ORDER_MARKS
from .values import shown

HIDDEN = 'hidden files'


def existing(path: str | os.PathLike[str], what: str) -> Path:
    """Return the path of a file or folder that must exist.

    Raises:
        FileNotFoundError: If it does not exist; the message names the nearest folder that exists.
        ValueError: If it cannot be the name of a file.
    """
    path = Path(path)
    if '\0' in str(path):
        raise ValueError(f'{what}: {shown(str(path))} cannot be the name of a file')
    if os.path.exists(path):  # unlike Path.exists, this is false for a name that is too long and for a loop of links
        return path
    parent = next((folder for folder in path.parents if os.path.exists(folder)), Path('.'))
    raise FileNotFoundError(f'{what} not found: {path} (the path exists up to {parent.resolve()}). Check the path.')


def listed_files(
    folder: str | os.PathLike[str],
    suffix: str,
    what: str,
    report: ReadReport | None = None,
    *,
    or_file: bool = False,
) -> tuple[Path, list[Path]]:
    """Return a folder and its files with a suffix in upper or lower case, subfolders included, sorted.

    Hidden files and folders, such as ``._a.xml`` of macOS and ``.ipynb_checkpoints``, are left out.

    Args:
        folder: The folder.
        suffix: Suffix of the names.
        what: Description of the folder, for messages.
        report: Report that counts the hidden files with this suffix.
        or_file: Whether to accept a file as well; it is returned with its folder.

    Raises:
        FileNotFoundError: If the folder is missing or contains no such file.
    """
    root = existing(folder, what)
    if or_file and root.is_file():
        return root.parent, [root]
    if not root.is_dir():
        raise FileNotFoundError(f'{what} must be a folder, got the file {root}')
    ending = suffix.lower()
    found = sorted(file for file in root.rglob('*') if file.name.lower().endswith(ending) and os.path.isfile(file))
    files = []
    for file in found:
        name = file.relative_to(root)
        if any(part.startswith('.') for part in name.parts):
            if report is not None:
                report.leave_out(HIDDEN, name.as_posix())
        else:
            files.append(file)
    if not files:
        hidden = f' that is not hidden ({len(found)} are)' if found else ''
        raise FileNotFoundError(f'{what} {root} contains no file{hidden} that ends in {suffix!r}')
    return root, files


def relative_id(file: Path, root: Path, suffix: str) -> str:
    """Return the image id of a file below a folder: its relative path without the suffix."""
    return file.relative_to(root).as_posix()[: -len(suffix)] if suffix else file.relative_to(root).as_posix()


def read_text(path: str | os.PathLike[str], what: str) -> str:
    """Return the text of a file in UTF-8, or in UTF-16 with a byte order mark. The mark is removed.

    Raises:
        FileNotFoundError: If the file does not exist.
        ValueError: If it is a folder or does not contain such a text.
    """
    path = existing(path, what)
    if not path.is_file():
        raise ValueError(f'{what} must be a file, got the {kind_of(path)} {path}')
    return decoded(path.read_bytes(), path, what)


def kind_of(path: Path) -> str:
    """Return what a path is that is not a file: a folder, or a pipe or device, which could be read without an end."""
    return 'folder' if path.is_dir() else 'pipe or device'


def decoded(data: bytes, path: Path, what: str, encoding: str = 'utf-8') -> str:
    """Decode bytes as text, according to the byte order mark if there is one.

    Raises:
        ValueError: If they are not text in that encoding.
    """
    for mark, marked in BYTE_ORDER_MARKS.items():
        if data.startswith(mark):
            data, encoding = data[len(mark) :], marked
            break
    try:
        return data.decode(encoding)
    except UnicodeError as error:
        start = error.start if isinstance(error, UnicodeDecodeError) else 0
        line, byte = data.count(b'\n', 0, start) + 1, data[start : start + 1].hex()
        raise ValueError(
            f'{path}, line {line}: byte 0x{byte} is not text in {encoding.upper()}. Save {what} in UTF-8'
        ) from error


def read_lines(path: str | os.PathLike[str], what: str) -> list[str]:
    """Return the lines of a text file, stripped of white space, without empty lines.

    Raises:
        FileNotFoundError: If the file does not exist.
        ValueError: If it is not text.
    """
    return [line.strip() for line in read_text(path, what).splitlines() if line.strip()]


def read_class_names(path: str | os.PathLike[str]) -> list[str]:
    """Return the class names of a text file, one per line; the number of a line is a class id.

    Raises:
        FileNotFoundError: If the file does not exist.
        ValueError: If it is not text, or an empty line or a comment would move the ids of the names below it.
    """
    lines = [line.strip() for line in read_text(path, 'the file of class names').rstrip().splitlines()]
    for number, line in enumerate(lines, start=1):
        if not line or line.startswith('#'):
            raise ValueError(
                f'{path}, line {number}: expected the name of a class, got {shown(line)}. Lines are counted as class '
                'ids: remove the line, or write the name of its class'
            )
    return lines


def first_line(path: str | os.PathLike[str], what: str) -> str:
    """Return the first line of a text file, or an empty string if it does not have any.

    Raises:
        FileNotFoundError: If the file does not exist.
        ValueError: If it is not text.
    """
    return next(iter(read_text(path, what).splitlines()), '')


def read_header(path: str | os.PathLike[str], what: str, delimiters: Sequence[str]) -> tuple[list[str], str]:
    """Return the columns of a CSV file and the delimiter, which is the most frequent one in its first line.

    Raises:
        FileNotFoundError: If the file does not exist.
        ValueError: If it is not text.
    """
    line = first_line(path, what)
    delimiter = max(delimiters, key=line.count)
    return next(csv.reader([line], delimiter=delimiter), []), delimiter


def read_rows(
    path: str | os.PathLike[str], what: str, columns: Sequence[str], delimiter: str = ','
) -> Iterator[tuple[dict[str, str], str]]:
    """Yield the rows of a CSV file by column, and for each the file and line for messages.

    Raises:
        FileNotFoundError: If the file does not exist.
        ValueError: If it is not text, lacks a column, or a row is too short or too long.
    """
    text = read_text(path, what)
    if '\0' in text:
        raise ValueError(f'{path} is not CSV: it holds a null character')
    reader = csv.DictReader(StringIO(text, newline=''), delimiter=delimiter)
    try:
        if not set(columns) <= set(reader.fieldnames or ()):
            raise ValueError(f'{path}: expected the columns {", ".join(columns)}, got {shown(reader.fieldnames)}')
        if twice := _twice([name for name in reader.fieldnames or () if name.strip()]):
            raise ValueError(f'{path}: the column {shown(twice[0])} appears twice')
        for row in reader:
            where = f'{path}, line {reader.line_num}'
            if None in row or None in row.values():
                raise ValueError(f'{where}: expected {len(reader.fieldnames or ())} values, as in the first line')
            yield row, where
    except csv.Error as error:
        raise ValueError(f'{path}, line {reader.line_num}: is not CSV: {error}') from error


def read_ids(path: str | os.PathLike[str]) -> list[str]:
    """Return the image ids of a split file, one per line, without empty lines.

    Raises:
        FileNotFoundError: If the file does not exist.
        ValueError: If an id appears twice, or the file is not text.
    """
    ids = read_lines(path, 'the split file (one image id per line)')
    twice = _twice(ids)
    if twice:
        raise ValueError(f'{path} lists {len(twice)} image ids more than once, first {twice[0]!r}; list each id once')
    return ids


def load_json(path: str | os.PathLike[str], what: str) -> Any:
    """Load a JSON file, in which an object must not contain the same key twice.

    Raises:
        FileNotFoundError: If the file does not exist.
        ValueError: If the file is not JSON.
    """
    place = existing(path, what)
    if place.is_dir():
        raise ValueError(f'{what} must be a JSON file, got the folder {place}')
    text = read_text(place, what)
    try:
        return json.loads(text, object_pairs_hook=_object)
    except RecursionError as error:
        raise ValueError(f'{place} is not JSON that can be read: it is nested too deep. Expected {what}.') from error
    except ValueError as error:
        raise ValueError(f'{place} is not JSON ({error}). Expected {what}; see docs/formats.md.') from error


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) < len(pairs):
        key = _twice([key for key, _ in pairs])[0]
        raise ValueError(f'the key {shown(key)} appears twice in one object')
    return found


def _twice(items: Sequence[str]) -> list[str]:
    seen: set[str] = set()
    twice: dict[str, None] = {}
    for item in items:
        if item in seen:
            twice[item] = None
        seen.add(item)
    return list(twice)


def nearest(name: str, choices: Collection[str]) -> str:
    """Return a hint for a misspelled name: the nearest choice if there is one, and all choices."""
    close = difflib.get_close_matches(str(name)[:100], list(choices), n=1)
    hint = f'did you mean {close[0]!r}? ' if close else ''
    return f'{hint}Choose from {", ".join(map(repr, choices))}'


def as_list(value: str | Iterable[str]) -> list[str]:
    """Return one path or several as a list."""
    return [value] if isinstance(value, str | os.PathLike) else list(value)
