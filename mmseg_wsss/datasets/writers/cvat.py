"""CVAT XML 1.1 for images: polygons or masks, boxes, polylines, points and tags."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from xml.etree.ElementTree import Element, SubElement, indent, tostring

import numpy as np

from ...files import whole_file
from ...structures import ImageEntry, WeakLabelSet
from ..formats.masks import Area
from ..formats.tool_labels import IGNORED
from .label_writer import LabelWriter, Outlined, WriteSettings, box_edges, click_place, line_vertices, painted_areas

NO_TAGS = 'images without any of the classes, which tags cannot say'


def write_cvat(labels: WeakLabelSet, output: Path, settings: WriteSettings) -> None:
    """Write ``annotations.xml``, whose shapes are marked as made by a program (``source="auto"``).

    Args:
        labels: The labels; the size of every image must be known.
        output: The file.
        settings: Settings of the writer.
    """
    root = Element('annotations')
    SubElement(root, 'version').text = '1.1'
    job = SubElement(SubElement(SubElement(root, 'meta'), 'task'), 'labels')
    for name in (*labels.classes, IGNORED):
        SubElement(SubElement(job, 'label'), 'name').text = name
    indent(root, ' ')
    head, end, _ = tostring(root, encoding='utf-8', xml_declaration=True).partition(b'</annotations>')
    with whole_file(output) as file:
        file.write(head)
        for index, (key, entry) in enumerate(labels.images.items()):
            sizes = {'width': str(entry.width), 'height': str(entry.height)}
            image = Element('image', {'id': str(index), 'name': entry.file_name, **sizes})
            _fill(image, key, entry, labels.classes, settings)
            indent(image, ' ', level=1)
            file.write(b' ' + tostring(image, encoding='utf-8') + b'\n')
        file.write(end)


def _fill(image: Element, key: str, entry: ImageEntry, classes: tuple[str, ...], settings: WriteSettings) -> None:
    found = entry.annotations
    if found.tags is not None and not {*found.tags} - {0}:
        settings.report.leave_out(NO_TAGS, key)
    for label in sorted({*(found.tags or ())} - {0}):
        SubElement(image, 'tag', {'label': classes[label], 'source': 'auto'})
    for area in painted_areas(key, entry, classes, settings):
        if isinstance(area, Outlined):
            _add(image, 'polygon', area.name, points=_text(area.ring))
        else:
            _add(image, 'mask', area.name, **_runs(area.pixels))
    for box, label in zip(found.boxes, found.box_labels, strict=True):
        corners = dict(zip(('xtl', 'ytl', 'xbr', 'ybr'), map(repr, box_edges(box)), strict=True))
        _add(image, 'box', classes[label], **corners)
    for line, label in zip(found.polylines, found.polyline_labels, strict=True):
        _add(image, 'polyline', classes[label], points=_text(line_vertices(line)))
    for place, label in zip(found.points, found.point_labels, strict=True):
        _add(image, 'points', classes[label], points=_text([click_place(place)]))


def _add(image: Element, kind: str, name: str, **values: str) -> None:
    """Add a shape above all shapes of the image."""
    depth = str(sum(shape.tag != 'tag' for shape in image))
    SubElement(image, kind, {'label': name, 'source': 'auto', 'occluded': '0', **values, 'z_order': depth})


def _text(places: Iterable[Iterable[float]]) -> str:
    return ';'.join(','.join(repr(float(value)) for value in place) for place in places)


def _runs(pixels: Area) -> dict[str, str]:
    """The smallest window with all pixels, and its run lengths in row-major order; the first run is outside."""
    rows, columns = (np.flatnonzero(pixels.any(axis=axis)) for axis in (1, 0))
    top, left, down, across = rows[0], columns[0], rows[-1] - rows[0] + 1, columns[-1] - columns[0] + 1
    flat = pixels[top : top + down, left : left + across].ravel()
    ends = [0, *(np.flatnonzero(flat[1:] != flat[:-1]) + 1).tolist(), flat.size]
    runs = [0] * bool(flat[0]) + np.diff(ends).tolist()
    window = {'left': left, 'top': top, 'width': across, 'height': down}
    return {'rle': ', '.join(map(str, runs)), **{key: str(int(value)) for key, value in window.items()}}


WRITER = LabelWriter('cvat', 'CVAT XML 1.1', '.xml', False, write_cvat)
