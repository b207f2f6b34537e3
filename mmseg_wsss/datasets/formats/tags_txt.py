"""A text file of image tags: the name of an image and its classes, by name or by id, one image per line."""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path

from ...structures import WeakLabelSet
from .class_names import NAMES, ONLY_CLASSES, ClassNames, Names
from .collecting import Drawing, ImageCollector
from .files import read_text
from .label_format import LabelFormat, Option, ReadReport
from .recognition import sample_text
from .values import image_name, shown

PICTURE = re.compile(r'\.(jpe?g|png|bmp|tiff?|webp)$', re.IGNORECASE)
AFTER_PICTURE = re.compile(r'\.(jpe?g|png|bmp|tiff?|webp)\s', re.IGNORECASE)


def read_tags_txt(
    path: str,
    classes: tuple[str, ...],
    *,
    first_id: int = 0,
    only_classes: bool = False,
    names: Names | None = None,
    img_suffix: str = '.jpg',
    report: ReadReport | None = None,
) -> WeakLabelSet:
    """Read lines such as ``2007_000032.jpg 1 15`` or ``field/1.jpg,crop,weed``; an image without classes has none.

    Args:
        path: The file, with commas, tabs or blanks between image and classes.
        classes: Class names by id.
        first_id: The id of 0 in files with numbers; 1 if 0 in the file is the first class and not the background.
        only_classes: Whether to leave out other names; otherwise they are an error.
        names: Mapping from names in the file to class names, if they differ.
        img_suffix: Suffix of the images, if the file names them without one.
        report: Report that counts what is left out.

    Raises:
        FileNotFoundError: If the file does not exist.
        ValueError: If it does not have this form or names an unknown class.
    """
    found = ClassNames(classes, names=names, only_classes=only_classes, report=report)
    images = ImageCollector(path)
    tagged = False
    lines = enumerate(read_text(path, 'the file of tags').splitlines(), start=1)
    rows = [(_cells(line), f'{path}, line {index}') for index, line in lines]
    _check_ids(rows)
    for (first, *rest), where in rows:
        if not first:
            continue
        name = image_name(first, where, 'the image')
        _check_blanks(first, rest, where)
        drawing, tagged = Drawing(tags=[]), tagged or bool(rest)
        for cell in rest:
            label = _label(cell, found, first_id, where)
            if label is not None:
                drawing.tag(label)
        images.add(name if PICTURE.search(name) else name + img_suffix, (None, None), drawing, where)
    if images.images and not tagged:
        raise ValueError(
            f'{path}: no line names a class after the image: is it a split file? Expected such as "1.jpg weed crop"'
        )
    return images.label_set(found.classes)


def _cells(line: str) -> Sequence[str]:
    """The parts of a line; a line with only an image has one part, which may be empty."""
    delimiter = next((mark for mark in ('\t', ',') if mark in line), None)
    parts = [part.strip() for part in line.strip().split(delimiter)]
    return [parts[0], *filter(None, parts[1:])] if parts else ['']


def _check_blanks(first: str, rest: Sequence[str], where: str) -> None:
    """Reject a line whose names of images or classes have been divided, or were not, at a blank."""
    if AFTER_PICTURE.search(first) and not PICTURE.search(first):
        raise ValueError(
            f'{where}: {shown(first)} has text after the name of an image: divide all parts of a line by the same '
            'sign, a tab, comma or blank'
        )
    wrong = next((cell for cell in rest if PICTURE.search(cell)), None)
    if wrong is not None:
        raise ValueError(
            f'{where}: {shown(wrong)} is the name of an image and no class: if names of images have blanks, divide '
            'image and classes by tabs or commas'
        )


def _check_ids(rows: Sequence[tuple[Sequence[str], str]]) -> None:
    """Reject rows with a 0 or 1 for each class, which would be read as the ids 0 and 1."""
    marks = [(cells[1:], where) for cells, where in rows if len(cells) > 1]
    if len({len(cells) for cells, _ in marks}) != 1 or not all({*cells} <= {'0', '1'} for cells, _ in marks):
        return  # such as a class for each object of the image
    cells, where = next(((cells, where) for cells, where in marks if len(cells) > len({*cells})), ((), ''))
    if cells:
        raise ValueError(
            f'{where}: expected class names or ids, each once, got {shown(" ".join(cells))}. Rows with a 0 or 1 for '
            'each class are read by tags_npy (an array) and table_csv (a table whose first line names the classes)'
        )


def _label(cell: str, names: ClassNames, first_id: int, where: str) -> int | None:
    if not (cell.isascii() and cell.isdecimal()) or cell in names:
        return names.find(cell, where)
    label = int(cell[:9]) + first_id
    if not 0 <= label < len(names.classes):
        raise ValueError(
            f'{where}: {shown(cell)} is not the id of one of the {len(names.classes)} classes (first_id={first_id})'
        )
    return label


def _recognise(path: Path) -> bool:
    lines = [line for line in sample_text(path).splitlines()[:20] if line.strip()]
    return (
        path.suffix.lower() in ('.txt', '.lst')
        and bool(lines)
        and all(PICTURE.search(_cells(line)[0]) and len(_cells(line)) > 1 for line in lines)
        and not any(PICTURE.search(_cells(line)[1]) for line in lines)
    )


FORMAT = LabelFormat(
    'tags_txt',
    'a text file of image tags',
    'the text file',
    read_tags_txt,
    _recognise,
    (ONLY_CLASSES, NAMES, Option('first_id', 'the class id that 0 stands for in a file of numbers: 0 or 1', int)),
)
