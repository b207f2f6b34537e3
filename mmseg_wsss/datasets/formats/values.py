"""Check values of label files from untrusted sources: every error is one line that states what was expected."""

from __future__ import annotations

import math
import reprlib
from collections.abc import Mapping
from typing import Any

from ...files import relative_name

MAX_SIDE = 1_000_000
"""Largest side of an image in pixels; a larger number is an error in the file."""
MAX_NAME = 255
"""Largest length of a file name, in bytes."""
_REPR = reprlib.Repr()
_REPR.maxstring = _REPR.maxother = 80


def shown(value: Any) -> str:
    """Return a short text of a value for messages, even if the value is large."""
    try:
        return _REPR.repr(value)
    except (RecursionError, ValueError):
        return f'a {type(value).__name__}'


def is_number(value: Any) -> bool:
    """Whether a value is a finite number of JSON; true and false are not."""
    if isinstance(value, bool) or not isinstance(value, int | float):
        return False
    return math.isfinite(value) if isinstance(value, float) else abs(value) < 1e300


def is_whole(value: Any) -> bool:
    """Whether a value is an integer of JSON, which includes 1.0."""
    return is_number(value) and value == int(value)


def number(value: Any, where: str, key: str) -> float:
    """Return a coordinate.

    Raises:
        ValueError: If the value is not a finite number.
    """
    if not is_number(value):
        raise ValueError(f'{where}: {key} must be a finite number, got {shown(value)}')
    return float(value)


def parsed_number(value: str | None, where: str, key: str) -> float:
    """Return a text as a number.

    Raises:
        ValueError: If it is not a finite number.
    """
    try:
        found = float(value or '')
    except ValueError:
        found = math.nan
    if not math.isfinite(found):
        raise ValueError(f'{where}: {key} must be a number, got {shown(value)}')
    return found


def class_number(value: Any, where: str, key: str) -> int:
    """Return a class id.

    Raises:
        ValueError: If the value is not an integer. Whether it is the id of a class is checked later.
    """
    if not is_whole(value) or abs(value) > MAX_SIDE:
        raise ValueError(f'{where}: {key} must be a class id (an integer), got {shown(value)}')
    return int(value)


def numbers(value: Any, count: int, where: str, form: str) -> list[float]:
    """Return a list of coordinates.

    Args:
        value: The value in the file.
        count: The expected number of coordinates.
        where: File and place, for the message.
        form: Name and form, for the message: ``'bbox must be four numbers [x, y, width, height]'``.

    Raises:
        ValueError: If the value is not such a list.
    """
    if not isinstance(value, list | tuple) or len(value) != count or not all(map(is_number, value)):
        raise ValueError(f'{where}: {form}, got {shown(value)}')
    return [float(item) for item in value]


def vertices(value: Any, where: str, key: str) -> list[tuple[float, float]]:
    """Return a list of places [x, y].

    Raises:
        ValueError: If the value is not a list of pairs of finite numbers.
    """
    form = f'{key} must be a list of places [x, y]'
    if not isinstance(value, list):
        raise ValueError(f'{where}: {form}, got {shown(value)}')
    return [(x, y) for x, y in (numbers(item, 2, where, form) for item in value)]


def side(value: Any, where: str, key: str) -> int | None:
    """Return the width or height of an image, None if the file does not contain it.

    Tools write 0, an empty string or null for an unknown size, and ``"64"`` or ``64.0`` for 64.

    Raises:
        ValueError: If the value is not a number of pixels.
    """
    if value is None or (isinstance(value, str) and not value.strip()):
        return None
    try:
        known = float(value) if isinstance(value, str | int | float) and not isinstance(value, bool) else -1
    except (OverflowError, ValueError):
        known = -1
    if not 0 <= known <= MAX_SIDE or known != int(known):
        raise ValueError(f'{where}: {key} must be a positive integer of at most {MAX_SIDE}, got {shown(value)}')
    return int(known) or None


def image_name(value: Any, where: str, key: str) -> str:
    """Return the name of an image, with ``/`` between folders.

    Raises:
        ValueError: If the value is not the name of a file below a folder.
    """
    if not isinstance(value, str) or not value.strip():
        raise ValueError(f'{where}: {key} must be a path below the image folder, got {shown(value)}')
    name = value.replace('\\', '/')
    check_name(name, where, key)
    try:
        relative_name(name)
    except ValueError as error:
        raise ValueError(f'{where}: {key}: {shown(value)} cannot be the name of a file: {error}') from error
    return name


def check_name(name: str, where: str, key: str) -> None:
    """Reject a path that is not possible in any file system.

    Raises:
        ValueError: If a part of it is too long, or is not text.
    """
    try:
        too_long = max(len(part.encode()) for part in name.split('/')) > MAX_NAME
    except UnicodeEncodeError as error:
        raise ValueError(f'{where}: {key}: {shown(name)} cannot be the name of a file: it is not text') from error
    if too_long:
        raise ValueError(
            f'{where}: {key}: {shown(name)} cannot be the name of a file: a part of it is longer than {MAX_NAME} bytes'
        )


def keyed(value: Any, where: str, *keys: str) -> Mapping[str, Any]:
    """Return an object that must contain some keys.

    Raises:
        ValueError: If the value is not an object or lacks a key.
    """
    if not isinstance(value, Mapping):
        with_keys = f' with the keys {", ".join(keys)}' if keys else ''
        raise ValueError(f'{where}: expected an object{with_keys}, got {shown(value)}')
    missing = [key for key in keys if key not in value]
    if missing:
        raise ValueError(f'{where}: the key {missing[0]!r} is missing; expected {", ".join(keys)}')
    return value


def listed(value: Any, where: str, key: str) -> list[Any]:
    """Return a value that must be a list.

    Raises:
        ValueError: If it is not.
    """
    if not isinstance(value, list):
        raise ValueError(f'{where}: {key} must be a list, got {shown(value)}')
    return value
