"""YOLO text files: boxes and outlines relative to the image size, one file per image, names in ``data.yaml``."""

from __future__ import annotations

import os
import re
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import yaml

from .files import existing, listed_files, read_class_names, read_lines, read_text, relative_id
from .image_files import SUFFIXES, find_image, header_size
from .label_format import LabelFormat, Option
from .recognition import sample_text, some_files
from .tool_labels import IMAGES, SHAPE_OPTIONS, Size, ToolLabels, shape_reader
from .values import parsed_number, shown

NAME_FILES = ('data.yaml', 'data.yml', 'dataset.yaml', 'classes.txt', 'obj.names', '_darknet.labels')
OTHER_TEXTS = (
    'classes.txt',
    'train.txt',
    'val.txt',
    'test.txt',
    'readme.txt',
    'readme.roboflow.txt',
    'readme.dataset.txt',
)
BOX = 5
MOST_EMPTY = 100
"""Number of files that are looked at, because those of images without objects are empty."""
VISIBILITY = re.compile(r'[012](\.0*)?')
KEYPOINTS = 'keypoints of poses, whose boxes are read'


@shape_reader
def read_yolo(path: str, labels: ToolLabels, *, images: str | None = None, class_file: str | None = None) -> None:
    """Read ``class x y width height`` (middle and size) as boxes and ``class x y x y x y ..`` as masks.

    Args:
        path: The folder of the text files, such as ``labels/train``, or of the whole data set; images are then named
            from there (``train/images/a.jpg``).
        labels: The collector that the shapes are added to.
        images: The folder of the images. None: the folder ``images`` next to ``labels``, as in Ultralytics, or the
            folder of the text files, as in Darknet.
        class_file: ``data.yaml``, or a text file of names. None: the nearest one above ``path``. If it has
            ``kpt_shape``, lines of that length are poses; only their boxes are read.

    Raises:
        FileNotFoundError: If the folder, the names or an image are missing.
        ValueError: If a file does not have this form or names an unknown class.
    """
    root, files = listed_files(path, '.txt', 'the folder of YOLO text files', labels.report)
    files = [file for file in files if _is_of_image(file)]
    known, pose = _class_file(root, class_file)
    folder = existing(images or _beside(root, files), 'the folder of the images (--images)')
    for file in files:
        image = find_image(folder, _beside_labels(relative_id(file, root, '.txt')), str(file))
        size = header_size(image)
        for index, line in enumerate(read_lines(file, 'a YOLO text file'), start=1):
            parts, where = line.split(), f'{file}, line {index}'
            if _is_pose(parts, pose):
                labels.report.leave_out(KEYPOINTS, where)
                parts = parts[:BOX]
            _line(parts, known, size, labels, where)
        labels.finish(image.relative_to(folder).as_posix(), size, str(file))


def _line(parts: Sequence[str], known: dict[int, str], size: Size, labels: ToolLabels, where: str) -> None:
    values = [parsed_number(part, where, 'a value') for part in parts]
    index = values[0]
    if index not in known:
        raise ValueError(f'{where}: class {parts[0]} is not one of the {len(known)} names of the class file')
    if any(not -1 <= value <= 2 for value in values[1:]):
        raise ValueError(f'{where}: coordinates must be shares of the image in [0, 1], got {shown(" ".join(parts))}')
    name, (width, height) = known[int(index)], size
    if width is None or height is None:
        raise ValueError(f'{where}: the size of the image is not known')
    if len(values) in (BOX, BOX + 1):  # a sixth value is a confidence
        if min(values[3:BOX]) < 0:
            raise ValueError(f'{where}: a box must have no negative side, got {shown(" ".join(parts))}')
        x, y, across, down = (value * extent for value, extent in zip(values[1:BOX], (width, height) * 2, strict=True))
        labels.box(name, (x - across / 2, y - down / 2, x + across / 2, y + down / 2), where)
    elif len(values) >= 7 and len(values) % 2:
        places = [(x * width, y * height) for x, y in zip(values[1::2], values[2::2], strict=True)]
        labels.outline(name, [places], size, where)
    else:
        raise ValueError(
            f'{where}: expected "class x y width height" or "class x y x y x y ..", got {len(values)} values'
        )


def _is_pose(parts: Sequence[str], length: int | None) -> bool:
    """Whether a line is a box and keypoints, of the length that ``kpt_shape`` gives.

    Without it, a line is a pose if every third value after the box is a visibility 0, 1 or 2, and it cannot be an
    outline, because its number of values is even or one of them is 2.
    """
    if length is not None:
        return len(parts) == length
    visible = parts[BOX + 2 :: 3]
    fits = len(parts) > BOX + 1 and (len(parts) - BOX) % 3 == 0 and all(map(VISIBILITY.fullmatch, visible))
    return fits and (len(parts) % 2 == 0 or any(text.startswith('2') for text in visible))


def _class_file(root: Path, class_file: str | None) -> tuple[dict[int, str], int | None]:
    """Class names by index, and how many values the line of a pose has; None if there are no poses."""
    if class_file is None:
        places = [folder / name for folder in (root, *root.resolve().parents[:3]) for name in NAME_FILES]
        found = next((place for place in places if place.is_file()), None)
        if found is None:
            raise FileNotFoundError(
                f'{root}: neither it nor a folder above has {", ".join(NAME_FILES)}: --class-file FILE says what the '
                'class numbers mean'
            )
    else:
        found = existing(class_file, 'the file of class names')
    if found.suffix.lower() not in ('.yaml', '.yml'):
        return dict(enumerate(read_class_names(found))), None
    try:
        content = yaml.safe_load(read_text(found, 'the file of class names'))
    except (yaml.YAMLError, RecursionError, ValueError, TypeError, AttributeError, KeyError) as error:
        raise ValueError(f'{found} is not YAML: {" ".join(str(error).split())}') from error
    names = content.get('names') if isinstance(content, dict) else None
    pairs = names.items() if isinstance(names, dict) else enumerate(names) if isinstance(names, list) else ()
    table = {index: name for index, name in pairs if type(index) is int and isinstance(name, str)}
    if not table or len(table) != len(names or ()):
        raise ValueError(f'{found}: names must be a list of texts, or an object of them by number, got {shown(names)}')
    return table, _pose_length(content.get('kpt_shape'), found)


def _pose_length(shape: Any, file: Path) -> int | None:
    """Class, box, and two or three values for each keypoint."""
    if shape is None:
        return None
    if not isinstance(shape, list) or len(shape) != 2 or type(shape[0]) is not int or shape[0] < 1:
        count = None
    else:
        count = shape[0] * shape[1] if shape[1] in (2, 3) else None
    if count is None:
        raise ValueError(f'{file}: kpt_shape must be [number of keypoints, 2 or 3], got {shown(shape)}')
    return BOX + int(count)


def _beside(root: Path, files: Sequence[Path]) -> Path:
    """The folder of images that goes with ``labels``, with ``labels/train``, or with a data set that holds these."""
    if all('labels' in file.relative_to(root).parts for file in files):
        return root
    if any(file.stem == files[0].stem and file.suffix.lower() in SUFFIXES for file in files[0].parent.iterdir()):
        return root  # as Darknet has them
    folder = _beside_labels(root.resolve().as_posix())
    if folder == root.resolve().as_posix():
        raise ValueError(f'{root}: coordinates are shares of the image: --images DIR (images=..) says where they are')
    return Path(folder)


def _beside_labels(path: str) -> str:
    """Replace the last part ``labels`` of a path by ``images``, as in data sets of Ultralytics and Roboflow."""
    parts = path.split('/')
    if 'labels' in parts:
        parts[len(parts) - 1 - parts[::-1].index('labels')] = 'images'
    return '/'.join(parts)


def _is_of_image(file: Path) -> bool:
    """Whether a text file may hold the labels of an image; others are notes or lists of images, as ``valid.txt``."""
    first = sample_text(file).lstrip().partition('\n')[0].rstrip()
    return file.name.lower() not in OTHER_TEXTS and Path(first).suffix.lower() not in SUFFIXES


def _recognise(path: Path) -> bool:
    files = [file for file in some_files(path, '.txt', MOST_EMPTY) if _is_of_image(file)]
    lines = [line for file in files for line in sample_text(file).splitlines()[:20] if line.strip()]
    return os.path.isdir(path) and bool(lines) and all(map(_looks_like_a_line, lines))


def _looks_like_a_line(line: str) -> bool:
    parts = line.split()
    if _is_pose(parts, None):
        parts = parts[:BOX]
    try:
        values = [float(part) for part in parts]
    except ValueError:
        return False
    shares = all(-0.5 <= value <= 1.5 for value in values[1:])
    is_class = bool(values) and values[0].is_integer() and values[0] >= 0  # also 0.000000, as NumPy writes it
    return len(parts) >= BOX and is_class and shares and (len(parts) % 2 == 1 or len(parts) == BOX + 1)


FORMAT = LabelFormat(
    'yolo',
    'YOLO text files',
    'the folder of text files, such as labels/train, or of the data set',
    read_yolo,
    _recognise,
    (*SHAPE_OPTIONS, IMAGES, Option('class_file', 'data.yaml or a text file of names', is_path=True)),
)
