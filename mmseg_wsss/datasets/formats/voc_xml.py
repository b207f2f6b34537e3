"""PASCAL VOC XML: one file of boxes per image."""

from __future__ import annotations

from pathlib import Path
from xml.etree.ElementTree import Element

from ...structures import WeakLabelSet
from ._xml import number, parse_xml, size, text
from .class_names import NAMES, ONLY_CLASSES, ClassNames, Names
from .collecting import Drawing, ImageCollector
from .files import listed_files, relative_id
from .label_format import BOXES, TAGS, LabelFormat, ReadReport
from .recognition import some_files, xml_with

OTHER_SHAPES = ('polygon', 'robndbox', 'rotated_bndbox', 'segm')


def read_voc_xml(
    path: str,
    classes: tuple[str, ...],
    *,
    boxes: bool = True,
    tags: bool = False,
    only_classes: bool = False,
    names: Names | None = None,
    img_suffix: str = '.jpg',
    report: ReadReport | None = None,
) -> WeakLabelSet:
    """Read ``<object><name>..<bndbox>..`` from every XML file of a folder.

    VOC counts pixels from 1 and both corners belong to the box, so one is subtracted from every number.

    Args:
        path: The folder; an image id is the relative path without ``.xml``.
        classes: Class names by id.
        boxes: Whether to keep the boxes.
        tags: Whether to keep the classes of the boxes as image tags.
        only_classes: Whether to leave out objects with other names; otherwise they are an error.
        names: Mapping from names in the files to class names, if they differ.
        img_suffix: Suffix of the images.
        report: Report that counts what is left out.

    Raises:
        FileNotFoundError: If the folder is missing or contains no XML files.
        ValueError: If a file does not have this form or names an unknown class.
    """
    if not boxes and not tags:
        raise ValueError('voc_xml: boxes and tags are both off, so nothing would be read')
    report = report or ReadReport()
    found = ClassNames(classes, names=names, only_classes=only_classes, report=report)
    root, files = listed_files(path, '.xml', 'the folder of VOC XML files', report)
    images = ImageCollector(path)
    for file in files:
        annotation = parse_xml(file, 'annotation')
        drawing = Drawing(tags=[] if tags else None)
        for index, item in enumerate(annotation.findall('object')):
            where = f'{file}: object {index}'
            label = found.find(text(item, 'name', where), where)
            if label is None:
                continue
            if boxes and _is_turned(item):
                report.leave_out('boxes that are turned', where)
            elif boxes:
                drawing.box(_corners(item, where), label)
            if tags:
                drawing.tag(label)
        key = relative_id(file, root, '.xml')
        images.add(key + img_suffix, size(annotation.find('size'), str(file)), drawing, str(file), key=key)
    return images.label_set(found.classes)


def _corners(item: Element, where: str) -> list[float]:
    box = item.find('bndbox')
    if box is None:
        other = [child.tag for child in item if child.tag in OTHER_SHAPES]
        instead = f'; a <{other[0]}> is not read' if other else ''
        raise ValueError(f'{where}: <object> must have a <bndbox>{instead}')
    return [number(box, key, where) - 1 for key in ('xmin', 'ymin', 'xmax', 'ymax')]


def _is_turned(item: Element) -> bool:
    """Whether a box is turned around its middle: CVAT writes the angle beside the box as it was before."""
    try:
        return float(item.findtext("attributes/attribute[name='rotation']/value") or 0) % 360 != 0
    except ValueError:  # an attribute of the annotator that has the same name
        return False


def _recognise(path: Path) -> bool:
    return any(xml_with(file, 'annotation', 'object', 'bndbox') for file in some_files(path, '.xml', 100))


FORMAT = LabelFormat(
    'voc_xml',
    'PASCAL VOC XML boxes',
    'the folder of XML files',
    read_voc_xml,
    _recognise,
    (BOXES, TAGS, ONLY_CLASSES, NAMES),
)
