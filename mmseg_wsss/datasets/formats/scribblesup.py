"""ScribbleSup (Lin et al., CVPR 2016): one XML file of scribbles per PASCAL VOC image."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from xml.etree.ElementTree import Element

import numpy as np

from ...structures import ImageEntry, WeakAnnotations, WeakLabelSet
from ._xml import number, parse_xml, text
from .files import class_id, listed_files, relative_id
from .label_format import LabelFormat, Option
from .recognition import some_files, xml_with

SHORT_NAMES = {
    'plane': 'aeroplane',
    'bike': 'bicycle',
    'table': 'diningtable',
    'plant': 'pottedplant',
    'monitor': 'tvmonitor',
}
"""The names that differ from those of PASCAL VOC."""


def read_scribblesup(
    path: str,
    classes: tuple[str, ...],
    *,
    names: Mapping[str, str] | None = None,
    background_clicks: float | None = None,
    img_suffix: str = '.jpg',
) -> WeakLabelSet:
    """Read ``<polygon><tag>class</tag><point><X/><Y/></point>..</polygon>`` from every XML file of a folder.

    Despite its name a ``polygon`` is an open polyline. ``<size>width,height</size>`` is read where present and checked
    against the image later.

    Args:
        path: The folder; an image id is the relative path without ``.xml``.
        classes: Class names by id.
        names: Names in the files -> class names, where they differ. None knows the short names of ScribbleSup.
        background_clicks: Instead of the scribbles, give clicks on the background: both ends of the middle part of
            each background scribble, which is this share of its length, in (0, 1]. 0.5 makes the background clicks
            that go with those of What's the Point in the Gated CRF paper (supplement 6.4).
        img_suffix: Suffix of the images.

    Raises:
        FileNotFoundError: If the folder is missing or holds no XML file.
        ValueError: If a file is not of this form or names an unknown class, or the share is out of range.
    """
    if background_clicks is not None and not 0 < background_clicks <= 1:
        raise ValueError(f'scribblesup: background_clicks must be a share in (0, 1], got {background_clicks}')
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
        if background_clicks is None:
            annotations = WeakAnnotations(polylines=tuple(lines), polyline_labels=ids)
        else:
            background = [line for line, label in zip(lines, ids, strict=True) if label == 0]
            ends = [end for line in background for end in middle_ends(line, background_clicks)]
            annotations = WeakAnnotations(points=ends, point_labels=[0] * len(ends))
        images[key] = ImageEntry(key + img_suffix, width, height, annotations)
    return WeakLabelSet(classes, images=images)


def middle_ends(line: Sequence[Sequence[float]], share: float) -> list[tuple[float, float]]:
    """Return both ends (x, y) of the middle part of a polyline, or the one place of a line without length.

    Args:
        line: Vertices (x, y).
        share: Length of that part as a share of the whole, in (0, 1].

    Example:
        >>> middle_ends([(0, 0), (4, 0), (4, 4)], 0.5)
        [(2.0, 0.0), (4.0, 2.0)]
    """
    vertices = np.asarray(line, dtype=np.float64)
    along = np.concatenate([[0.0], np.cumsum(np.hypot(*np.diff(vertices, axis=0).T))])
    places = along[-1] * np.array([0.5 - share / 2, 0.5 + share / 2])
    x, y = (np.interp(places, along, axis) for axis in vertices.T)
    ends = list(zip(x.tolist(), y.tolist(), strict=True))
    return ends[:1] if along[-1] == 0 else ends


def _size(annotation: Element, file: Path) -> tuple[int, int] | tuple[None, None]:
    if annotation.find('size') is None:
        return None, None
    value = text(annotation, 'size', str(file))
    parts = [part.strip() for part in value.split(',')]
    if len(parts) != 2 or not all(part.isdigit() for part in parts):
        raise ValueError(f'{file}: <size> must be "width,height", got {value!r}')
    return int(parts[0]), int(parts[1])


def _recognise(path: Path) -> bool:
    return any(xml_with(file, 'annotation', 'polygon', 'tag', 'point') for file in some_files(path, '.xml'))


FORMAT = LabelFormat(
    'scribblesup',
    'ScribbleSup XML',
    'the folder of XML files',
    read_scribblesup,
    _recognise,
    (
        Option(
            'background_clicks',
            'only clicks on the background: both ends of the middle half (or this share) of its scribbles (Gated CRF '
            'paper)',
            float,
            alone=0.5,
        ),
    ),
)
