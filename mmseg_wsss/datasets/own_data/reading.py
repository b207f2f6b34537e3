"""Read label files of any format, with the classes that they name."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from ...structures import WeakLabelSet
from ..formats import FORMATS, ReadReport, read_labels, read_named_labels, recognise_format
from ..formats.canonical import read_classes
from ..formats.coco_folders import splits_of_files
from ..formats.registry import recognised_formats

CANONICAL = 'canonical'
ORDERED = (CANONICAL, 'pseudo_labels')
"""Formats whose files give the classes in the order of their ids."""


@dataclass(frozen=True)
class ReadLabels:
    """Labels of a file or folder.

    Args:
        labels: The labels.
        title: Description of their format.
        ordered: Whether the order of the classes was given, by the user, ``weak_labels.json`` or pseudo-labels.
        whole: Whether masks are of whole images also if there are other labels: what no outline or box shows is
            background.
        says: What was left out or changed, one line each.
        splits: The splits of images by their ids, if the labels are in files of splits.
    """

    labels: WeakLabelSet
    title: str
    ordered: bool
    whole: bool
    says: tuple[str, ...]
    splits: Mapping[str, str]


def formats_of_tools(path: Path) -> list[str]:
    """Return the formats that labels may have apart from index PNGs, which may be masks beside the files of a tool."""
    return [name for name in recognised_formats(path) if name != 'index_png']


def read_any(
    path: Path,
    classes: Sequence[str] | None,
    img_suffix: str,
    outlines: Path | None = None,
    images: Path | None = None,
) -> ReadLabels:
    """Read labels of any format.

    Args:
        path: The file or folder.
        classes: Class names by id; None: ``background``, followed by the names in the files.
        img_suffix: Suffix of the images, for formats that name images without a suffix.
        outlines: Folder to write outlines and painted areas to, as masks; None: they are left out, and counted.
        images: The folder of the images, for formats that do not contain their sizes.

    Raises:
        ValueError: If the format is not known, or its files do not name their classes.
    """
    of_tools = formats_of_tools(path)
    known = FORMATS[of_tools[0]] if len(of_tools) == 1 else recognise_format(path)
    source: dict[str, Any] = {'format': known.name, 'path': str(path)}
    if classes is None and not known.names_classes:
        raise ValueError(f'{path} ({known.title}) does not name its classes: name them with --classes')
    options = {option.name for option in FORMATS[known.name].options}
    if outlines is not None and 'masks' in options:
        source['masks'] = str(outlines)
        if 'rest' in options:
            source['rest'] = 'auto'
        if 'outline_or_box' in options:
            source['outline_or_box'] = True
    if images is not None and 'images' in options:
        source['images'] = str(images)
    report = ReadReport()
    if classes is None:
        labels = read_named_labels(source, img_suffix=img_suffix, report=report)
    else:
        labels = read_labels(source, classes, img_suffix=img_suffix, report=report)
    if known.name == CANONICAL:
        labels = replace(labels, palette=read_classes(str(path))[1])
    ordered = classes is not None or known.name in ORDERED
    is_coco = known.name == 'coco'
    splits = splits_of_files(path, labels) if is_coco and path.is_dir() else {}
    return ReadLabels(labels, known.title, ordered, is_coco, tuple(report.lines()), splits)
