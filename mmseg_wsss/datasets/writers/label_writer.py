"""Definition of a writer, its settings, and the conversion of masks to the shapes that it writes."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, BinaryIO, NamedTuple

import numpy as np

from ...files import path_inside
from ...structures import ImageEntry, WeakLabelSet
from .._regions import Mask
from ..formats.index_png import distinct, load_index_image
from ..formats.label_format import ReadReport
from ..formats.masks import UNLABELLED, Area
from ..formats.tool_labels import HALF, IGNORED
from .outlines import Ring, area_outlines

SHAPES = ('polygons', 'brushes')
SMALL = 'areas below --min-area'


@dataclass(frozen=True)
class WriteSettings:
    """Settings of a writer.

    Args:
        shapes: Shapes that masks become: ``'polygons'``, which are easy to correct, or ``'brushes'``, which are exact.
        tolerance: Largest distance of polygons from the mask, in pixels.
        min_area: Polygons with fewer pixels are left out.
        images: The folder of the images, which files of LabelMe refer to.
        address: Prefix of the name of an image in Label Studio.
        report: Report that counts everything that the format cannot express.

    Raises:
        ValueError: If a setting is out of range.
    """

    shapes: str = 'polygons'
    tolerance: float = 0.4
    min_area: int = 1
    images: Path | None = None
    address: str = '/data/local-files/?d='
    report: ReadReport = field(default_factory=ReadReport)

    def __post_init__(self) -> None:
        if self.shapes not in SHAPES:
            raise ValueError(f'shapes must be one of {", ".join(SHAPES)}, got {self.shapes!r}')
        if not self.tolerance >= 0:
            raise ValueError(f'tolerance must be a number of pixels, at least 0, got {self.tolerance}')
        if self.min_area < 0:
            raise ValueError(f'min_area must be a number of pixels, at least 0, got {self.min_area}')


@dataclass(frozen=True)
class LabelWriter:
    """One format that labels are written in.

    Args:
        name: Name in ``wsss export-labels``, which is also the name of the reader of these files.
        title: Description in one line.
        suffix: Ending of the names of its files.
        folder: Whether it writes a folder with a file for each image; otherwise it writes one file.
        write: ``write(labels, output, settings)``; the size of every image must be known.
        beside: Ending of the name of a second file, which replaces ``suffix``.
    """

    name: str
    title: str
    suffix: str
    folder: bool
    write: Callable[[WeakLabelSet, Path, WriteSettings], None]
    beside: str | None = None

    def targets(self, labels: WeakLabelSet, output: Path) -> list[Path]:
        """Return the files that are written.

        Raises:
            ValueError: If the name of an image would lead out of the folder.
        """
        if self.folder:
            return [path_inside(output, key + self.suffix) for key in labels.images]
        return [output, *([] if self.beside is None else [output.with_suffix(self.beside)])]


class Outlined(NamedTuple):
    """An area of a mask as its outline."""

    name: str
    ring: Ring


class Brushed(NamedTuple):
    """An area of a mask as its pixels."""

    name: str
    pixels: Area


def painted_areas(
    key: str, entry: ImageEntry, classes: Sequence[str], settings: WriteSettings
) -> list[Outlined] | list[Brushed]:
    """Return the areas of the mask of an image in the order in which they are painted; none if it does not have a mask.

    Unlabelled pixels have the name ``__ignore__``.

    Raises:
        FileNotFoundError: If the mask is missing.
        ValueError: If its size differs from that of the image, or it contains a value that is not a class.
    """
    if entry.annotations.mask_path is None:
        return []
    mask = checked_mask(key, entry, entry.annotations.mask_path, classes)
    names = {**dict(enumerate(classes)), UNLABELLED: IGNORED}
    if settings.shapes == 'brushes':
        values = [value for value in distinct(mask) if value] or [0]
        return [Brushed(names[value], mask == value) for value in values]
    outlines, small = area_outlines(mask, tolerance=settings.tolerance, min_area=settings.min_area)
    for _ in range(small):
        settings.report.leave_out(SMALL, key)
    return [Outlined(names[value], ring) for value, ring in outlines]


def write_json_list(file: BinaryIO, items: Iterable[Any]) -> None:
    """Write a JSON list as ``json.dumps`` does, one item after the other."""
    between = b'['
    for item in items:
        file.write(between + json.dumps(item).encode())
        between = b', '
    file.write(b']' if between == b', ' else b'[]')


def leave_out_each(report: ReadReport, what: str, count: int, key: str) -> None:
    """Count the labels of one kind that an image has, each for itself."""
    for index in range(count):
        report.leave_out(what, f'{key} no. {index}')


def size_of(key: str, entry: ImageEntry) -> tuple[int, int]:
    """Return (width, height) of an image.

    Raises:
        ValueError: If it is not known.
    """
    if entry.size is None:
        raise ValueError(f'image {key!r}: its width and height must be known before its labels are written')
    return entry.size


def checked_mask(key: str, entry: ImageEntry, path: str, classes: Sequence[str]) -> Mask:
    """Load the mask of an image.

    Raises:
        FileNotFoundError: If it is missing.
        ValueError: If its size differs from that of the image, or it contains a value that is not a class.
    """
    mask = load_index_image(path)
    if mask.shape[::-1] != entry.size:
        raise ValueError(
            f'image {key!r}: its mask {path} is {mask.shape[1]} x {mask.shape[0]} pixels, '
            f'expected the size of the image, {entry.width} x {entry.height}'
        )
    unknown = [value for value in distinct(mask) if value != UNLABELLED and not 0 <= value < len(classes)]
    if unknown:
        raise ValueError(
            f'image {key!r}: its mask {path} holds the values {unknown[:8]}, expected ids of '
            f'the {len(classes)} classes or {UNLABELLED}. Are these the classes of the masks?'
        )
    return mask


def box_edges(box: Sequence[float]) -> tuple[float, float, float, float]:
    """Return the corners of a box as tools measure them, from the edge of the image."""
    x1, y1, x2, y2 = map(float, box)
    return x1, y1, x2 + 1, y2 + 1


def click_place(click: np.ndarray[tuple[int, ...], np.dtype[np.float64]]) -> list[float]:
    """Return the position of a click as tools measure it, from the edge of the image."""
    x, y = (click + HALF).tolist()
    return [x, y]


def line_vertices(line: np.ndarray[tuple[int, ...], np.dtype[np.float64]]) -> list[list[float]]:
    """Return the vertices of a scribble as tools measure them; they need two, so the vertex of a dot is repeated."""
    vertices: list[list[float]] = (line + HALF).tolist()
    return vertices * 2 if len(vertices) == 1 else vertices
