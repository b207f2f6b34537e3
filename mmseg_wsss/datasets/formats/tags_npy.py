"""An array of image tags in a ``.npy`` file, one row per image and one column per class; never a pickle."""

from __future__ import annotations

from pathlib import Path
from tokenize import TokenError

import numpy as np
import numpy.typing as npt

from ...structures import WeakLabelSet
from .collecting import Drawing, ImageCollector
from .files import existing, read_ids
from .label_format import LabelFormat, Option
from .values import image_name, shown

MAGIC = b'\x93NUMPY'
UNREADABLE = (
    ValueError,
    OSError,
    EOFError,
    SyntaxError,
    TypeError,
    ArithmeticError,
    LookupError,
    MemoryError,
    RecursionError,
    TokenError,
)
"""Errors that NumPy raises for damaged headers, which it parses as Python."""
CURE = (
    "If you trust who wrote it, turn it into text once: python -c \"import numpy as np; d = np.load('{name}', "
    "allow_pickle=True).item(); print(*(','.join(map(str, [k, *np.flatnonzero(v)])) for k, v in d.items()), "
    'sep=chr(10))" > tags.txt; then: wsss convert tags_txt tags.txt --first-id 1 (docs/formats.md)'
)
"""How the dictionary of tags by image, as the codes of IRN and AffinityNet save it, becomes a file for ``tags_txt``."""


def read_tags_npy(
    path: str, classes: tuple[str, ...], *, ids: str | None = None, img_suffix: str = '.jpg'
) -> WeakLabelSet:
    """Read an array (images, classes) that is nonzero if an image contains a class.

    Args:
        path: The file.
        classes: Class names by id. The array has one column per class, with or without the background.
        ids: A text file with the image id of each row, one per line.
        img_suffix: Suffix of the images.

    Raises:
        FileNotFoundError: If a file does not exist.
        ValueError: If the file is a pickle or not an array of this form.
    """
    if ids is None:
        raise ValueError(f'{path}: an array does not name its images: --ids FILE (ids=..) lists them, one id per line')
    tags = _load(existing(path, 'the array of tags'))
    names = read_ids(ids)
    if tags.ndim != 2 or len(tags) != len(names) or tags.shape[1] not in (len(classes), len(classes) - 1):
        raise ValueError(
            f'{path}: expected {len(names)} rows, as many as {ids} has ids, and {len(classes) - 1} columns (the '
            f'classes without the background) or {len(classes)}, got the shape {tags.shape}'
        )
    first = len(classes) - tags.shape[1]
    images = ImageCollector(path)
    for index, (key, row) in enumerate(zip(names, tags, strict=True)):
        where = f'{path}, row {index}'
        drawing = Drawing(tags=(np.flatnonzero(row) + first).tolist())
        images.add(image_name(key, where, 'the image id') + img_suffix, (None, None), drawing, where, key=key)
    return images.label_set(classes)


def _load(file: Path) -> npt.NDArray[np.generic]:
    """The numbers of an array; it is only read into memory after its size is checked."""
    if not _recognise(file):
        raise ValueError(f'{file} is not an array of numbers: it does not begin as a .npy file does')
    try:
        tags: npt.NDArray[np.generic] = np.load(file, mmap_mode='r', allow_pickle=False)
    except UNREADABLE as error:
        cause = f'it cannot be read as one ({shown(" ".join(str(error).split()))})'
        if 'Python objects' in str(error):
            cause = f'it holds pickled Python objects, which may run code and are not loaded. {CURE.format(name=file)}'
        raise ValueError(f'{file} is not an array of numbers: {cause}') from error
    if tags.dtype.kind not in 'biuf':
        raise ValueError(f'{file}: expected an array of numbers, got {tags.dtype}')
    return tags


def _recognise(path: Path) -> bool:
    try:
        if not path.is_file():  # opening a named pipe would wait for a writer
            return False
        with path.open('rb') as file:
            return file.read(len(MAGIC)) == MAGIC
    except (OSError, ValueError):
        return False


FORMAT = LabelFormat(
    'tags_npy',
    'an array of image tags',
    'the .npy file',
    read_tags_npy,
    _recognise,
    (Option('ids', 'a text file with the image id of each row', is_path=True),),
    names_classes=False,
)
