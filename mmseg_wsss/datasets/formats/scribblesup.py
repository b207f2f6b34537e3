"""ScribbleSup (Lin et al., CVPR 2016): one XML file of scribbles per PASCAL VOC image."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from xml.etree.ElementTree import Element

from ...structures import ImageEntry, WeakAnnotations, WeakLabelSet
from ._xml import number, parse_xml, text
from .files import class_id, listed_files, relative_id

SHORT_NAMES = {
    'plane': 'aeroplane',
    'bike': 'bicycle',
    'table': 'diningtable',
    'plant': 'pottedplant',
    'monitor': 'tvmonitor',
}
"""The names that differ from those of PASCAL VOC."""


def read_scribblesup(
    path: str, classes: tuple[str, ...], *, names: Mapping[str, str] | None = None, img_suffix: str = '.jpg'
) -> WeakLabelSet:
    """Read ``<polygon><tag>class</tag><point><X/><Y/></point>..</polygon>`` from every XML file of a folder.

    Despite its name a ``polygon`` is an open polyline. ``<size>width,height</size>`` is read where present and checked
    against the image later.

    Args:
        path: The folder; an image id is the relative path without ``.xml``.
        classes: Class names by id.
        names: Names in the files -> class names, where they differ. None knows the short names of ScribbleSup.
        img_suffix: Suffix of the images.

    Raises:
        FileNotFoundError: If the folder is missing or holds no XML file.
        ValueError: If a file is not of this form or names an unknown class.
    """
    aliases = {short: name for short, name in SHORT_NAMES.items() if short not in classes} | dict(names or {})
    root, files = listed_files(path, '.xml', 'the folder of ScribbleSup XML files')
    images = {}
    for file in files:
        annotation = parse_xml(file)
        lines, ids = [], []
        for polygon in annotation.iter('polygon'):
            ids.append(class_id(text(polygon, 'tag', str(file)), classes, str(file), aliases))
            points = [[number(point, axis, str(file)) for axis in 'XY'] for point in polygon.iter('point')]
            if not points:
                raise ValueError(f'{file}: <polygon> number {len(ids)} has no <point>')
            lines.append(points)
        width, height = _size(annotation, file)
        key = relative_id(file, root, '.xml')
        annotations = WeakAnnotations(polylines=tuple(lines), polyline_labels=ids)
        images[key] = ImageEntry(key + img_suffix, width, height, annotations)
    return WeakLabelSet(classes, images=images)


def _size(annotation: Element, file: Path) -> tuple[int, int] | tuple[None, None]:
    if annotation.find('size') is None:
        return None, None
    value = text(annotation, 'size', str(file))
    parts = [part.strip() for part in value.split(',')]
    if len(parts) != 2 or not all(part.isdigit() for part in parts):
        raise ValueError(f'{file}: <size> must be "width,height", got {value!r}')
    return int(parts[0]), int(parts[1])
