"""Index PNG: one file per image whose labelled pixels hold a class id."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import numpy.typing as npt
from PIL import Image, UnidentifiedImageError

from ...structures import ImageEntry, WeakAnnotations, WeakLabelSet
from .files import listed_files, relative_id
from .label_format import LabelFormat, Option
from .recognition import some_files

FEW_VALUES = 40
"""A mask is told from a grey photograph by how many values it holds."""


def read_index_png(
    path: str,
    classes: tuple[str, ...],
    *,
    unlabelled: int | Sequence[int] = 255,
    suffix: str = '.png',
    img_suffix: str = '.jpg',
) -> WeakLabelSet:
    """Read painted clicks and scribbles; every labelled pixel becomes a point.

    Args:
        path: The folder; an image id is the relative path without ``suffix``.
        classes: Class names by id.
        unlabelled: The value of pixels that nobody labelled, or several values. Files in the wild use 255, the number
            of classes, or 0; with 0 there is no background label in the files.
        suffix: What the names of the files end in.
        img_suffix: Suffix of the images.

    Raises:
        FileNotFoundError: If the folder is missing or holds no such file.
        ValueError: If a file is not an index image or holds a value that is not a class id.
    """
    skipped = [unlabelled] if isinstance(unlabelled, int) else list(unlabelled)
    root, files = listed_files(path, suffix, 'the folder of index PNG files')
    images = {}
    for file in files:
        values = load_index_image(file)
        rows, columns = np.nonzero(~np.isin(values, skipped))
        ids = values[rows, columns].astype(np.int64)
        unknown = sorted(set(np.unique(ids).tolist()) - set(range(len(classes))))
        if unknown:
            raise ValueError(
                f'{file} holds the values {unknown[:8]}, which are not ids of the {len(classes)} classes '
                f'(0..{len(classes) - 1}). If one of them marks unlabelled pixels, say so: unlabelled={unknown[-1]} '
                f'(now {unlabelled}).'
            )
        key = relative_id(file, root, suffix)
        annotations = WeakAnnotations(points=np.stack([columns, rows], axis=1), point_labels=ids)
        images[key] = ImageEntry(key + img_suffix, values.shape[1], values.shape[0], annotations)
    return WeakLabelSet(classes, images=images)


def load_index_image(file: str | Path) -> npt.NDArray[np.integer]:
    """Return the values of an index image (palette PNGs as indices), (H, W).

    Raises:
        FileNotFoundError: If there is no such file.
        ValueError: If it is not an image, or one of colours.
    """
    try:
        with Image.open(file) as image:
            values = np.array(image)
    except UnidentifiedImageError as error:
        raise ValueError(f'{file} is not an image') from error
    if values.ndim != 2:
        raise ValueError(
            f'{file} must have one channel of class ids, got mode {image.mode!r}: colours are not class ids. '
            'Save it as an 8-bit grey or palette PNG.'
        )
    return values.astype(np.int64) if values.dtype == bool else values


def _recognise(path: Path) -> bool:
    files = some_files(path, '.png')
    return bool(files) and all(map(_holds_few_values, files))


def _holds_few_values(file: Path) -> bool:
    """Whether an image has one channel and no more values than a data set has classes, unlike a photograph."""
    try:
        with Image.open(file) as image:
            return image.mode in ('1', 'L', 'P', 'I;16') and len(np.unique(np.asarray(image))) <= FEW_VALUES
    except (OSError, ValueError, SyntaxError, Image.DecompressionBombError):
        return False


FORMAT = LabelFormat(
    'index_png',
    'painted index PNGs',
    'the folder of PNG files',
    read_index_png,
    _recognise,
    (
        Option('unlabelled', 'value(s) of unlabelled pixels', int, several=True),
        Option('suffix', 'what the names of the files end in'),
    ),
)
