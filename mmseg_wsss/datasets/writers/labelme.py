"""LabelMe JSON: one file per image, with polygons or masks, rectangles, points, lines, and tags as flags."""

from __future__ import annotations

import base64
import io
import json
import os
from pathlib import Path, PurePosixPath
from typing import Any

import numpy as np
from PIL import Image

from ...files import path_inside, whole_file, whole_folder
from ...structures import ImageEntry, WeakLabelSet
from ..formats.masks import Area
from .label_writer import LabelWriter, Outlined, WriteSettings, box_edges, click_place, line_vertices, painted_areas

VERSION = '5.5.0'
"""The version of LabelMe that the files are written for."""


def write_labelme(labels: WeakLabelSet, output: Path, settings: WriteSettings) -> None:
    """Write ``<image id>.json`` below a folder; ``imagePath`` is the path of the image relative to that folder.

    All files appear at the end, or none.

    Args:
        labels: The labels; the size of every image must be known.
        output: The folder. Without ``images`` in the settings, it should be that of the images.
        settings: Settings of the writer.

    Raises:
        ValueError: If the name of an image is a path outside of the folder.
    """
    with whole_folder(output) as hidden:
        for key, entry in labels.images.items():
            file = path_inside(output, f'{key}.json')
            image = PurePosixPath(entry.file_name).name
            if settings.images is not None:
                image = Path(os.path.relpath(settings.images / entry.file_name, file.parent)).as_posix()
            content = {
                'version': VERSION,
                'flags': _flags(entry, labels.classes),
                'shapes': _shapes(key, entry, labels.classes, settings),
                'imagePath': image,
                'imageData': None,
                'imageHeight': entry.height,
                'imageWidth': entry.width,
            }
            with whole_file(hidden / file.relative_to(output)) as target:
                target.write(json.dumps(content, indent=1).encode())


def _flags(entry: ImageEntry, classes: tuple[str, ...]) -> dict[str, bool]:
    tags = entry.annotations.tags
    return {} if tags is None else {name: index in tags for index, name in enumerate(classes) if index}


def _shapes(key: str, entry: ImageEntry, classes: tuple[str, ...], settings: WriteSettings) -> list[dict[str, Any]]:
    found = entry.annotations
    shapes = []
    for area in painted_areas(key, entry, classes, settings):
        if isinstance(area, Outlined):
            shapes.append(_shape(area.name, 'polygon', area.ring.tolist()))
        else:
            shapes.append(_mask(area.name, area.pixels))
    for box, label in zip(found.boxes, found.box_labels, strict=True):
        x1, y1, x2, y2 = box_edges(box)
        shapes.append(_shape(classes[label], 'rectangle', [[x1, y1], [x2, y2]]))
    for line, label in zip(found.polylines, found.polyline_labels, strict=True):
        shapes.append(_shape(classes[label], 'linestrip', line_vertices(line)))
    for place, label in zip(found.points, found.point_labels, strict=True):
        shapes.append(_shape(classes[label], 'point', [click_place(place)]))
    return shapes


def _shape(name: str, kind: str, places: list[list[float]], mask: str | None = None) -> dict[str, Any]:
    return {
        'label': name,
        'points': places,
        'group_id': None,
        'description': '',
        'shape_type': kind,
        'flags': {},
        'mask': mask,
    }


def _mask(name: str, pixels: Area) -> dict[str, Any]:
    """A PNG of the smallest window with all pixels, and its first and last pixel."""
    rows, columns = (np.flatnonzero(pixels.any(axis=axis)) for axis in (1, 0))
    top, bottom, left, right = (int(value) for value in (rows[0], rows[-1], columns[0], columns[-1]))
    data = io.BytesIO()
    Image.fromarray(pixels[top : bottom + 1, left : right + 1].astype(np.uint8) * 255).save(data, format='PNG')
    return _shape(name, 'mask', [[left, top], [right, bottom]], base64.b64encode(data.getvalue()).decode())


WRITER = LabelWriter('labelme', 'LabelMe JSON, one file per image', '.json', True, write_labelme)
