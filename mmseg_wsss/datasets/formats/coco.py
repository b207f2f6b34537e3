"""COCO instance annotations: boxes, tags, and masks written as index PNGs."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from ...files import path_inside
from ...structures import ImageEntry, WeakAnnotations, WeakLabelSet
from ...structures.weak_label_set import image_id
from .files import load_json, nearest
from .label_format import BOXES, TAGS, LabelFormat, Option, ReadReport
from .recognition import json_with

UNLABELLED = 255
PARTS = ('images', 'annotations', 'categories')
Record = dict[str, Any]


def read_coco(
    path: str,
    classes: tuple[str, ...],
    *,
    boxes: bool = True,
    tags: bool = False,
    only_classes: bool = False,
    masks: str | None = None,
    report: ReadReport | None = None,
) -> WeakLabelSet:
    """Read ``bbox`` of an instance file such as ``instances_train2017.json``.

    COCO gives (x, y, width, height) from the edge of the image, so a box [x, x + width) has its last pixel at x + width
    - 1. Categories find their class by name: ids follow ``classes``. Annotations with ``iscrowd`` are left out.

    Args:
        path: The JSON file.
        classes: Class names by id.
        boxes: Keep the boxes.
        tags: Keep the classes of the boxes as image tags.
        only_classes: Leave out categories that are not classes; else they are an error.
        masks: A folder to write the masks to, see :func:`write_coco_masks`.
        report: Counts what is left out.

    Raises:
        FileNotFoundError: If there is no such file.
        ValueError: If it is not of this form or names an unknown class.
    """
    if not boxes and not tags:
        raise ValueError('coco: boxes and tags are both off, so nothing would be read')
    report = report or ReadReport()
    images = {}
    for image, instances in _by_image(path, classes, only_classes):
        for _, item in instances:
            if item.get('iscrowd', 0):
                report.leave_out('crowd annotations (iscrowd)', f'annotation {item.get("id")}')
        objects = [(label, item) for label, item in instances if not item.get('iscrowd', 0)]
        ids = [label for label, _ in objects]
        corners = [_corners(item, path) for _, item in objects]
        labels = WeakAnnotations(
            boxes=corners if boxes else [],
            box_labels=ids if boxes else [],
            tags=tuple(sorted(set(ids))) if tags else None,
            mask_path=None if masks is None or not instances else str(_mask_file(masks, image)),
        )
        images[image_id(image['file_name'])] = ImageEntry(image['file_name'], image['width'], image['height'], labels)
    if masks is not None:
        write_coco_masks(path, masks, classes, only_classes=only_classes)
    return WeakLabelSet(classes, images=images)


def write_coco_masks(path: str, folder: str | Path, classes: Sequence[str], *, only_classes: bool = True) -> int:
    """Write the masks of an instance file as index PNGs, one per image that has an object of ``classes``.

    Where objects meet the later annotation wins, as in the file; ``iscrowd`` regions become 255.

    Args:
        path: The JSON file.
        folder: Where to write ``<image id>.png``.
        classes: Class names by id, the background first, such as ``CLASS_SETS['coco60']['classes']``.
        only_classes: As of :func:`read_coco`.

    Returns:
        The number of masks.

    Raises:
        ImportError: If pycocotools is not installed.
        ValueError: If the file is not of this form.
    """
    try:
        from pycocotools import mask as coco_mask
    except ImportError as error:
        raise ImportError('masks of COCO need pycocotools: pip install pycocotools') from error
    count = 0
    for image, instances in _by_image(path, tuple(classes), only_classes):
        if not instances:
            continue
        height, width = image['height'], image['width']
        canvas = np.zeros((height, width), dtype=np.uint8)
        for label, item in sorted(instances, key=lambda pair: not pair[1].get('iscrowd', 0)):
            shape = item.get('segmentation')
            if not shape:
                raise ValueError(f'{path}: annotation {item.get("id")} has no segmentation to make a mask from')
            if isinstance(shape, list) or isinstance(shape['counts'], list):
                shape = coco_mask.frPyObjects(shape, height, width)
            mask = coco_mask.decode(coco_mask.merge(shape) if isinstance(shape, list) else shape)
            canvas[mask > 0] = UNLABELLED if item.get('iscrowd', 0) else label
        file = _mask_file(folder, image)
        file.parent.mkdir(parents=True, exist_ok=True)
        Image.fromarray(canvas).save(file)
        count += 1
    return count


def _mask_file(folder: str | Path, image: Record) -> Path:
    return path_inside(folder, f'{image_id(image["file_name"])}.png')


def _by_image(
    path: str, classes: tuple[str, ...], only_classes: bool
) -> Iterator[tuple[Record, list[tuple[int, Record]]]]:
    """Yield every image with its annotations and their class ids."""
    content = load_json(path, 'COCO instance annotations')
    if not isinstance(content, dict) or any(not isinstance(content.get(part), list) for part in PARTS):
        raise ValueError(f'{path}: expected COCO instance annotations, an object with the lists {", ".join(PARTS)}')
    names = {category['id']: category['name'] for category in content['categories']}
    unknown = [name for name in names.values() if name not in classes]
    if unknown and not only_classes:
        raise ValueError(
            f'{path}: unknown class {unknown[0]!r}; {nearest(unknown[0], classes)}. only_classes=True leaves out '
            'the categories that are not classes.'
        )
    ids = {category: classes.index(name) for category, name in names.items() if name in classes}
    found: dict[Any, list[tuple[int, Record]]] = {image['id']: [] for image in content['images']}
    for item in content['annotations']:
        if item['image_id'] not in found or item['category_id'] not in names:
            raise ValueError(
                f'{path}: annotation {item.get("id")} names image {item["image_id"]} and category '
                f'{item["category_id"]}, which the file does not both list'
            )
        if item['category_id'] in ids:
            found[item['image_id']].append((ids[item['category_id']], item))
    for image in content['images']:
        yield image, found[image['id']]


def _corners(item: Record, path: str) -> tuple[float, float, float, float]:
    box = item.get('bbox')
    numbers = isinstance(box, list) and len(box) == 4 and all(isinstance(value, int | float) for value in box)
    if not numbers or min(box[2:]) < 0:
        raise ValueError(
            f'{path}: annotation {item.get("id")}: bbox must be four numbers [x, y, width, height] with no negative '
            f'side, got {box}'
        )
    x, y, width, height = box
    return x, y, x + max(width - 1, 0), y + max(height - 1, 0)


def _recognise(path: Path) -> bool:
    return json_with(path, 'images', 'file_name') and (
        json_with(path, 'annotations', without=('classes',)) or json_with(path, 'categories', without=('classes',))
    )


FORMAT = LabelFormat(
    'coco',
    'COCO instance annotations',
    'the JSON file',
    read_coco,
    _recognise,
    (
        BOXES,
        TAGS,
        Option('only_classes', 'leave out categories that are not classes', bool),
        Option('masks', 'a folder to write the masks to, too, as index PNGs', is_path=True),
    ),
)
