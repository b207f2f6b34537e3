"""A CSV table with one click, box or tag per row: from a spreadsheet, a script, Roboflow or TensorFlow."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

from ...structures import WeakLabelSet
from .class_names import NAMES, ONLY_CLASSES, Names
from .files import read_header, read_rows
from .label_format import TAGS, LabelFormat, Option, ReadReport
from .recognition import columns_of
from .tool_labels import Size, ToolLabels
from .values import image_name, parsed_number, shown, side

COLUMNS = {
    'image': ('image', 'filename', 'file_name', 'file', 'image_id', 'image_path', 'path', 'img', 'id'),
    'class': ('class', 'label', 'labels', 'class_name', 'name', 'category', 'tag', 'tags', 'species'),
    'x': ('x', 'x_center', 'cx', 'col', 'column'),
    'y': ('y', 'y_center', 'cy', 'row'),
    'x1': ('xmin', 'x1', 'x_min', 'left'),
    'y1': ('ymin', 'y1', 'y_min', 'top'),
    'x2': ('xmax', 'x2', 'x_max', 'right'),
    'y2': ('ymax', 'y2', 'y_max', 'bottom'),
    'width': ('width', 'image_width', 'img_width'),
    'height': ('height', 'image_height', 'img_height'),
}
"""The names that a column may have, in upper or lower case."""
CORNERS = ('x1', 'y1', 'x2', 'y2')
DELIMITERS = (',', ';', '\t')


def read_table_csv(
    path: str,
    classes: tuple[str, ...],
    *,
    tags: bool = False,
    only_classes: bool = False,
    names: Names | None = None,
    separator: str = '|',
    img_suffix: str = '.jpg',
    report: ReadReport | None = None,
) -> WeakLabelSet:
    """Read rows with ``image, class, x, y`` as clicks, with ``xmin, ymin, xmax, ymax`` as boxes, others as tags.

    Columns are found by their names. x and y count pixels from 0; corners are measured from the edge of the image. A
    row with empty numbers is an image without labels. A cell of tags contains one or several classes.

    Args:
        path: The CSV file, with commas, semicolons or tabs between the columns.
        classes: Class names by id.
        tags: Whether to keep the classes of clicks and boxes as image tags.
        only_classes: Whether to leave out other names; otherwise they are an error.
        names: Mapping from names in the file to class names, if they differ.
        separator: Separator of the classes in one cell of tags.
        img_suffix: Suffix of the images, if the file names them without one.
        report: Report that counts what is left out.

    Raises:
        FileNotFoundError: If the file does not exist.
        ValueError: If it does not have this form or names an unknown class.
    """
    header, delimiter = read_header(path, 'the CSV file', DELIMITERS)
    found = _columns(header, path)
    report = report or ReadReport()
    per_image: dict[str, list[tuple[Mapping[str, str], str]]] = {}
    for row, where in read_rows(path, 'the CSV file', (), delimiter):
        values = {key: row[column].strip() for key, column in found.items()}
        name = image_name(values['image'], where, found['image'])
        per_image.setdefault(name if Path(name).suffix else name + img_suffix, []).append((values, where))
    labels = ToolLabels(path, classes, tags=tags, only_classes=only_classes, names=names, report=report)
    for name, rows in per_image.items():
        for cells, where in rows:
            _row(cells, found, labels, separator, where)
        labels.finish(name, _size(rows), rows[0][1])
    return labels.label_set()


def _columns(header: Sequence[str], path: str) -> dict[str, str]:
    """The meaning of each column of the file."""
    plain = {column.strip().lower(): column for column in header}
    choices = {key: [plain[name] for name in known if name in plain] for key, known in COLUMNS.items()}
    found = {key: columns[0] for key, columns in choices.items() if columns}
    missing = [key for key in ('image', 'class') if key not in found]
    if missing:
        raise ValueError(
            f'{path}: there is no column for the {missing[0]}, which may be named {", ".join(COLUMNS[missing[0]])}; '
            f'got {shown(list(header))}'
        )
    return found


def _row(values: Mapping[str, str], columns: Mapping[str, str], labels: ToolLabels, separator: str, where: str) -> None:
    for keys in (CORNERS, ('x', 'y')):
        if not all(key in values for key in keys):
            continue
        if not any(values[key] for key in keys):
            labels.report.leave_out('rows without coordinates', where)
            return
        numbers = [parsed_number(values[key], where, columns[key]) for key in keys]
        if keys == CORNERS:
            labels.box(values['class'], numbers, where)
        else:
            labels.pixel(values['class'], numbers[0], numbers[1], where)
        return
    labels.looked()
    for name in filter(None, (part.strip() for part in values['class'].split(separator))):
        labels.tag(name, where)


def _size(rows: Sequence[tuple[Mapping[str, str], str]]) -> Size:
    """The size of an image, if its rows state the same one."""
    if not all(key in rows[0][0] for key in (*CORNERS, 'width', 'height')):
        return None, None
    sizes = {tuple(side(values[key], where, key) for key in ('width', 'height')) for values, where in rows}
    if len(sizes) > 1:
        raise ValueError(f'{rows[0][1]}: the rows of this image have several sizes')
    width, height = next(iter(sizes))
    return width, height


def _recognise(path: Path) -> bool:
    header = {name.lower() for name in columns_of(path)}
    return (
        'locations' not in header
        and not header.isdisjoint(COLUMNS['image'])
        and not header.isdisjoint(COLUMNS['class'])
    )


FORMAT = LabelFormat(
    'table_csv',
    'a CSV table of clicks, boxes or tags',
    'the CSV file',
    read_table_csv,
    _recognise,
    (TAGS, ONLY_CLASSES, NAMES, Option('separator', 'what stands between the classes of one cell of tags')),
)
