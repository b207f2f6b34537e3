"""CRAID (Akiva et al., "Finding Berries", CVPRW 2020): the middles of cranberries in photos from the air."""

from __future__ import annotations

import ast
import csv
from pathlib import Path

import numpy as np

from ...structures import ImageEntry, WeakAnnotations, WeakLabelSet, image_id
from .files import existing, listed_files, relative_id
from .index_png import load_index_image
from .label_format import LabelFormat, Option
from .recognition import columns_of

COLUMNS = ('filename', 'locations')


def read_craid(
    path: str,
    classes: tuple[str, ...],
    *,
    background: str | None = None,
    background_value: int | None = None,
    img_suffix: str = '.png',
) -> WeakLabelSet:
    """Read points of berries, class 1, and of the background, class 0.

    Args:
        path: The CSV file with a row per image, whose ``filename`` is that of the image and whose ``locations`` are
            ``[(x, y), ...]``, pixel i covering [i, i + 1); or the folder of PNG files that are not 0 at a point.
        classes: Class names by id: the background and one class.
        background: The folder of PNG files that are not 0 at a point of the background (``back_masks``).
        background_value: What the PNG files at ``path`` hold at a point of the background, where they hold both kinds
            (2 in ``train/PointsClass``). Without either argument nothing labels the background.
        img_suffix: Suffix of the images, where ``path`` is a folder.

    Raises:
        FileNotFoundError: If a file or folder is missing, or holds no PNG file.
        ValueError: If a file is not of this form, there are not two classes, or ``path`` is a table and a
            ``background_value`` is given.
    """
    if len(classes) != 2:
        raise ValueError(f'craid gives two classes, the background and berries; the data set has {classes}')
    source = existing(path, 'the CSV file or the folder of points')
    if background_value is not None and not source.is_dir():
        raise ValueError(f'{path}: background_value is for a folder of painted points, not for a table')
    images = _read_masks(path, 1, img_suffix, background_value) if source.is_dir() else _read_csv(source)
    labels = WeakLabelSet(classes, images=images)
    if background is None:
        return labels
    found = _read_masks(background, 0, img_suffix)
    return labels.merged(WeakLabelSet(classes, images=found))


def _read_csv(path: Path) -> dict[str, ImageEntry]:
    images: dict[str, ImageEntry] = {}
    with path.open(newline='', encoding='utf-8-sig') as file:
        reader = csv.DictReader(file)
        if not set(COLUMNS) <= set(reader.fieldnames or ()):
            raise ValueError(f'{path}: expected the columns {", ".join(COLUMNS)}, got {reader.fieldnames}')
        for row in reader:
            try:
                places = [(float(x), float(y)) for x, y in ast.literal_eval(row['locations'])]
            except (SyntaxError, TypeError, ValueError) as error:
                raise ValueError(
                    f'{path}, line {reader.line_num}: locations must be [(x, y), ...], got {row["locations"]!r}'
                ) from error
            name = row['filename']
            if image_id(name) in images:
                raise ValueError(f'{path}, line {reader.line_num}: {name!r} has a row already')
            annotations = WeakAnnotations(points=np.floor(places).reshape(-1, 2), point_labels=[1] * len(places))
            images[image_id(name)] = ImageEntry(name, annotations=annotations)
    return images


def _read_masks(folder: str, label: int, img_suffix: str, background_value: int | None = None) -> dict[str, ImageEntry]:
    root, files = listed_files(folder, '.png', 'the folder of painted points')
    images = {}
    for file in files:
        values = load_index_image(file)
        points = np.argwhere(values)[:, ::-1]
        labels = [0 if values[y, x] == background_value else label for x, y in points]
        key = relative_id(file, root, '.png')
        annotations = WeakAnnotations(points=points, point_labels=labels)
        images[key] = ImageEntry(key + img_suffix, values.shape[1], values.shape[0], annotations)
    return images


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
)
