"""CRAID (Akiva et al., "Finding Berries", CVPRW 2020): the centres of cranberries in aerial photos."""

from __future__ import annotations

import ast
from math import floor
from pathlib import Path

import numpy as np

from ...structures import ImageEntry, WeakLabelSet, image_id
from .collecting import Drawing, ImageCollector
from .files import existing, listed_files, read_rows, relative_id
from .index_png import load_index_image
from .label_format import LabelFormat, Option, ReadReport
from .recognition import columns_of
from .values import image_name, numbers, shown

COLUMNS = ('filename', 'locations')


def read_craid(
    path: str,
    classes: tuple[str, ...],
    *,
    background: str | None = None,
    background_value: int | None = None,
    img_suffix: str = '.png',
    report: ReadReport | None = None,
) -> WeakLabelSet:
    """Read points of berries, class 1, and of the background, class 0.

    Args:
        path: The CSV file with a row per image, whose ``filename`` is that of the image and whose ``locations`` are
            ``[(x, y), ...]``, where pixel i covers [i, i + 1); or the folder of PNG files that are not 0 at a point.
        classes: Class names by id: the background and one class.
        background: The folder of PNG files that are not 0 at a point of the background (``back_masks``).
        background_value: Value of the background points in the PNG files at ``path``, if they contain both kinds
            (2 in ``train/PointsClass``). Without either argument, the background has no labels.
        img_suffix: Suffix of the images, if ``path`` is a folder.
        report: Report that counts what is left out.

    Raises:
        FileNotFoundError: If a file or folder is missing, or a folder contains no PNG files.
        ValueError: If a file does not have this form, the number of classes is not two, or ``path`` is a table and
            a ``background_value`` is given.
    """
    if len(classes) != 2:
        raise ValueError(f'craid gives two classes, the background and berries; the data set has {classes}')
    source = existing(path, 'the CSV file or the folder of points')
    if background_value is not None and not source.is_dir():
        raise ValueError(f'{path}: background_value is for a folder of painted points, not for a table')
    images = _read_masks(path, 1, img_suffix, report, background_value) if source.is_dir() else _read_csv(source)
    labels = WeakLabelSet(classes, images=images)
    if background is None:
        return labels
    found = _read_masks(background, 0, img_suffix, report)
    return labels.merged(WeakLabelSet(classes, images=found))


def _read_csv(path: Path) -> dict[str, ImageEntry]:
    images = ImageCollector(str(path))
    for row, where in read_rows(path, 'the CSV file of points', COLUMNS):
        try:
            places = ast.literal_eval(row['locations'])
        except (MemoryError, RecursionError, SyntaxError, TypeError, ValueError):
            places = None
        if not isinstance(places, list | tuple):
            raise ValueError(f'{where}: locations must be [(x, y), ...], got {shown(row["locations"])}')
        drawing = Drawing()
        for place in places:
            x, y = numbers(place, 2, where, 'locations must be [(x, y), ...] of numbers')
            drawing.click(floor(x), floor(y), 1)
        name = image_name(row['filename'], where, 'filename')
        if image_id(name) in images.images:
            raise ValueError(f'{where}: {name!r} already has a row')
        images.add(name, (None, None), drawing, where)
    return images.images


def _read_masks(
    folder: str, label: int, img_suffix: str, report: ReadReport | None, background_value: int | None = None
) -> dict[str, ImageEntry]:
    root, files = listed_files(folder, '.png', 'the folder of painted points', report)
    images = ImageCollector(folder)
    for file in files:
        values = load_index_image(file)
        drawing = Drawing()
        for y, x in np.argwhere(values).tolist():
            drawing.click(x, y, 0 if values[y, x] == background_value else label)
        key = relative_id(file, root, '.png')
        images.add(key + img_suffix, (values.shape[1], values.shape[0]), drawing, str(file), key=key)
    return images.images


def _recognise(path: Path) -> bool:
    return {*columns_of(path)}.issuperset(COLUMNS)


FORMAT = LabelFormat(
    'craid',
    'points of CRAID',
    'the CSV file, or a folder of painted points',
    read_craid,
    _recognise,
    (
        Option('background', 'the folder of painted points of the background', is_path=True),
        Option('background_value', 'what painted points of the background hold (CRAID: 2)', int),
    ),
    img_suffix='.png',
    names_classes=False,
)
