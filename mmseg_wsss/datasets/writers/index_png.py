"""Palette PNGs: one per image, with class ids as values: masks, and the pixels of scribbles and clicks."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import numpy.typing as npt
from skimage.draw import line

from ...files import path_inside, whole_file, whole_folder
from ...structures import ImageEntry, WeakLabelSet
from ..formats.masks import UNLABELLED
from ..pseudo_label_files import index_picture
from .label_writer import LabelWriter, WriteSettings, checked_mask, leave_out_each, size_of

NO_PIXELS = '{}, which have no pixels of their own'
COVERED = 'images with clicks or scribbles on a mask, which are painted into it'
Colours = list[tuple[int, int, int]]


def write_index_png(labels: WeakLabelSet, output: Path, settings: WriteSettings) -> None:
    """Write ``<image id>.png`` below a folder, 255 where nothing is labelled.

    All files appear at the end, or none.

    Args:
        labels: The labels; the size of every image must be known. Without a palette, the colours are those of VOC.
        output: The folder.
        settings: Only the report is used.

    Raises:
        ValueError: If the name of an image is a path outside of the folder.
    """
    palette = list(labels.palette or voc_colours(len(labels.classes)))
    with whole_folder(output) as hidden:
        for key, entry in labels.images.items():
            found = entry.annotations
            for kind, count in (('boxes', len(found.boxes)), ('tags', len(found.tags or ()))):
                leave_out_each(settings.report, NO_PIXELS.format(kind), count, key)
            values = _values(key, entry, labels.classes)
            if found.mask_path is not None and (len(found.points) or found.polylines):
                settings.report.change(COVERED, key)
            name = path_inside(output, f'{key}.png').relative_to(output)
            with whole_file(hidden / name) as file:
                index_picture(values, palette).save(file, format='PNG', optimize=True)


def _values(key: str, entry: ImageEntry, classes: tuple[str, ...]) -> npt.NDArray[np.uint8]:
    """The mask, with scribbles drawn over it and clicks over the scribbles, (H, W)."""
    found, (width, height) = entry.annotations, size_of(key, entry)
    values = np.full((height, width), UNLABELLED, dtype=np.uint8)
    if found.mask_path is not None:
        values[:] = checked_mask(key, entry, found.mask_path, classes)
    limit = np.array([width - 1, height - 1])
    for vertices, label in zip(found.polylines, found.polyline_labels, strict=True):
        pixels = np.clip(np.floor(vertices + 0.5), 0, limit).astype(int)
        for (x1, y1), (x2, y2) in zip(pixels, [*pixels[1:], pixels[-1]], strict=True):
            values[line(y1, x1, y2, x2)] = label  # type: ignore[no-untyped-call]
    for (x, y), label in zip(np.clip(np.floor(found.points + 0.5), 0, limit), found.point_labels, strict=True):
        values[int(y), int(x)] = label
    return values


def voc_colours(count: int) -> Colours:
    """Return the colours of PASCAL VOC, whose bits spread the bits of a class id.

    Example:
        >>> voc_colours(3)
        [(0, 0, 0), (128, 0, 0), (0, 128, 0)]
    """
    colours: Colours = []
    for index in range(count):
        red, green, blue = (
            sum((index >> (3 * step + channel) & 1) << (7 - step) for step in range(3)) for channel in range(3)
        )
        colours.append((red, green, blue))
    return colours


WRITER = LabelWriter('index_png', 'palette PNG of class ids, one per image', '.png', True, write_index_png)
