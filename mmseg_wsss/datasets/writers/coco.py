"""COCO instance annotations: the connected areas of masks as run lengths, which are exact, and boxes."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from itertools import count
from pathlib import Path
from typing import Any

import numpy as np

from ...files import whole_file
from ...structures import ImageEntry, WeakLabelSet
from .._regions import find_regions
from ..formats.masks import UNLABELLED, Area
from ..formats.tool_labels import IGNORED
from .label_writer import (
    SMALL,
    LabelWriter,
    WriteSettings,
    box_edges,
    checked_mask,
    leave_out_each,
    write_json_list,
)

NO_SHAPE = '{}, which COCO has no form for'
BOXES_OF_MASKS = 'boxes beside a mask, whose objects have boxes of their own'
BACKGROUND_ALONE = 'masks of background alone, which read as images without a mask'


def write_coco(labels: WeakLabelSet, output: Path, settings: WriteSettings) -> None:
    """Write an instance file; category ids are class ids, and unlabelled pixels are a crowd named ``__ignore__``.

    Args:
        labels: The labels; the size of every image must be known.
        output: The file.
        settings: Settings of the writer; shapes and tolerance are not used.
    """
    names, used = [*labels.classes, IGNORED], set[int]()
    listed = (
        {'id': number, 'file_name': entry.file_name, 'width': entry.width, 'height': entry.height}
        for number, entry in enumerate(labels.images.values(), start=1)
    )
    with whole_file(output) as file:
        file.write(b'{"images": ')
        write_json_list(file, listed)
        file.write(b', "annotations": ')
        write_json_list(file, _numbered(labels, settings, used))
        shown = [index for index in range(len(names)) if index in used or 0 < index < len(labels.classes)]
        categories = [{'id': index, 'name': names[index]} for index in shown]
        file.write(f', "categories": {json.dumps(categories)}}}'.encode())


def _numbered(labels: WeakLabelSet, settings: WriteSettings, used: set[int]) -> Iterator[dict[str, Any]]:
    """The annotations of all images, with their ids; their categories are added to ``used``."""
    ids = count(1)
    for number, (key, entry) in enumerate(labels.images.items(), start=1):
        for item in _annotations(key, entry, labels.classes, settings):
            used.add(item['category_id'])
            yield {'id': next(ids), 'image_id': number, **item}


def _annotations(
    key: str, entry: ImageEntry, classes: Sequence[str], settings: WriteSettings
) -> Iterator[dict[str, Any]]:
    found = entry.annotations
    lost = {'clicks': len(found.points), 'scribbles': len(found.polylines), 'tags': len(found.tags or ())}
    for kind, number in lost.items():
        leave_out_each(settings.report, NO_SHAPE.format(kind), number, key)
    if found.mask_path is None:
        for box, label in zip(found.boxes, found.box_labels, strict=True):
            x1, y1, x2, y2 = box_edges(box)
            area = {'bbox': [x1, y1, x2 - x1, y2 - y1], 'area': (x2 - x1) * (y2 - y1)}
            yield {'category_id': int(label), 'segmentation': [], 'iscrowd': 0, **area}
        return
    leave_out_each(settings.report, BOXES_OF_MASKS, len(found.boxes), key)
    mask = checked_mask(key, entry, found.mask_path, classes)
    if not mask.any():
        settings.report.leave_out(BACKGROUND_ALONE, key)
    for label, inside, (left, top) in find_regions(mask):
        pixels = np.zeros(mask.shape, dtype=np.bool_)
        pixels[top : top + inside.shape[0], left : left + inside.shape[1]] = inside
        if inside.sum() < settings.min_area:
            settings.report.leave_out(SMALL, key)
        else:
            yield {'category_id': label, 'iscrowd': 0, **_run_lengths(pixels)}
    if (mask == UNLABELLED).any():
        yield {'category_id': len(classes), 'iscrowd': 1, **_run_lengths(mask == UNLABELLED)}


def _run_lengths(area: Area) -> dict[str, Any]:
    from pycocotools import mask as coco_mask

    packed = coco_mask.encode(np.asfortranarray(area, dtype=np.uint8))
    return {
        'segmentation': {'size': packed['size'], 'counts': packed['counts'].decode('ascii')},
        'bbox': coco_mask.toBbox(packed).tolist(),
        'area': int(coco_mask.area(packed)),
    }


WRITER = LabelWriter('coco', 'COCO instance annotations', '.json', False, write_coco)
