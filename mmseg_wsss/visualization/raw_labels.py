"""Draw the labels of a file on their photo, as the annotator left them: clicks, scribbles, boxes, tags and masks."""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache
from pathlib import Path

import cv2
import matplotlib as mpl
import numpy as np
import numpy.typing as npt
from PIL import Image as Pictures
from PIL import ImageDraw, ImageFont

from ..structures import WeakAnnotations

Image = npt.NDArray[np.uint8]
SIDE = 360
"""The longer side of a drawn photo, in pixels."""
LINE = 16
UNLABELLED = 255


def shown_photo(bands: npt.NDArray[np.generic]) -> Image:
    """Return a picture of any depth as RGB: three bands, and values of more than 8 bits by their percentiles.

    Args:
        bands: (H, W, bands); the first three are shown, or the first one as grey.

    Example:
        >>> shown_photo(np.array([[[0], [1000]]], np.uint16)).ravel().tolist()
        [0, 0, 0, 255, 255, 255]
    """
    colours = bands[..., :3] if bands.shape[2] >= 3 else bands[..., :1].repeat(3, axis=2)
    if colours.dtype == np.uint8:
        return colours.astype(np.uint8)
    values = np.nan_to_num(colours.astype(np.float64))
    low, high = np.percentile(values, (0.5, 99.5))
    stretched: Image = np.rint((values - low) * 255 / max(high - low, 1e-12)).clip(0, 255).astype(np.uint8)
    return stretched


def draw_raw_labels(
    photo: Image,
    labels: WeakAnnotations,
    *,
    classes: Sequence[str],
    palette: Sequence[Sequence[int]],
    name: str,
    mask: npt.NDArray[np.integer] | None = None,
) -> Image:
    """Draw a photo with all labels of its file, its name above it, and its tags and counts below it.

    Args:
        photo: RGB.
        labels: Its labels, in pixels of the photo.
        classes: Class names by id.
        palette: One RGB colour per class.
        name: Name of the photo, in any script that DejaVu Sans has.
        mask: Its dense mask of class ids, 255 where unlabelled.

    Raises:
        ValueError: If the mask has another size than the photo.
    """
    if mask is not None and mask.shape != photo.shape[:2]:
        raise ValueError(f'{name}: the mask has {mask.shape[::-1]} pixels, and the photo {photo.shape[1::-1]}')
    scale = SIDE / max(photo.shape[:2])
    size = max(1, round(photo.shape[1] * scale)), max(1, round(photo.shape[0] * scale))
    canvas = cv2.resize(photo, size, interpolation=cv2.INTER_AREA if scale < 1 else cv2.INTER_NEAREST)
    colours = [tuple(int(value) for value in colour) for colour in palette]
    if mask is not None:
        table = np.zeros((256, 3), np.uint8)
        table[: len(colours)] = colours
        small = cv2.resize(mask.astype(np.uint8), size, interpolation=cv2.INTER_NEAREST)
        mixed = (0.45 * canvas + 0.55 * table[small]).astype(np.uint8)
        canvas = np.where((small != UNLABELLED)[..., None], mixed, canvas)
    picture = Pictures.fromarray(np.ascontiguousarray(canvas))
    pen = ImageDraw.Draw(picture)
    for corners, label in zip(labels.boxes, labels.box_labels, strict=True):
        edges = [float(value) for value in np.concatenate([corners[:2], corners[2:] + 1]) * scale]
        pen.rectangle(edges, outline=colours[label], width=2)
    for line, label in zip(labels.polylines, labels.polyline_labels, strict=True):
        places = [(float(x), float(y)) for x, y in (line + 0.5) * scale]
        if len(places) == 1:  # a dot
            x, y = places[0]
            pen.ellipse([x - 2, y - 2, x + 2, y + 2], fill=colours[label], outline=(255, 255, 255))
        pen.line(places, fill=(255, 255, 255), width=5)
        pen.line(places, fill=colours[label], width=3)
    for (x, y), label in zip((labels.points + 0.5) * scale, labels.point_labels, strict=True):
        pen.ellipse([x - 4, y - 4, x + 4, y + 4], fill=colours[label], outline=(255, 255, 255))
    return _with_text(np.asarray(picture), name, _captions(labels, classes, mask), colours, classes)


def _captions(labels: WeakAnnotations, classes: Sequence[str], mask: npt.NDArray[np.integer] | None) -> list[str]:
    counts = {'clicks': len(labels.points), 'scribbles': len(labels.polylines), 'boxes': len(labels.boxes)}
    parts = [f'{number} {kind}' for kind, number in counts.items() if number]
    if mask is not None:
        parts.append(f'a mask of {(mask != UNLABELLED).mean():.0%} of the pixels')
    lines = [', '.join(parts) or ('no label' if labels.tags is None else 'only tags')]
    if labels.tags is not None:
        lines.append(f'tags: {", ".join(classes[tag] for tag in labels.tags) or "none of the classes"}')
    return lines


def _with_text(
    picture: Image, name: str, captions: Sequence[str], colours: Sequence[tuple[int, ...]], classes: Sequence[str]
) -> Image:
    """Return a picture with its name above it, and captions and a legend of the classes below it."""
    height, width = picture.shape[:2]
    entries: list[tuple[int, int, int]] = []
    left, row = 3, 0
    for label, text in enumerate(classes):
        needed = 18 + round(_font().getlength(text))
        if left + needed > width and left > 3:
            left, row = 3, row + 1
        entries.append((label, left, row))
        left += needed + 8
    top = LINE + height + LINE * len(captions)
    sheet = Pictures.new('RGB', (width, top + LINE * (row + 1)), (255, 255, 255))
    sheet.paste(Pictures.fromarray(picture), (0, LINE))
    pen = ImageDraw.Draw(sheet)
    pen.text((3, 1), name, fill=(0, 0, 0), font=_font())
    for number, text in enumerate(captions):
        pen.text((3, LINE * (number + 1) + height + 1), text, fill=(60, 60, 60), font=_font())
    for label, x, line in entries:
        y = top + line * LINE
        pen.rectangle([x, y + 3, x + 11, y + 13], fill=colours[label])
        pen.text((x + 15, y + 1), classes[label], fill=(0, 0, 0), font=_font())
    return np.asarray(sheet)


@lru_cache
def _font() -> ImageFont.FreeTypeFont:
    return ImageFont.truetype(str(Path(mpl.get_data_path()) / 'fonts/ttf/DejaVuSans.ttf'), 11)
