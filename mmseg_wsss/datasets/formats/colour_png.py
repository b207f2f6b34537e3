"""Colour PNG: one picture per image, in which colours stand for classes according to a table."""

from __future__ import annotations

import re
from pathlib import Path

import numpy as np
import numpy.typing as npt
from PIL import Image

from ...structures import WeakLabelSet
from .class_names import NAMES, ONLY_CLASSES, ClassNames, Names
from .collecting import Drawing, ImageCollector
from .files import existing, listed_files, read_lines, relative_id
from .label_format import LabelFormat, Option, ReadReport
from .masks import UNLABELLED, write_mask
from .picture_files import load_colours, picture_fits, transparent_pixels
from .recognition import some_files
from .values import shown

TABLES = ('labelmap.txt', 'label_colors.txt', 'class_colors.txt', 'class_dict.csv', 'classes.csv', 'labelmap.csv')
HEADER = re.compile(r'\W*(?:name|class|label)[^\d]*', re.IGNORECASE)
"""The first line of a table that names its columns."""
NUMBERS = re.compile(r'(?<![\w.-])(\d{1,3})[\s,;]+(\d{1,3})[\s,;]+(\d{1,3})(?![\w.-])')
FEW_COLOURS = 64


def read_colour_png(
    path: str,
    classes: tuple[str, ...],
    *,
    masks: str | None = None,
    colours: str | None = None,
    only_classes: bool = False,
    names: Names | None = None,
    suffix: str = '.png',
    img_suffix: str = '.jpg',
    report: ReadReport | None = None,
) -> WeakLabelSet:
    """Convert pictures with one colour per class, such as those of CVAT and CamVid, to masks of class ids.

    Args:
        path: The folder; an image id is the relative path without ``suffix``.
        classes: Class names by id; those of the table are found by name.
        masks: Folder to write the masks to.
        colours: The table, with one line per class: its name and its red, green and blue in 0..255, in either order
            (``labelmap.txt`` of CVAT, ``label_colors.txt`` of CamVid, ``class_dict.csv``). None: the one in or above
            the folder.
        only_classes: Leave pixels of other names unlabelled; else they are an error.
        names: Mapping from names in the table to class names, if they differ.
        suffix: Suffix of the file names.
        img_suffix: Suffix of the images.
        report: Report that counts what is left out.

    Raises:
        FileNotFoundError: If the folder or the table is missing.
        ValueError: If a picture has a colour that is not in the table, or hides one of a class in transparent pixels,
            or names an unknown class.
    """
    if masks is None:
        raise ValueError('colour_png: --masks DIR (masks=..) says where to write the masks of class ids')
    report = report or ReadReport()
    found = ClassNames(classes, names=names, only_classes=only_classes, report=report)
    root, files = listed_files(path, suffix, 'the folder of colour PNG files', report)
    table = _table(root, colours)
    images = ImageCollector(path)
    for file in files:
        values = _ids(file, table, found)
        key = relative_id(file, root, suffix)
        name = key + img_suffix
        drawing = Drawing(mask=write_mask(masks, name, values))
        images.add(name, (values.shape[1], values.shape[0]), drawing, str(file), key=key)
    return images.label_set(found.classes)


def _table(root: Path, colours: str | None) -> dict[int, str]:
    """Class names by colour, which is red * 65536 + green * 256 + blue."""
    if colours is None:
        places = [folder / name for folder in (root, root.resolve().parent) for name in TABLES]
        file = next((place for place in places if place.is_file()), None)
        if file is None:
            raise FileNotFoundError(
                f'{root}: there is no {" or ".join(TABLES)}: --colours FILE names the table of colours'
            )
    else:
        file = existing(colours, 'the table of colours')
    table: dict[int, str] = {}
    for index, line in enumerate(read_lines(file, 'the table of colours'), start=1):
        if line.startswith('#') or (index == 1 and HEADER.fullmatch(line)):
            continue
        where = f'{file}, line {index}'
        match = NUMBERS.search(line.replace(':', ' '))
        name = '' if match is None else (line[: match.start()].strip(' \t,;:=') or line[match.end() :].strip(' \t,;:='))
        if match is None or not name or any(int(value) > 255 for value in match.groups()):
            raise ValueError(f'{where}: expected a name and three numbers in 0..255, got {shown(line)}')
        red, green, blue = map(int, match.groups())
        key = red * 65536 + green * 256 + blue
        if table.setdefault(key, name) != name:
            raise ValueError(f'{where}: {name!r} has the colour of {table[key]!r}')
    return table


def _ids(file: Path, table: dict[int, str], names: ClassNames) -> npt.NDArray[np.uint8]:
    keys = load_colours(file) @ np.array([65536, 256, 1])
    present, index = np.unique(keys, return_inverse=True)
    ids = np.full(len(present), UNLABELLED, dtype=np.uint8)
    for place, key in enumerate(present.tolist()):
        if key not in table:
            colour = (key // 65536, key // 256 % 256, key % 256)
            raise ValueError(
                f'{file}: the colour {colour} of {(keys == key).sum()} pixels is not in the table of colours'
            )
        label = names.find(table[key], str(file))
        if label is not None:
            ids[place] = label
    values: npt.NDArray[np.uint8] = ids[index].reshape(keys.shape)
    hidden = transparent_pixels(file) & ~np.isin(values, (0, UNLABELLED))
    if hidden.any():
        raise ValueError(
            f'{file}: {hidden.sum()} transparent pixels have the colour of a class, such as '
            f'{table[keys[hidden][0]]!r}, which no viewer shows: paint them in the colour of the background, or save '
            'the mask without transparency if they belong to the class'
        )
    return values


def _recognise(path: Path) -> bool:
    files = some_files(path, '.png')
    return bool(files) and all(picture_fits(file, _is_flat) for file in files)


def _is_flat(image: Image.Image) -> bool:
    """Whether a picture in colour has few colours, unlike a photograph."""
    colourful = image.mode in ('RGB', 'RGBA') and image.width * image.height <= 2**26
    return colourful and image.convert('RGB').getcolors(FEW_COLOURS) is not None


FORMAT = LabelFormat(
    'colour_png',
    'colour PNG masks',
    'the folder of PNG files',
    read_colour_png,
    _recognise,
    (
        Option('masks', 'the folder to write masks of class ids to', is_path=True),
        Option('colours', 'the table of names and colours, such as labelmap.txt', is_path=True),
        ONLY_CLASSES,
        NAMES,
        Option('suffix', 'what the names of the files end in'),
    ),
)
