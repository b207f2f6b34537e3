"""Readers of small files whose error messages say what to do."""

from __future__ import annotations

import difflib
import json
from collections.abc import Collection
from pathlib import Path
from typing import Any


def existing(path: str | Path, what: str) -> Path:
    """Return the path of a file or folder that must exist.

    Raises:
        FileNotFoundError: If it does not exist; the message names the nearest folder that does.
    """
    path = Path(path)
    if path.exists():
        return path
    parent = next((folder for folder in path.parents if folder.exists()), Path('.'))
    raise FileNotFoundError(f'{what} not found: {path} (the path exists up to {parent.resolve()}). Check the path.')


def listed_files(folder: str | Path, suffix: str, what: str) -> tuple[Path, list[Path]]:
    """Return a folder and the sorted list of its files with a suffix, including those in subfolders.

    Raises:
        FileNotFoundError: If the folder is missing or contains no such file.
    """
    root = existing(folder, what)
    if not root.is_dir():
        raise FileNotFoundError(f'{what} must be a folder, got the file {root}')
    files = sorted(root.rglob(f'*{suffix}'))
    if not files:
        raise FileNotFoundError(f'{what} {root} contains no file that ends in {suffix!r}')
    return root, files


def relative_id(file: Path, root: Path, suffix: str) -> str:
    """Return the image id of a file below a folder: its relative path without the suffix."""
    return file.relative_to(root).as_posix()[: -len(suffix)]


def read_ids(path: str | Path) -> list[str]:
    """Return the image ids of a split file, which has one per line; empty lines are skipped.

    Raises:
        FileNotFoundError: If the file does not exist.
        ValueError: If an id appears twice.
    """
    lines = existing(path, 'the split file (one image id per line)').read_text(encoding='utf-8').splitlines()
    ids = [line.strip() for line in lines if line.strip()]
    twice = sorted({key for key in ids if ids.count(key) > 1}) if len(set(ids)) < len(ids) else []
    if twice:
        raise ValueError(f'{path} lists {len(twice)} image ids more than once, first {twice[0]!r}; list each id once')
    return ids


def load_json(path: str | Path, what: str) -> Any:
    """Load a JSON file.

    Raises:
        FileNotFoundError: If the file does not exist.
        ValueError: If the file is not JSON.
    """
    path = existing(path, what)
    if path.is_dir():
        raise ValueError(f'{what} must be a JSON file, got the folder {path}')
    try:
        return json.loads(path.read_text(encoding='utf-8-sig'))
    except (json.JSONDecodeError, UnicodeDecodeError) as error:
        raise ValueError(f'{path} is not JSON ({error}). Expected {what}; see docs/formats.md.') from error


def nearest(name: str, choices: Collection[str]) -> str:
    """Return a hint for a misspelled name: the nearest choice, if there is one, and all choices."""
    close = difflib.get_close_matches(str(name), list(choices), n=1)
    hint = f'did you mean {close[0]!r}? ' if close else ''
    return f'{hint}Choose from {", ".join(map(repr, choices))}'


def class_id(name: str, classes: tuple[str, ...], where: str, aliases: dict[str, str] | None = None) -> int:
    """Return the id of a class name.

    Raises:
        ValueError: If the name is not a class.
    """
    full_name = (aliases or {}).get(name, name)
    if full_name not in classes:
        raise ValueError(f'{where}: unknown class {name!r}; {nearest(name, classes)}.')
    return classes.index(full_name)
