"""The classes of a data set of nnU-Net."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from ..formats.files import load_json

NAME = 'dataset.json'
IGNORED = 'ignore'
"""The name that nnU-Net reserves for pixels without a label."""


def read_dataset(folder: Path) -> tuple[tuple[str, ...], int | None] | None:
    """Return the class names and the value of unlabelled pixels in ``dataset.json``; None if it is not of nnU-Net.

    Args:
        folder: The folder with ``imagesTr`` and ``labelsTr``.

    Raises:
        ValueError: If the values are not 0, 1, 2 and so on, as those of regions, which overlap.
    """
    path = folder / NAME
    content: Any = load_json(path, NAME) if path.is_file() else None
    if not isinstance(content, dict) or not {'channel_names', 'modality'} & content.keys():
        return None
    given = content.get('labels')
    values: dict[str, Any] = dict(given) if isinstance(given, dict) else {}
    if values and all(name.isdigit() for name in values):  # of version 1: names by value
        values = {str(name): int(value) for value, name in values.items()}
    unlabelled = values.pop(IGNORED, None)
    if not values or any(value not in values.values() for value in range(len(values))):
        raise ValueError(f'{path}: labels must give classes the values 0, 1, 2 .., got {given}; regions are not read')
    return tuple(sorted(values, key=values.__getitem__)), unlabelled
