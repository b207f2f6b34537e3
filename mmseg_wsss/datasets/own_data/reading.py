"""Label files of whatever format, with the classes that they name themselves."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from ...structures import WeakLabelSet
from ..formats import FORMATS, ReadReport, found_classes, read_labels, recognise_format
from ..formats.canonical import read_classes

CANONICAL = 'canonical'


@dataclass(frozen=True)
class ReadLabels:
    """Labels of a file or folder.

    Args:
        labels: The labels.
        title: What their format is.
        ordered: Whether somebody has put the classes into an order: the user, or ``weak_labels.json``.
        says: What was left out or changed, a line each.
    """

    labels: WeakLabelSet
    title: str
    ordered: bool
    says: tuple[str, ...]


def read_any(path: Path, classes: Sequence[str] | None, img_suffix: str, outlines: Path | None = None) -> ReadLabels:
    """Read labels of any format.

    Args:
        path: The file or folder.
        classes: Class names by id; None: those that the files name, after ``background``.
        img_suffix: Suffix of the images, for formats that name images without one.
        outlines: Folder to write outlines and painted areas to, as masks; None: they are left out, and counted.

    Raises:
        ValueError: If the format is not known, or its files do not name their classes.
    """
    known = recognise_format(path)
    source: dict[str, Any] = {'format': known.name, 'path': str(path)}
    if classes is None and not known.names_classes:
        raise ValueError(f'{path} ({known.title}) does not name its classes: name them with --classes')
    names = found_classes(source) if classes is None else tuple(classes)
    if outlines is not None and any(option.name == 'masks' for option in FORMATS[known.name].options):
        source['masks'] = str(outlines)
    report = ReadReport()
    labels = read_labels(source, names, img_suffix=img_suffix, report=report)
    if known.name == CANONICAL:
        labels = replace(labels, palette=read_classes(str(path))[1])
    return ReadLabels(labels, known.title, classes is not None or known.name == CANONICAL, tuple(report.lines()))
