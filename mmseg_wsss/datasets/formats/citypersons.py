"""CityPersons: one JSON file of person boxes per Cityscapes image."""

from __future__ import annotations

from collections.abc import Sequence
from math import inf
from pathlib import Path

from ...structures import WeakLabelSet
from .collecting import Drawing, ImageCollector
from .files import listed_files, load_json, relative_id
from .label_format import LabelFormat, Option, ReadReport
from .recognition import json_with, some_files
from .values import keyed, listed, numbers, shown, side

SUFFIX = '_gtBboxCityPersons.json'
PERSONS = ('pedestrian', 'rider', 'sitting person', 'person (other)')


def read_citypersons(
    path: str,
    classes: tuple[str, ...],
    *,
    visible: bool = True,
    persons: Sequence[str] = PERSONS,
    img_suffix: str = '_leftImg8bit.png',
    report: ReadReport | None = None,
) -> WeakLabelSet:
    """Read the boxes of persons from ``<city>/*_gtBboxCityPersons.json`` below a folder; all of them get class 1.

    Groups of people and regions to ignore are left out. A box [x, y, width, height] counts pixels from 0; the part
    outside of the image is cut off.

    Args:
        path: The folder, such as ``gtBboxCityPersons/train``; an image id is the relative path without the suffix.
        classes: Class names by id: the background and one class.
        visible: Use the box of the visible part (``bboxVis``) instead of the box of the whole body (``bbox``).
        persons: The labels that count as persons.
        img_suffix: Suffix of the images.
        report: Report that counts what is left out.

    Raises:
        FileNotFoundError: If the folder is missing or contains no such file.
        ValueError: If a file is not of this form, or there are not two classes.
    """
    report = report or ReadReport()
    if len(classes) != 2:
        raise ValueError(f'citypersons gives two classes, the background and persons; the data set has {classes}')
    root, files = listed_files(path, SUFFIX, 'the folder of CityPersons JSON files', report)
    kind = 'bboxVis' if visible else 'bbox'
    images = ImageCollector(path)
    for file in files:
        data = keyed(load_json(file, 'a CityPersons file'), str(file), 'imgWidth', 'imgHeight', 'objects')
        width, height = (side(data[key], str(file), key) for key in ('imgWidth', 'imgHeight'))
        drawing = Drawing()
        for index, item in enumerate(listed(data['objects'], str(file), 'objects')):
            where = f'{file}: objects[{index}]'
            if keyed(item, where, 'label', kind)['label'] not in persons:
                report.leave_out(f'objects that are {shown(item["label"])}', where)
                continue
            x, y, across, down = numbers(item[kind], 4, where, f'{kind} must be four numbers [x, y, width, height]')
            box = (max(x, 0), max(y, 0), min(x + across, width or inf) - 1, min(y + down, height or inf) - 1)
            if box[2] >= box[0] and box[3] >= box[1]:
                drawing.box(box, 1)
            else:
                report.leave_out('boxes that are empty or outside of their image', where)
        key = relative_id(file, root, SUFFIX)
        images.add(key + img_suffix, (width, height), drawing, str(file), key=key)
    return images.label_set(classes)


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
    names_classes=False,
)
