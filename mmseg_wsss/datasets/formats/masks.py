"""Paint outlines and run lengths of label files as masks of class ids."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
from PIL import Image

from ...files import path_inside, whole_file
from ...structures import image_id
from .label_format import Option, ReadReport
from .picture_files import MAX_PIXELS
from .values import is_number, is_whole, shown

UNLABELLED = 255
Area = npt.NDArray[np.bool_]
MASKS = Option('masks', 'a folder to write outlines to, as index PNGs; without it they are left out', is_path=True)
RESTS = ('background', 'unlabelled', 'auto')
REST = Option(
    'rest',
    'what masks hold where nothing is painted: background (0), unlabelled (255), or auto: unlabelled in images that '
    'also have clicks, scribbles or boxes',
)
PARTLY = 'masks of images that also have clicks, scribbles or boxes, unlabelled outside of the outlines (--rest)'
NOT_WRITTEN = 'outlines and painted areas (--masks DIR writes them)'
CUT_OFF = 'outlines cut off at the edge of their image'
NO_PIXEL = 'outlines and painted areas that cover no pixel of their image'


def area_of_polygon(
    rings: Sequence[Sequence[float]], size: tuple[int, int], where: str, report: ReadReport | None = None
) -> Area:
    """Return the pixels of one object, (H, W): all pixels inside any of its outlines.

    Args:
        rings: Outlines [x, y, x, y, ..], counted from the edge of the image: pixel i covers [i, i + 1).
        size: (height, width).
        where: File and object, for the messages.
        report: Report that counts the object if an outline reaches beyond the image by more than a pixel.

    Raises:
        ValueError: If an outline is not of this form or lies far outside the image.
    """
    from pycocotools import mask as coco_mask

    _check_size(size, where)
    far = 2 * max(size)
    for ring in rings:
        if len(ring) < 6 or len(ring) % 2 or not all(map(is_number, ring)):
            raise ValueError(f'{where}: a polygon must be a list [x, y, x, y, x, y, ..], got {shown(list(ring))}')
        if min(ring) < -far or max(ring) > far:
            raise ValueError(
                f'{where}: a polygon lies far outside the image, which is {size[1]} x {size[0]} pixels: '
                f'{shown(list(ring))}'
            )
    height, width = size
    beyond = any(min(ring) < -1 or max(ring[0::2]) > width + 1 or max(ring[1::2]) > height + 1 for ring in rings)
    if report is not None and beyond:
        report.change(CUT_OFF, where)
    parts = coco_mask.frPyObjects([[float(value) for value in ring] for ring in rings], *size)
    area: Area = coco_mask.decode(coco_mask.merge(parts)) > 0
    return area


def area_of_counts(counts: Any, size: tuple[int, int], where: str) -> Area:
    """Return the pixels of COCO run lengths, (H, W), which are in column-major order.

    Args:
        counts: Lengths of runs outside and inside in turn, or their compressed text.
        size: (height, width).
        where: File and object, for the messages.

    Raises:
        ValueError: If they are not run lengths of an image of this size.
    """
    _check_size(size, where)
    runs = _decompressed(counts, where) if isinstance(counts, str) else counts
    if not isinstance(runs, list) or not all(is_number(run) and run >= 0 and run == int(run) for run in runs):
        raise ValueError(f'{where}: counts must be a list of integers from 0, or their text, got {shown(counts)}')
    height, width = size
    if sum(map(int, runs)) != height * width:
        raise ValueError(
            f'{where}: counts must add up to {height * width} ({height} x {width} pixels), got {sum(map(int, runs))}'
        )
    inside = np.arange(len(runs)) % 2 == 1
    return np.repeat(inside, np.array(runs, dtype=np.int64)).reshape(width, height).T


def area_of_segmentation(shape: Any, size: tuple[int | None, int | None], where: str, report: ReadReport) -> Area:
    """Return the pixels of a segmentation of COCO, (H, W).

    Args:
        shape: Polygons, or an object with run lengths.
        size: (width, height) of the image; None where the file does not contain it.
        where: File and object, for the messages.
        report: Report that counts pieces that are left out or cut off.

    Raises:
        ValueError: If it has another form.
    """
    if isinstance(shape, dict):
        height, width = _rle_size(shape, size, where)
        return area_of_counts(shape.get('counts'), (height, width), f'{where}, segmentation')
    if not isinstance(shape, list):
        raise ValueError(f'{where}: segmentation must be a list of polygons or an RLE, got {shown(shape)}')
    rings = [shape] if all(map(is_number, shape)) else shape
    if not all(isinstance(ring, list) for ring in rings):
        raise ValueError(f'{where}: segmentation must be a list of polygons [x, y, x, y, ..], got {shown(shape)}')
    whole = [ring for ring in rings if len(ring) not in (0, 2, 4) or not all(map(is_number, ring))]
    if whole and len(whole) < len(rings):
        report.leave_out('pieces of polygons with fewer than three points', where)
    return area_of_polygon(whole or rings, known_size(size, where), f'{where}, segmentation', report)


def _rle_size(shape: dict[str, Any], size: tuple[int | None, int | None], where: str) -> tuple[int, int]:
    stated = shape.get('size')
    known = stated if None in size else [size[1], size[0]]
    is_pair = isinstance(stated, list) and len(stated) == 2 and all(is_whole(side) and side > 0 for side in stated)
    if stated is None or not is_pair or stated != known:
        here = '' if None in size else f', that of the image, {known}'
        raise ValueError(f'{where}: size of the segmentation must be [height, width]{here}, got {shown(stated)}')
    return int(stated[0]), int(stated[1])


def _decompressed(text: str, where: str) -> list[int]:
    """COCO's text: base-32 digits, low ones first; from the fourth run on the difference to the one before last."""
    runs: list[int] = []
    value = shift = 0
    for letter in text:
        digit = ord(letter) - 48
        if not 0 <= digit < 64 or shift > 60:
            raise ValueError(f'{where}: counts is not the text of run lengths: {shown(text)}')
        value |= (digit & 31) << shift
        shift += 5
        if digit & 32:
            continue
        if digit & 16:
            value -= 1 << shift
        runs.append(value + (runs[-2] if len(runs) > 2 else 0))
        value = shift = 0
    if shift:
        raise ValueError(f'{where}: counts is not the text of run lengths, its end is missing: {shown(text)}')
    return runs


def _check_size(size: tuple[int, int], where: str) -> None:
    if size[0] * size[1] > MAX_PIXELS:
        raise ValueError(f'{where}: a mask of {size[1]} x {size[0]} pixels is too large: cut the image into tiles')


@dataclass
class MaskPainter:
    """Paints the areas of the objects of an image, one after the other, and writes the masks of a file.

    Without a folder, nothing is painted and every area is counted as left out.

    Args:
        folder: Folder to write ``<image id>.png`` to, or None.
        report: Report that counts areas that are not written.
        rest: Meaning of pixels on which nothing is painted: ``'background'``, ``'unlabelled'``, or ``'auto'``: the
            background unless :meth:`write` is told that not everything is outlined.

    Raises:
        ValueError: If it is none of them.
    """

    folder: str | None
    report: ReadReport
    rest: str = 'background'
    _canvas: npt.NDArray[np.uint8] | None = None
    _painted: Area | None = None

    def __post_init__(self) -> None:
        if self.rest not in RESTS:
            raise ValueError(f"rest must be 'background' or 'unlabelled' or 'auto', got {self.rest!r}")

    @property
    def writes(self) -> bool:
        """Whether areas are written."""
        return self.folder is not None

    def skip(self, where: str) -> None:
        """Count an area that is not written."""
        self.report.leave_out(NOT_WRITTEN, where)

    def paint(self, area: Area, label: int, where: str) -> None:
        """Paint an area over the current mask; one without a pixel is counted, because it may be of another size."""
        if not area.any():
            self.report.leave_out(NO_PIXEL, where)
        if self._canvas is None or self._painted is None:
            self._canvas, self._painted = np.zeros(area.shape, dtype=np.uint8), np.zeros(area.shape, dtype=bool)
        self._canvas[area], self._painted[area] = label, True

    def write(self, file_name: str, *, partly: bool = False) -> str | None:
        """Write the mask of the current image, and start the next one.

        Args:
            file_name: Name of the image file.
            partly: Whether other labels show that not every object of the image is outlined, so that the rest is
                unlabelled with ``rest='auto'``.

        Returns:
            The path of the mask; None if nothing was painted.
        """
        canvas, painted, self._canvas, self._painted = self._canvas, self._painted, None, None
        if self.folder is None or canvas is None or painted is None:
            return None
        if self.rest == 'unlabelled' or (self.rest == 'auto' and partly):
            canvas[~painted] = UNLABELLED
            if self.rest == 'auto':
                self.report.change(PARTLY, file_name)
        return write_mask(self.folder, file_name, canvas)


def known_size(size: tuple[int | None, int | None], where: str) -> tuple[int, int]:
    """Return (height, width) of an image of (width, height), which must be known.

    Raises:
        ValueError: If it is not, or is too large.
    """
    width, height = size
    if width is None or height is None:
        raise ValueError(f'{where}: width and height are missing, and masks need them')
    _check_size((height, width), where)
    return height, width


def write_mask(folder: str | Path, file_name: str, values: npt.NDArray[np.uint8]) -> str:
    """Write ``<image id>.png`` below a folder and return its path."""
    file = path_inside(folder, f'{image_id(file_name)}.png')
    with whole_file(file) as target:
        Image.fromarray(values).save(target, format='PNG')
    return str(file)
