"""PASCAL VOC XML: one file of boxes per image."""

from __future__ import annotations

from pathlib import Path

from ...structures import ImageEntry, WeakAnnotations, WeakLabelSet
from ._xml import number, parse_xml, text
from .files import class_id, listed_files, relative_id
from .label_format import BOXES, TAGS, LabelFormat
from .recognition import some_files, xml_with


def read_voc_xml(
    path: str, classes: tuple[str, ...], *, boxes: bool = True, tags: bool = False, img_suffix: str = '.jpg'
) -> WeakLabelSet:
    """Read ``<object><name>..<bndbox>..`` from every XML file of a folder.

    VOC counts pixels from 1 and both corners belong to the box, so one is subtracted from every number.

    Args:
        path: The folder; an image id is the relative path without ``.xml``.
        classes: Class names by id.
        boxes: Keep the boxes.
        tags: Keep the classes of the boxes as image tags.
        img_suffix: Suffix of the images.

    Raises:
        FileNotFoundError: If the folder is missing or holds no XML file.
        ValueError: If a file is not of this form or names an unknown class.
    """
    if not boxes and not tags:
        raise ValueError('voc_xml: boxes and tags are both off, so nothing would be read')
    root, files = listed_files(path, '.xml', 'the folder of VOC XML files')
    images = {}
    for file in files:
        annotation = parse_xml(file)
        objects = annotation.findall('object')
        ids = [class_id(text(item, 'name', str(file)), classes, str(file)) for item in objects]
        corners = []
        for item in objects:
            box = item.find('bndbox')
            if box is None:
                raise ValueError(f'{file}: <object> must have a <bndbox>')
            corners.append([number(box, key, str(file)) - 1 for key in ('xmin', 'ymin', 'xmax', 'ymax')])
        size = annotation.find('size')
        width, height = (
            (None, None) if size is None else (int(number(size, key, str(file))) for key in ('width', 'height'))
        )
        annotations = WeakAnnotations(
            boxes=corners if boxes else [],
            box_labels=ids if boxes else [],
            tags=tuple(sorted(set(ids))) if tags else None,
        )
        key = relative_id(file, root, '.xml')
        images[key] = ImageEntry(key + img_suffix, width, height, annotations)
    return WeakLabelSet(classes, images=images)


def _recognise(path: Path) -> bool:
    return any(xml_with(file, 'annotation', 'object', 'bndbox') for file in some_files(path, '.xml'))


FORMAT = LabelFormat(
    'voc_xml', 'PASCAL VOC XML boxes', 'the folder of XML files', read_voc_xml, _recognise, (BOXES, TAGS)
)
