"""The classes of a data set of nnU-Net."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from ..formats.files import load_json

NAME = 'dataset.json'
IGNORED = 'ignore'
"""The name that nnU-Net reserves for pixels without a label."""


def is_dataset(folder: Path) -> bool:
    """Return whether the ``dataset.json`` of a folder is that of nnU-Net."""
    return _content(folder) is not None


def read_dataset(folder: Path) -> tuple[tuple[str, ...], int | None] | None:
    """Return the class names and the value of unlabelled pixels in ``dataset.json``; None if it is not of nnU-Net.

    Args:
        folder: The folder with ``imagesTr`` and ``labelsTr``.

    Raises:
        ValueError: If the values are not 0, 1, 2 and so on, as those of regions, which overlap.
    """
    content = _content(folder)
    if content is None:
        return None
    given = content.get('labels')
    values: dict[str, Any] = dict(given) if isinstance(given, dict) else {}
    if values and all(name.isdigit() for name in values):  # of version 1: names by value
        values = {str(name): int(value) for value, name in values.items()}
    unlabelled = values.pop(IGNORED, None)
    if not values or any(value not in values.values() for value in range(len(values))):
        raise ValueError(
            f'{folder / NAME}: labels must give classes the values 0, 1, 2 .., got {given}; regions are not read: name '
            'the values of the masks with --classes, id 0 first'
        )
    return tuple(sorted(values, key=values.__getitem__)), unlabelled


def _content(folder: Path) -> dict[str, Any] | None:
    path = folder / NAME
    content: Any = load_json(path, NAME) if path.is_file() else None
    return content if isinstance(content, dict) and {'channel_names', 'modality'} & content.keys() else None
