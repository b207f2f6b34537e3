"""COCO instance annotations: boxes, tags, keypoints as clicks, and masks written as index PNGs."""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath
from typing import Any

import numpy as np

from ...structures import WeakLabelSet
from .class_names import NAMES, ONLY_CLASSES, ClassNames, Names
from .coco_folders import OF_ROBOFLOW, annotation_files, image_folder, is_folder_of_coco, is_instances
from .coco_objects import Labelled, Record, corners, is_box, is_crowd, is_turned, keypoint_places
from .collecting import NO_AREA, Drawing, ImageCollector
from .files import listed_files, load_json
from .label_format import BOXES, TAGS, LabelFormat, Option, ReadReport
from .masks import MASKS, UNLABELLED, Area, MaskPainter, area_of_segmentation, known_size
from .tool_labels import IGNORED
from .values import image_name, keyed, shown, side

PARTS = ('images', 'annotations', 'categories')
CROWD = 'annotations with iscrowd, which --crowd (crowd=True) keeps'
KEYPOINTS = 'objects with keypoints, which --keypoints (keypoints=True) keeps'
TURNED = 'boxes that are turned'
NO_OUTLINE = 'objects without a segmentation in masks, where their boxes are unlabelled'
ONLY_BOXES = 'segmentations that are the corners of boxes in the whole file, read as boxes'
Size = tuple[int | None, int | None]


@dataclass
class _Image:
    name: str
    size: Size
    objects: list[Labelled] = field(default_factory=list)


def read_coco(
    path: str,
    classes: tuple[str, ...],
    *,
    boxes: bool = True,
    tags: bool = False,
    keypoints: bool = False,
    crowd: bool = False,
    only_classes: bool = False,
    names: Names | None = None,
    masks: str | None = None,
    outline_or_box: bool = False,
    report: ReadReport | None = None,
) -> WeakLabelSet:
    """Read ``bbox`` of an instance file such as ``instances_train2017.json``.

    COCO gives (x, y, width, height) from the edge of the image, so a box [x, x + width) has its last pixel at x + width
    - 1. Categories are matched with classes by name, so ids follow ``classes``. A file that is listed under several ids
    is one image with the labels of all ids.

    Args:
        path: The JSON file; or a folder of several, in which images are named from there (``train/a.jpg``): that of
            Roboflow, or one with ``annotations`` beside the folders of the images.
        classes: Class names by id.
        boxes: Whether to keep the boxes.
        tags: Whether to keep the classes of the annotations as image tags.
        keypoints: Whether to keep the keypoints that are labelled as clicks on their class.
        crowd: Whether to keep annotations with ``iscrowd``; they are left out otherwise, and are 255 in masks. CVAT
            marks all its brush masks in this way.
        only_classes: Whether to leave out categories that are not classes; otherwise they are an error.
        names: Mapping from names of categories to class names, if they differ.
        masks: Folder to write the masks to, as index PNGs, one per image with a segmentation. Where objects
            overlap, the later annotation in the file wins; the boxes of objects without one are 255.
        outline_or_box: Whether to read either the outline or the box of an object: the boxes of objects in the masks
            are left out, and segmentations that are the corners of boxes in the whole file are boxes.
        report: Report that counts what is left out.

    Raises:
        FileNotFoundError: If the file does not exist.
        ValueError: If the file does not have this form or names an unknown class.
    """
    if not (boxes or tags or keypoints or masks):
        raise ValueError('coco: boxes and tags are both off, so nothing would be read')
    report = report or ReadReport()
    found = ClassNames(classes, names=names, only_classes=only_classes, report=report)
    painter = MaskPainter(masks, report)
    images = ImageCollector(path)
    for image in _all_images(path, found, outline_or_box):
        drawing = Drawing(tags=[] if tags else None)
        for labelled in image.objects:
            label, item, where = labelled
            if label == UNLABELLED:
                continue
            if tags:
                drawing.tag(label)
            if not crowd and is_crowd(labelled):
                report.leave_out(CROWD, where)
                continue
            kept = boxes and not (outline_or_box and masks is not None and item.get('segmentation'))
            if kept and is_turned(item):
                report.leave_out(TURNED, where)
            elif kept:
                drawing.box(corners(item, where), label)
                if min(item['bbox'][2:]) == 0:
                    report.change(NO_AREA, where)
            if keypoints:
                for x, y in keypoint_places(item, where):
                    drawing.click(x, y, label)
            elif item.get('num_keypoints', item.get('keypoints')):
                report.leave_out(KEYPOINTS, where)
            if masks is None and item.get('segmentation'):
                painter.skip(where)
        if masks is not None:
            _paint(image, crowd, painter)
            drawing.mask = painter.write(image.name)
        images.add(image.name, image.size, drawing)
    return images.label_set(found.classes)


def _all_images(path: str, names: ClassNames, corners_are_boxes: bool) -> Iterator[_Image]:
    """The images of a file, or of the files of a folder, with their annotations."""
    if not Path(path).is_dir():
        yield from _images(path, names, corners_are_boxes)
        return
    beside = annotation_files(Path(path))
    root, files = (
        (Path(path), beside) if beside else listed_files(path, OF_ROBOFLOW, 'the folder of COCO files', names.report)
    )
    for file in files:
        images = _images(str(file), names, corners_are_boxes)
        folder = file.relative_to(root).parent.as_posix()
        if beside and images:
            folder = image_folder(root, file, [image.name for image in images])
        for image in images:
            image.name = (PurePosixPath(folder) / image.name).as_posix()
            yield image


def _images(path: str, names: ClassNames, corners_are_boxes: bool) -> list[_Image]:
    """The images of a file with their annotations."""
    content = load_json(path, 'COCO instance annotations')
    if not isinstance(content, dict) or any(not isinstance(content.get(part), list) for part in PARTS):
        raise ValueError(f'{path}: expected COCO instance annotations, an object with the lists {", ".join(PARTS)}')
    categories: dict[int | str, Any] = {}
    for item, where in _records(content, 'categories', path, 'id', 'name'):
        key, name = _id(item, 'id', where), item['name']
        if categories.setdefault(key, name) != name:
            raise ValueError(f'{where}: the id {shown(key)} is {shown(name)} here and {shown(categories[key])} before')
    by_id, by_name = _listed_images(content, path, names.report)
    for index, item in enumerate(content['annotations']):
        which = f'annotation {shown(item.get("id", index)) if isinstance(item, dict) else index}'
        where = f'{path}: {which}'
        keyed(item, where, 'image_id', 'category_id')
        image, category = _id(item, 'image_id', where), _id(item, 'category_id', where)
        if image not in by_id or category not in categories:
            raise ValueError(
                f'{where}: image_id {shown(image)} and category_id {shown(category)} must be ids of the lists images '
                'and categories'
            )
        is_ignored = categories[category] == IGNORED and IGNORED not in names
        label = UNLABELLED if is_ignored else names.find(categories[category], where)
        if label is not None:
            by_id[image].objects.append((label, item, f'{path}: {by_id[image].name!r}, {which}'))
    outlined = [labelled for image in by_name.values() for labelled in image.objects if labelled[1].get('segmentation')]
    if corners_are_boxes and all(is_box(item) for _, item, _ in outlined):
        for _, item, where in outlined:
            names.report.change(ONLY_BOXES, where)
            del item['segmentation']
    return list(by_name.values())


def _listed_images(content: Record, path: str, report: ReadReport) -> tuple[dict[Any, _Image], dict[str, _Image]]:
    """The images by id and by name; several ids may share an image."""
    by_id: dict[Any, _Image] = {}
    by_name: dict[str, _Image] = {}
    for item, where in _records(content, 'images', path, 'id', 'file_name'):
        name = image_name(item['file_name'], where, 'file_name')
        key, size = (
            _id(item, 'id', where),
            (side(item.get('width'), where, 'width'), side(item.get('height'), where, 'height')),
        )
        if key in by_id:
            raise ValueError(f'{where}: the id {shown(key)} appears twice: images need ids of their own')
        known = by_name.get(name)
        if known is None:
            known = by_name[name] = _Image(name, size)
        else:
            if known.size != size:
                raise ValueError(f'{where}: {name!r} is {size} here and {known.size} before (width, height)')
            report.change('images that are listed under several ids, merged', name)
        by_id[key] = known
    return by_id, by_name


def _records(content: Record, part: str, path: str, *keys: str) -> Iterator[tuple[Record, str]]:
    for index, item in enumerate(content[part]):
        where = f'{path}: {part}[{index}]'
        keyed(item, where, *keys)
        yield item, where


def _id(item: Record, key: str, where: str) -> int | str:
    value = item[key]
    if isinstance(value, bool) or not isinstance(value, int | str):
        raise ValueError(f'{where}: {key} must be an integer or a text, got {shown(value)}')
    return value


def _paint(image: _Image, crowd: bool, painter: MaskPainter) -> None:
    """Paint the objects of an image that have a segmentation.

    Those with ``iscrowd`` and the boxes of the others are painted first, unlabelled.
    """
    outlined = [labelled for labelled in image.objects if labelled[1].get('segmentation')]
    for _, item, where in (labelled for labelled in image.objects if not labelled[1].get('segmentation')):
        if outlined:
            painter.report.leave_out(NO_OUTLINE, where)
            painter.paint(_inside_box(item, image.size, where), UNLABELLED, where)
    for painted in (True, False):
        for labelled in outlined:
            label, item, where = labelled
            unlabelled = not crowd and is_crowd(labelled)
            if unlabelled == painted:
                area = area_of_segmentation(item['segmentation'], image.size, where, painter.report)
                painter.paint(area, UNLABELLED if unlabelled else label, where)


def _inside_box(item: Record, size: Size, where: str) -> Area:
    """The pixels that an object may have: those that its box touches, or all if it has no box."""
    area = np.ones(known_size(size, where), dtype=np.bool_)
    if item.get('bbox') and not is_turned(item):
        x1, y1, x2, y2 = corners(item, where)
        height, width = area.shape
        rows, columns = np.arange(height)[:, None], np.arange(width)
        area &= (columns > x1 - 1) & (columns < x2 + 1) & (rows > y1 - 1) & (rows < y2 + 1)
    return area


def _recognise(path: Path) -> bool:
    return is_folder_of_coco(path) if os.path.isdir(path) else is_instances(path)


FORMAT = LabelFormat(
    'coco',
    'COCO instance annotations',
    'the JSON file, or a folder of several',
    read_coco,
    _recognise,
    (
        BOXES,
        TAGS,
        Option('keypoints', 'keep keypoints as clicks', bool),
        Option('crowd', 'keep annotations with iscrowd, as CVAT marks its brush masks', bool),
        ONLY_CLASSES,
        NAMES,
        MASKS,
        Option(
            'outline_or_box',
            'leave out the boxes of objects in --masks, and read outlines that are boxes as boxes',
            bool,
        ),
    ),
)
