"""ScribbleSup (Lin et al., CVPR 2016): one XML file of scribbles per PASCAL VOC image."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from xml.etree.ElementTree import Element

import numpy as np

from ...structures import WeakLabelSet
from ._xml import number, parse_xml, text
from .class_names import NAMES, ONLY_CLASSES, ClassNames, Names
from .collecting import Drawing, ImageCollector
from .files import listed_files, relative_id
from .label_format import LabelFormat, Option, ReadReport
from .recognition import some_files, xml_with
from .values import shown, side

SHORT_NAMES = {
    'plane': 'aeroplane',
    'bike': 'bicycle',
    'table': 'diningtable',
    'plant': 'pottedplant',
    'monitor': 'tvmonitor',
}
"""Class names that differ from those of PASCAL VOC."""


def read_scribblesup(
    path: str,
    classes: tuple[str, ...],
    *,
    names: Names | None = None,
    only_classes: bool = False,
    background_clicks: float | None = None,
    img_suffix: str = '.jpg',
    report: ReadReport | None = None,
) -> WeakLabelSet:
    """Read ``<polygon><tag>class</tag><point><X/><Y/></point>..</polygon>`` from every XML file of a folder.

    Despite its name a ``polygon`` is an open polyline. ``<size>width,height</size>`` is read where present and checked
    against the image later.

    Args:
        path: The folder; an image id is the relative path without ``.xml``.
        classes: Class names by id.
        names: Mapping from names in the files to class names, if they differ. None uses the short names of ScribbleSup.
        only_classes: Whether to leave out scribbles with other names; otherwise they are an error.
        background_clicks: Return clicks on the background instead of the scribbles: both ends of the middle part of
            each background scribble, which is this share of its length, in (0, 1]. 0.5 makes the background clicks
            that go with those of What's the Point in the Gated CRF paper (supplement 6.4).
        img_suffix: Suffix of the images.
        report: Report that counts what is left out.

    Raises:
        FileNotFoundError: If the folder is missing or contains no XML files.
        ValueError: If a file does not have this form or names an unknown class, or the share is out of range.
    """
    if background_clicks is not None and not 0 < background_clicks <= 1:
        raise ValueError(f'scribblesup: background_clicks must be a share in (0, 1], got {background_clicks}')
    report = report or ReadReport()
    short = {} if classes is None else {key: name for key, name in SHORT_NAMES.items() if key not in classes}
    known = {key: name for key, name in short.items() if name in classes}
    found = ClassNames(classes, names={**known, **dict(names or {})}, only_classes=only_classes, report=report)
    root, files = listed_files(path, '.xml', 'the folder of ScribbleSup XML files', report)
    images = ImageCollector(path)
    for file in files:
        annotation = parse_xml(file, 'annotation')
        drawing = Drawing()
        for index, polygon in enumerate(annotation.iter('polygon')):
            where = f'{file}: polygon {index}'
            label = found.find(text(polygon, 'tag', where), where)
            line = [(number(point, 'X', where), number(point, 'Y', where)) for point in polygon.iter('point')]
            if not line:
                raise ValueError(f'{where} has no <point>')
            if label is None:
                continue
            if background_clicks is None:
                drawing.scribble(line, label)
            elif label == 0:
                for x, y in middle_ends(line, background_clicks):
                    drawing.click(x, y, label)
        key = relative_id(file, root, '.xml')
        images.add(key + img_suffix, _size(annotation, file), drawing, str(file), key=key)
    return images.label_set(found.classes)


def middle_ends(line: Sequence[Sequence[float]], share: float) -> list[tuple[float, float]]:
    """Return both ends (x, y) of the middle part of a polyline, or the single point of a line of length 0.

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


def _size(annotation: Element, file: Path) -> tuple[int | None, int | None]:
    if annotation.find('size') is None:
        return None, None
    value = text(annotation, 'size', str(file))
    parts = value.split(',')
    if len(parts) != 2:
        raise ValueError(f'{file}: <size> must be "width,height", got {shown(value)}')
    return side(parts[0], str(file), '<size>'), side(parts[1], str(file), '<size>')


def _recognise(path: Path) -> bool:
    return any(xml_with(file, 'annotation', 'polygon', 'tag', 'point') for file in some_files(path, '.xml', 100))


FORMAT = LabelFormat(
    'scribblesup',
    'ScribbleSup XML',
    'the folder of XML files',
    read_scribblesup,
    _recognise,
    (
        NAMES,
        ONLY_CLASSES,
        Option(
            'background_clicks',
            'only clicks on the background: both ends of the middle half (or this share) of its scribbles (Gated CRF '
            'paper)',
            float,
            alone=0.5,
        ),
    ),
)
