"""Label Studio JSON: tasks whose predictions are the labels, and the labelling interface that shows them."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import quote
from xml.etree.ElementTree import Element, SubElement, indent, tostring

import numpy as np
import numpy.typing as npt

from ...files import whole_file
from ...structures import ImageEntry, WeakLabelSet
from ..formats.label_studio import NAME_KEY
from ..formats.masks import Area
from ..formats.tool_labels import IGNORED
from .label_writer import (
    LabelWriter,
    Outlined,
    WriteSettings,
    box_edges,
    click_place,
    line_vertices,
    painted_areas,
    size_of,
    write_json_list,
)

CONTROLS = {
    'keypointlabels': 'KeyPointLabels',
    'rectanglelabels': 'RectangleLabels',
    'vectorlabels': 'VectorLabels',
    'polygonlabels': 'PolygonLabels',
    'brushlabels': 'BrushLabels',
}
NO_TAGS = 'images without any of the classes, which choices cannot say'
CONFIG_SUFFIX = '.config.xml'
"""What the name of the labelling interface ends in."""
CLICK_WIDTH = 0.5
"""Width of a keypoint on the screen, in percent of the image."""
RUN_WIDTHS = (3, 4, 8, 16)
"""Number of bits of the length of a run; the smallest one that fits is used."""
Region = tuple[str, dict[str, Any]]


def write_label_studio(labels: WeakLabelSet, output: Path, settings: WriteSettings) -> None:
    """Write tasks with predictions, and ``<name>.config.xml``, which the project needs as its labelling interface.

    Args:
        labels: The labels; the size of every image must be known.
        output: The JSON file.
        settings: Settings of the writer.
    """
    with whole_file(output.with_suffix(CONFIG_SUFFIX)) as interface, whole_file(output) as file:
        interface.write(_interface(labels).encode())
        write_json_list(file, (_task(key, entry, labels, settings) for key, entry in labels.images.items()))


def _task(key: str, entry: ImageEntry, labels: WeakLabelSet, settings: WriteSettings) -> dict[str, Any]:
    size = {'original_width': entry.width, 'original_height': entry.height, 'image_rotation': 0}
    results = [
        {'id': f'r{index}', 'type': kind, 'from_name': kind, 'to_name': 'image', **size, 'value': value}
        for index, (kind, value) in enumerate(_regions(key, entry, labels.classes, settings))
    ]
    data = {'image': settings.address + quote(entry.file_name), NAME_KEY: entry.file_name}
    predictions = [{'model_version': 'mmseg_wsss', 'result': results}]
    return {'data': data, 'annotations': [], 'predictions': predictions}


def _interface(labels: WeakLabelSet) -> str:
    view = Element('View')
    SubElement(view, 'Image', {'name': 'image', 'value': '$image'})
    colours = labels.palette or [None] * len(labels.classes)
    for kind, control in CONTROLS.items():
        choices = SubElement(view, control, {'name': kind, 'toName': 'image'})
        for name, colour in zip(labels.classes, colours, strict=True):
            shade = {} if colour is None else {'background': '#{:02x}{:02x}{:02x}'.format(*colour)}
            SubElement(choices, 'Label', {'value': name, **shade})
        if kind in ('polygonlabels', 'brushlabels'):
            SubElement(choices, 'Label', {'value': IGNORED})
    tags = SubElement(view, 'Choices', {'name': 'choices', 'toName': 'image', 'choice': 'multiple'})
    for name in labels.classes[1:]:
        SubElement(tags, 'Choice', {'value': name})
    indent(view, ' ')
    return tostring(view, encoding='unicode') + '\n'


def _regions(key: str, entry: ImageEntry, classes: tuple[str, ...], settings: WriteSettings) -> Iterator[Region]:
    found, (width, height) = entry.annotations, size_of(key, entry)
    percent = np.array([100 / width, 100 / height])
    if found.tags is not None:
        names = [classes[tag] for tag in sorted({*found.tags} - {0})]
        if names:
            yield 'choices', {'choices': names}
        else:
            settings.report.leave_out(NO_TAGS, key)
    for area in painted_areas(key, entry, classes, settings):
        if isinstance(area, Outlined):
            ring = (area.ring * percent).tolist()
            yield 'polygonlabels', {'points': ring, 'closed': True, 'polygonlabels': [area.name]}
        else:
            yield 'brushlabels', {'format': 'rle', 'rle': packed_brush(area.pixels), 'brushlabels': [area.name]}
    for box, label in zip(found.boxes, found.box_labels, strict=True):
        x1, y1, x2, y2 = box_edges(box)
        (x, y), (across, down) = np.array([(x1, y1), (x2 - x1, y2 - y1)]) * percent
        value = {'x': x, 'y': y, 'width': across, 'height': down, 'rotation': 0, 'rectanglelabels': [classes[label]]}
        yield 'rectanglelabels', value
    for line, label in zip(found.polylines, found.polyline_labels, strict=True):
        places = (np.array(line_vertices(line)) * percent).tolist()
        ids = [f'v{index}' for index in range(len(places))]
        vertices = [
            {'id': own, 'x': x, 'y': y, 'prevPointId': before, 'isBezier': False}
            for own, before, (x, y) in zip(ids, [None, *ids], places, strict=False)
        ]
        yield 'vectorlabels', {'vertices': vertices, 'closed': False, 'vectorlabels': [classes[label]]}
    for place, label in zip(found.points, found.point_labels, strict=True):
        x, y = (np.array(click_place(place)) * percent).tolist()
        yield 'keypointlabels', {'x': x, 'y': y, 'width': CLICK_WIDTH, 'keypointlabels': [classes[label]]}


def packed_brush(pixels: Area) -> list[int]:
    """Return the bytes of a brush: a picture of four channels, 255 inside, as runs in a stream of bits.

    The stream contains the number of values (32 bits), the bits of a value minus one (5), and the four widths of run
    lengths minus one (4 each). For each run, a 1, the index of its width (2), length minus one and value follow.
    """
    flat: npt.NDArray[np.bool_] = pixels.ravel()
    ends = np.array([0, *(np.flatnonzero(flat[1:] != flat[:-1]) + 1), flat.size])
    bits = [f'{4 * flat.size:032b}', f'{8 - 1:05b}', *(f'{width - 1:04b}' for width in RUN_WIDTHS)]
    longest = 1 << RUN_WIDTHS[-1]
    for start, length in zip(ends[:-1].tolist(), (4 * np.diff(ends)).tolist(), strict=True):
        value = f'{255 * int(flat[start]):08b}'
        for part in [longest] * (length // longest) + [length % longest] * bool(length % longest):
            index = next(i for i, width in enumerate(RUN_WIDTHS) if part <= 1 << width)
            bits.append(f'1{index:02b}{part - 1:0{RUN_WIDTHS[index]}b}{value}')
    text = ''.join(bits)
    text += '0' * (-len(text) % 8)
    return list(int(text, 2).to_bytes(len(text) // 8, 'big'))


WRITER = LabelWriter(
    'label_studio',
    'Label Studio JSON, with the labels as predictions',
    '.json',
    False,
    write_label_studio,
    beside=CONFIG_SUFFIX,
)
