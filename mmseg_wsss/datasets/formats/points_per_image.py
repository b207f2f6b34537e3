"""One CSV file of points per image, from a points or shapes layer of napari, or from ImageJ."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

from .files import listed_files, read_header, read_rows, relative_id
from .image_files import picture_name
from .label_format import LabelFormat, Option
from .recognition import columns_of, some_files
from .tool_labels import SHAPE_OPTIONS, ToolLabels, shape_reader
from .values import parsed_number, shown

AXES = (('axis-1', 'axis-0'), ('X', 'Y'), ('x', 'y'))
"""Columns of x and y in files of napari, in which axis 0 points down, and of ImageJ."""
CLASS_COLUMNS = ('class', 'label', 'Class', 'Label', 'name', 'Name', 'Type')
DELIMITERS = (',', ';', '\t')


@shape_reader
def read_points_per_image(
    path: str, labels: ToolLabels, *, class_name: str | None = None, img_suffix: str = '.jpg'
) -> None:
    """Read the rows of every file as clicks on the class that a column, or ``class_name``, names.

    Args:
        path: The folder, or one file; an image has the name of its file without ``.csv``.
        labels: The collector that the clicks are added to.
        class_name: The class of all points, if the files do not have a column for it.
        img_suffix: Suffix of the images.

    Raises:
        FileNotFoundError: If the file does not exist.
        ValueError: If a file does not have this form or names an unknown class.
    """
    root, files = listed_files(path, '.csv', 'the folder of CSV files', labels.report, or_file=True)
    for file in files:
        header, delimiter = read_header(file, 'the CSV file', DELIMITERS)
        across, down = _axes(header, str(file))
        for row, where in read_rows(file, 'the CSV file', (), delimiter):
            x, y = parsed_number(row[across], where, across), parsed_number(row[down], where, down)
            labels.pixel(_class(row, class_name, where), x, y, where)
        labels.finish(picture_name(relative_id(file, root, '.csv'), img_suffix), (None, None), str(file))


def _axes(header: Sequence[str], where: str) -> tuple[str, str]:
    """The columns of x and y."""
    found = next((pair for pair in AXES if all(key in header for key in pair)), None)
    if found is None or 'axis-2' in header or 'shape-type' in header:
        known = ' or '.join(f'{x} and {y}' for x, y in AXES)
        raise ValueError(f'{where}: expected the points of one image, with the columns {known}, got {shown(header)}')
    return found


def _class(row: Mapping[str, str], class_name: str | None, where: str) -> str:
    if class_name is not None:
        return class_name
    column = next((name for name in CLASS_COLUMNS if name in row), None)
    if column is None:
        raise ValueError(f'{where}: there is no column for the class: --class-name NAME says what all points are')
    return row[column].strip()


def _recognise(path: Path) -> bool:
    headers = [{*columns_of(file)} for file in some_files(path, '.csv')]
    fits = [bool(header) and any(header.issuperset(axes) for axes in AXES[:2]) for header in headers]
    return bool(fits) and all(fits) and not any({'image', 'filename'} & {*map(str.lower, header)} for header in headers)


FORMAT = LabelFormat(
    'points_per_image',
    'points of napari or ImageJ',
    'the folder of CSV files, or one file',
    read_points_per_image,
    _recognise,
    (*SHAPE_OPTIONS[1:4], Option('class_name', 'the class of all points, where the files do not name it')),
)
