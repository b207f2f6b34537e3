"""A CSV table with one click, box or tag per row: from a spreadsheet, a script, Roboflow or TensorFlow."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from pathlib import Path

from ...structures import WeakLabelSet
from .class_names import NAMES, ONLY_CLASSES, Names
from .files import read_header, read_rows
from .image_files import picture_name
from .label_format import TAGS, LabelFormat, Option, ReadReport
from .recognition import columns_of, sample_text
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
OTHER_PLACES = ('bbox', 'box', 'bounding_box', 'polygon', 'points', 'segmentation', 'geometry', 'rle', 'encodedpixels')
"""The names of columns whose cells hold whole shapes."""
NUMBERS = ('col', 'column', 'row')
"""The names of columns that hold something else if the other coordinate is missing, such as the number of the row."""
TICKS = ('0', '1')
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
    row with empty numbers is an image without labels. A cell of tags contains one or several classes; a table with a
    column of 0 and 1 for each class has the tags of one image per row.

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
    rows = list(read_rows(path, 'the CSV file', (), delimiter))
    ticked = _class_columns(header, rows)
    found = _columns([*header, 'class'] if ticked else header, [row for row, _ in rows], path)
    report = report or ReadReport()
    per_image: dict[str, list[tuple[Mapping[str, str], str]]] = {}
    for row, where in rows:
        if ticked:
            row['class'] = separator.join(_ticked(row, ticked, where))
        values = {key: row[column].strip() for key, column in found.items()}
        name = image_name(values['image'], where, found['image'])
        per_image.setdefault(picture_name(name, img_suffix), []).append((values, where))
    labels = ToolLabels(path, classes, tags=tags, only_classes=only_classes, names=names, report=report)
    for name, found_rows in per_image.items():
        for cells, where in found_rows:
            _row(cells, found, labels, separator, where)
        labels.finish(name, _size(found_rows), found_rows[0][1])
    return labels.label_set()


def _class_columns(header: Sequence[str], rows: Sequence[tuple[dict[str, str], str]]) -> list[str]:
    """The columns of a table with a 0 or 1 for each class, as Roboflow writes it; none in other tables."""
    known = {name for names in COLUMNS.values() for name in names}
    others = [column for column in header if column.strip().lower() not in COLUMNS['image']]
    is_ticked = rows and all(rows[0][0][column].strip() in TICKS for column in others)
    return others if is_ticked and known.isdisjoint(column.strip().lower() for column in others) else []


def _ticked(row: Mapping[str, str], columns: Sequence[str], where: str) -> list[str]:
    for column in columns:
        if row[column].strip() not in TICKS:
            raise ValueError(
                f'{where}: {column.strip()} must be 1 or 0, whether the image has this class, got {shown(row[column])}'
            )
    return [column.strip() for column in columns if row[column].strip() == '1']


def _columns(header: Sequence[str], rows: Sequence[Mapping[str, str]], path: str) -> dict[str, str]:
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
    _check_places(plain, found, rows, path)
    return found


def _check_places(
    plain: Mapping[str, str], found: Mapping[str, str], rows: Sequence[Mapping[str, str]], path: str
) -> None:
    """Reject columns of places that would not be read, or that may mean something else."""
    corners, click = [key for key in CORNERS if key in found], [key for key in ('x', 'y') if key in found]
    if len(click) == 1 and found[click[0]].strip().lower() in NUMBERS:
        click = []
    sizes = [plain[name] for name in ('width', 'height', 'w', 'h', 'bbox_width', 'bbox_height') if name in plain]
    unread = [plain[name] for name in OTHER_PLACES if name in plain]
    if len(corners) == len(CORNERS):
        return
    if len(click) == 2 and not corners and (not sizes or _are_of_images(sizes, found, rows)):
        return
    columns = [*(found[key] for key in (*corners, *click)), *(sizes if click or corners else ()), *unread]
    if columns:
        raise ValueError(
            f'{path}: the columns {", ".join(map(repr, columns))} are not read: expected x and y of clicks, with the '
            'size of the image in image_width and image_height, or xmin, ymin, xmax, ymax of boxes, in pixels'
        )


def _are_of_images(sizes: Sequence[str], found: Mapping[str, str], rows: Sequence[Mapping[str, str]]) -> bool:
    """Whether width and height are those of images: one for all clicks of an image, which lie inside, in many rows."""
    if sizes != [found.get('width'), found.get('height')]:
        return False
    per_image: dict[str, list[str]] = {}
    for row in rows:
        size = [row[column].strip() for column in sizes]
        try:
            is_inside = all(
                not row[found[key]].strip() or 0 <= float(row[found[key]]) < float(side)
                for key, side in zip(('x', 'y'), size, strict=True)
            )
        except ValueError:
            return False
        if not is_inside or per_image.setdefault(row[found['image']], size) != size:
            return False
    return len(per_image) < len(rows)


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
    if values['class'].startswith(('[{', '{"')):
        raise ValueError(f'{where}: {columns["class"]} must hold names of classes, got JSON: {shown(values["class"])}')
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
    if header.isdisjoint(COLUMNS['image']) or not header.isdisjoint(('locations', 'annotation_id')):
        return False
    rows = [re.split('[,;\t]', line)[1:] for line in sample_text(path).splitlines()[1:20]]
    are_ticked = bool(rows) and all(cells and {cell.strip() for cell in cells} <= {*TICKS} for cells in rows)
    return are_ticked or not header.isdisjoint(COLUMNS['class'])


FORMAT = LabelFormat(
    'table_csv',
    'a CSV table of clicks, boxes or tags',
    'the CSV file',
    read_table_csv,
    _recognise,
    (TAGS, ONLY_CLASSES, NAMES, Option('separator', 'what stands between the classes of one cell of tags')),
)
