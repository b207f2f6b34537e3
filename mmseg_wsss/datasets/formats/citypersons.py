"""CityPersons: one JSON file of person boxes per Cityscapes image."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from ...structures import ImageEntry, WeakAnnotations, WeakLabelSet
from .files import listed_files, load_json, relative_id
from .label_format import LabelFormat, Option
from .recognition import json_with, some_files

SUFFIX = '_gtBboxCityPersons.json'
PERSONS = ('pedestrian', 'rider', 'sitting person', 'person (other)')


def read_citypersons(
    path: str,
    classes: tuple[str, ...],
    *,
    visible: bool = True,
    persons: Sequence[str] = PERSONS,
    img_suffix: str = '_leftImg8bit.png',
) -> WeakLabelSet:
    """Read the boxes of persons from ``<city>/*_gtBboxCityPersons.json`` below a folder; all of them get class 1.

    Groups of people and regions to ignore are left out. A box [x, y, width, height] counts pixels from 0; what of it
    lies outside of the image is cut off.

    Args:
        path: The folder, such as ``gtBboxCityPersons/train``; an image id is the relative path without the suffix.
        classes: Class names by id: the background and one class.
        visible: Take the box of the visible part (``bboxVis``) and not that of the whole body (``bbox``).
        persons: The labels that count as persons.
        img_suffix: Suffix of the images.

    Raises:
        FileNotFoundError: If the folder is missing or holds no such file.
        ValueError: If a file is not of this form, or there are not two classes.
    """
    if len(classes) != 2:
        raise ValueError(f'citypersons gives two classes, the background and persons; the data set has {classes}')
    root, files = listed_files(path, SUFFIX, 'the folder of CityPersons JSON files')
    key = 'bboxVis' if visible else 'bbox'
    images = {}
    for file in files:
        data = load_json(file, 'a CityPersons file')
        try:
            width, height = int(data['imgWidth']), int(data['imgHeight'])
            found = [item[key] for item in data['objects'] if item['label'] in persons]
            corners = [_corners(box, width, height) for box in found]
        except (KeyError, TypeError, ValueError) as error:
            raise ValueError(
                f'{file}: expected imgWidth, imgHeight and objects with a label and {key} [x, y, width, height]: '
                f'{type(error).__name__}: {error}'
            ) from error
        boxes = [box for box in corners if box[2] >= box[0] and box[3] >= box[1]]
        name = relative_id(file, root, SUFFIX)
        annotations = WeakAnnotations(boxes=boxes, box_labels=[1] * len(boxes))
        images[name] = ImageEntry(name + img_suffix, width, height, annotations)
    return WeakLabelSet(classes, images=images)


def _corners(box: Any, width: int, height: int) -> list[float]:
    if isinstance(box, Mapping) or len(box) != 4:
        raise ValueError(f'got the box {box!r}')
    x, y, across, down = map(float, box)
    return [max(x, 0), max(y, 0), min(x + across, width) - 1, min(y + down, height) - 1]


def _recognise(path: Path) -> bool:
    return any(json_with(file, 'objects', 'bboxVis') for file in some_files(path, SUFFIX))


FORMAT = LabelFormat(
    'citypersons',
    'CityPersons JSON boxes',
    f'the folder of *{SUFFIX}',
    read_citypersons,
    _recognise,
    (Option('visible', 'boxes of what is visible of a person', bool),),
    img_suffix='_leftImg8bit.png',
)
