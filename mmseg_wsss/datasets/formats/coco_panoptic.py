"""COCO panoptic segmentation: a JSON file of segments and a folder of PNG files that store their numbers as colours."""

from __future__ import annotations

from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from ...files import path_inside
from .class_names import NAMES, ONLY_CLASSES
from .files import existing, load_json
from .label_format import BOXES, TAGS, LabelFormat, Option
from .masks import MASKS
from .picture_files import load_colours
from .recognition import json_with
from .tool_labels import ToolLabels, shape_reader
from .values import image_name, is_number, is_whole, keyed, listed, shown, side

PARTS = ('images', 'annotations', 'categories')


@partial(shape_reader, rest='unlabelled')
def read_coco_panoptic(path: str, labels: ToolLabels, *, segments: str | None = None) -> None:
    """Read the boxes of segments, their classes as tags, and their pixels as masks; other pixels are unlabelled.

    Args:
        path: The JSON file, such as ``panoptic_train2017.json``.
        labels: The collector that the segments are added to; of boxes, it gets those that are not ``iscrowd``.
        segments: The folder of PNG files. None: the folder next to the file, with its name without ``.json``.

    Raises:
        FileNotFoundError: If a file is missing.
        ValueError: If one does not have this form or names an unknown class.
    """
    content = keyed(load_json(path, 'COCO panoptic annotations'), path, *PARTS)
    categories = _by_id(content['categories'], f'{path}: categories', 'name')
    images = _by_id(content['images'], f'{path}: images', 'file_name')
    folder = Path(segments) if segments is not None else Path(path).with_suffix('')
    for index, item in enumerate(listed(content['annotations'], path, 'annotations')):
        where = f'{path}: annotations[{index}]'
        keyed(item, where, 'image_id', 'file_name', 'segments_info')
        image = _found(images, item['image_id'], where, 'image')
        name = image_name(image['file_name'], where, 'file_name')
        size = (side(image.get('width'), where, 'width'), side(image.get('height'), where, 'height'))
        numbers = None
        if labels.writes_masks:
            png = existing(
                path_inside(folder, image_name(item['file_name'], where, 'file_name')), 'the PNG of segments'
            )
            numbers = _segment_numbers(png)
            if None not in size and numbers.shape != size[::-1]:
                raise ValueError(
                    f'{png} is {numbers.shape[::-1]}, and {where} states {size} (width, height) of the image'
                )
        for place, info in enumerate(listed(item['segments_info'], where, 'segments_info')):
            _segment(info, categories, numbers, labels, f'{where}, segments_info[{place}]')
        labels.finish(name, size, where)


def _segment(
    info: Any, categories: dict[Any, Any], numbers: npt.NDArray[np.int64] | None, labels: ToolLabels, where: str
) -> None:
    number = keyed(info, where, 'id', 'category_id')['id']
    if not is_whole(number):
        raise ValueError(f'{where}: id must be an integer, got {shown(number)}')
    name = _found(categories, info['category_id'], where, 'category')['name']
    crowd = bool(info.get('iscrowd', 0))
    box = info.get('bbox')
    if not isinstance(box, list) or len(box) != 4 or not all(map(is_number, box)):
        raise ValueError(f'{where}: bbox must be four numbers [x, y, width, height], got {shown(box)}')
    if crowd:
        labels.leave_out('boxes of crowds (iscrowd)', name, where)
    else:
        labels.box(name, (box[0], box[1], box[0] + box[2], box[1] + box[3]), where)
    if labels.paints(name, where) and numbers is not None:
        labels.area(name, numbers == int(number), where)


def _segment_numbers(png: Path) -> npt.NDArray[np.int64]:
    """Red + 256 green + 65536 blue."""
    numbers: npt.NDArray[np.int64] = load_colours(png) @ np.array([1, 256, 65536])
    return numbers


def _by_id(items: Any, where: str, key: str) -> dict[Any, Any]:
    found: dict[Any, Any] = {}
    for index, item in enumerate(listed(items, where, 'it')):
        number = keyed(item, f'{where}[{index}]', 'id', key)['id']
        if isinstance(number, bool) or not isinstance(number, int | str) or number in found:
            raise ValueError(f'{where}[{index}]: id must be an integer or a text of its own, got {shown(number)}')
        found[number] = item
    return found


def _found(items: dict[Any, Any], number: Any, where: str, what: str) -> Any:
    if not isinstance(number, int | str) or number not in items:
        raise ValueError(f'{where} names the {what} {shown(number)}, which the file does not list')
    return items[number]


def _recognise(path: Path) -> bool:
    return json_with(path, 'images', 'file_name', 'segments_info')


FORMAT = LabelFormat(
    'coco_panoptic',
    'COCO panoptic segmentation',
    'the JSON file',
    read_coco_panoptic,
    _recognise,
    (BOXES, TAGS, ONLY_CLASSES, NAMES, MASKS, Option('segments', 'the folder of PNG files of segments', is_path=True)),
)
