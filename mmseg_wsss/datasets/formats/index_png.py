"""Index PNG: one file per image, in which the value of a labelled pixel is its class id."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

import numpy as np
import numpy.typing as npt
from PIL import Image, UnidentifiedImageError

from ...structures import WeakAnnotations, WeakLabelSet
from ..workers import WorkerSettings, each
from .class_names import number_pair
from .collecting import ImageCollector
from .files import listed_files, relative_id
from .label_format import LabelFormat, Option, ReadReport
from .masks import UNLABELLED, write_mask
from .picture_files import MAX_PIXELS, PICTURE_ERRORS, no_image, picture_fits, unlimited
from .pseudo_labels import is_pseudo_labels
from .recognition import some_files

FEW_VALUES = 40
"""Number of values that distinguishes a mask from a grey photograph."""
MANY_VALUES = 16
"""Number of values that are not classes from which a mask is taken to have smooth edges."""
DENSE = (1_000, 10_000)
"""Range of the limit (a tenth of the image) of labelled pixels above which a file is a dense mask."""
Values = npt.NDArray[np.integer]


def read_index_png(
    path: str,
    classes: tuple[str, ...],
    *,
    unlabelled: int | Sequence[int] = 255,
    remap: Mapping[int, int] | Iterable[tuple[int, int]] | None = None,
    suffix: str = '.png',
    img_suffix: str = '.jpg',
    masks: str | None = None,
    workers: int = 1,
    report: ReadReport | None = None,
) -> WeakLabelSet:
    """Read painted clicks and scribbles, whose labelled pixels become points, and dense masks.

    A file is a dense mask if more than a tenth of its pixels are labelled, but at least 1,000; more than 10,000 are
    enough in any case. It is used without changes if it contains class ids and 255. If other values are
    unlabelled or stand for other ids, it is written again to ``masks``.

    Args:
        path: The folder; an image id is the relative path without ``suffix``.
        classes: Class names by id.
        unlabelled: The value, or several values, of unlabelled pixels. Files in the wild use 255, the number of
            classes, or 0; with 0 the files contain no background labels.
        remap: Mapping from values in the files to class ids, if they differ.
        suffix: Suffix of the file names.
        img_suffix: Suffix of the images.
        masks: Folder to write dense masks to. Without it, masks that would have to be written become points.
        workers: The number of processes that read the files; 0 means one for each core.
        report: Report that counts what is left out.

    Raises:
        FileNotFoundError: If the folder is missing or holds no such file.
        ValueError: If a file is not an index image or holds a value that is not a class id, or dense masks only
            contain 0 and 255.
    """
    WorkerSettings(workers=workers)  # checks the number
    report = report or ReadReport()
    skipped = [unlabelled] if isinstance(unlabelled, int) else list(unlabelled)
    ids_of = dict(remap or {})
    root, files = listed_files(path, suffix, 'the folder of index PNG files', report)
    images = ImageCollector(path)
    seen: set[int] = set()
    painted = False

    def read(file: Path) -> tuple[tuple[int, int], WeakAnnotations, bool, list[int], bool]:
        raw = load_index_image(file)
        values = _mapped(raw, skipped, ids_of, len(classes), file)
        name = relative_id(file, root, suffix) + img_suffix
        is_dense = _is_dense(values)
        kept = is_dense and (masks is not None or np.array_equal(raw, values))
        if kept:
            labels = WeakAnnotations(mask_path=str(file) if masks is None else write_mask(masks, name, values))
        else:
            labels = _points(values)
        many = int((values != UNLABELLED).sum()) * 10 > values.size
        return (values.shape[1], values.shape[0]), labels, is_dense and not kept, distinct(raw), many

    for file, (size, labels, as_points, present, many) in zip(files, each(read, files, workers=workers), strict=True):
        seen.update(present)
        painted |= many
        if as_points:
            report.change('dense masks written as points (--masks DIR writes masks)', str(file))
        key = relative_id(file, root, suffix)
        images.add(key + img_suffix, size, labels, str(file), key=key)
    if painted:
        check_foreground(seen - {*ids_of}, len(classes), path)
    return images.label_set(classes)


def check_foreground(values: Iterable[int], num_classes: int, source: str) -> None:
    """Reject masks that only contain 0 and 255, which most likely mean background and object.

    Raises:
        ValueError: If they do.
    """
    if {*values} == {0, UNLABELLED} and num_classes > 1:
        raise ValueError(
            f'{source}: the masks hold only 0 and 255. 255 is unlabelled here, so all labels are of class 0. If 255 is '
            'the object, turn it into class 1 first: wsss convert index_png --remap 255=1 --unlabelled 254 --masks DIR'
        )


def hint_of_values(values: Sequence[int], num_classes: int, ignore_index: int = UNLABELLED) -> str:
    """Return what the values of a mask suggest: smooth edges, or classes that are counted from 1; else nothing."""
    unknown = [value for value in values if not 0 <= value < num_classes and value != ignore_index]
    if len(unknown) >= MANY_VALUES:
        return (
            f' {len(unknown)} such values come from smooth edges (anti-aliasing), JPEG or resizing with interpolation: '
            'save masks as PNG with hard edges, and resize them with nearest neighbours.'
        )
    if unknown != [num_classes] or 0 in values:
        return ''
    return f' They may count the classes from 1: then write every value less one, and {ignore_index} stays.'


def _mapped(raw: Values, skipped: list[int], ids_of: dict[int, int], count: int, file: Path) -> npt.NDArray[np.uint8]:
    """Class ids, and 255 for pixels without one."""
    present = distinct(raw)
    unknown = [v for v in present if v not in ids_of and v not in skipped and not 0 <= v < count]
    if unknown:
        raise ValueError(
            f'{file} holds the values {unknown[:8]}, which are not ids of the {count} classes '
            f'(0..{count - 1}). If one of them marks unlabelled pixels, say so: unlabelled={unknown[-1]} '
            f'(now {skipped[0] if len(skipped) == 1 else skipped}). If one stands for a '
            f'class: remap={{{unknown[0]}: ID}}.{hint_of_values(present, count)}'
        )
    if not ids_of and not {UNLABELLED, *skipped}.intersection(present) - {UNLABELLED}:
        return raw.astype(np.uint8, copy=False)
    values = np.full(raw.shape, UNLABELLED, dtype=np.uint8)
    for value in present:
        label = ids_of.get(value, UNLABELLED if value in skipped else value)
        if label != UNLABELLED and not 0 <= label < count:
            raise ValueError(f'{file}: remap gives {value} the id {label}, which is not one of the {count} classes')
        values[raw == value] = label
    return values


def distinct(values: Values) -> list[int]:
    """Return the values of a mask, sorted; faster than sorting if there are few bits."""
    if values.dtype != np.uint8:
        return [int(value) for value in np.unique(values)]
    seen = np.zeros(256, dtype=np.bool_)
    for row in values:
        seen[row] = True
    return [int(value) for value in np.flatnonzero(seen)]


def _is_dense(values: npt.NDArray[np.uint8]) -> bool:
    low, high = DENSE
    return int((values != UNLABELLED).sum()) > min(max(values.size // 10, low), high)


def _points(values: npt.NDArray[np.uint8]) -> WeakAnnotations:
    rows, columns = np.nonzero(values != UNLABELLED)
    return WeakAnnotations(
        points=np.stack([columns, rows], axis=1).astype(np.float64),
        point_labels=values[rows, columns].astype(np.int64),
    )


def load_index_image(file: str | Path) -> Values:
    """Return the values of an index image (palette PNGs as indices), (H, W).

    Raises:
        FileNotFoundError: If the file does not exist.
        ValueError: If it is not an image, is a colour image, is damaged or is too large.
    """
    try:
        with unlimited(), Image.open(file) as image:
            (width, height), mode = image.size, image.mode
            values = np.array(image) if width * height <= MAX_PIXELS else None
    except UnidentifiedImageError as error:
        raise ValueError(no_image(file)) from error
    except FileNotFoundError:
        raise
    except PICTURE_ERRORS as error:
        raise ValueError(f'{file} is not an image that can be read, or is damaged: {error}') from error
    if values is None:
        stated = f'{width} x {height} pixels'
        raise ValueError(f'{file} is too large for a mask: it states {stated}. Cut image and mask into tiles.')
    if values.ndim != 2:
        raise ValueError(
            f'{file} must have one channel of class ids, got mode {mode!r}: colours are not class ids. '
            'Save it as an 8-bit grey or palette PNG.'
        )
    if values.dtype == bool:
        return values.astype(np.uint8)
    if values.dtype.kind == 'f':
        if not np.isfinite(values).all() or (values != np.rint(values)).any():
            raise ValueError(f'{file} holds {values.dtype} values that are not integers: masks hold class ids')
        return values.astype(np.int64)
    return values


def _recognise(path: Path) -> bool:
    files = [] if is_pseudo_labels(path) else some_files(path, '.png')
    return bool(files) and all(picture_fits(file, _holds_few_values) for file in files)


def _holds_few_values(image: Image.Image) -> bool:
    """Whether an image has one channel and no more values than a data set has classes, unlike a photograph."""
    return image.mode in ('1', 'L', 'P', 'I;16') and len(np.unique(np.asarray(image))) <= FEW_VALUES


FORMAT = LabelFormat(
    'index_png',
    'painted index PNGs',
    'the folder of PNG files',
    read_index_png,
    _recognise,
    (
        Option('unlabelled', 'value(s) of unlabelled pixels', int, several=True),
        Option('remap', 'values in the files that stand for a class id: 26=1', number_pair, several=True),
        Option('suffix', 'what the names of the files end in'),
        Option('masks', 'a folder to write dense masks to, with class ids and 255 unlabelled', is_path=True),
        Option('workers', 'processes that read the files; 0: one per core', int),
    ),
    names_classes=False,
)
