"""The packed pictures in which Label Studio stores what a brush painted."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from .masks import Area, known_size
from .picture_files import MAX_PIXELS
from .tool_labels import Size
from .values import is_whole, keyed, shown


def brush_area(value: Any, size: Size, where: str) -> Area:
    """Return the pixels of a brush, (H, W): those whose alpha is above 0 in a picture of four channels.

    Args:
        value: The value of a region, with the bytes of the picture in ``rle``.
        size: (width, height) of the image.
        where: The place in the file, for the messages.

    Raises:
        ValueError: If they are not the packed picture of an image of this size.
    """
    height, width = known_size(size, f'{where} (original_width, original_height)')
    data = keyed(value, where, 'rle')['rle']
    if not isinstance(data, list) or not all(is_whole(byte) and 0 <= byte <= 255 for byte in data):
        raise ValueError(f'{where}: rle must be a list of integers in 0..255, got {shown(data)}')
    values = _unpacked([int(byte) for byte in data], height * width * 4, where)
    area: Area = values.reshape(height, width, 4)[:, :, 3] > 0
    return area


def _unpacked(data: list[int], count: int, where: str) -> npt.NDArray[np.uint8]:
    """The numbers in a stream of bits: 32 bits for their count, 5 for the width of one, 4 x 4 for those of runs."""
    fault = f'{where}: rle is not the packed picture of a brush'
    bits = ''.join(f'{byte:08b}' for byte in data)
    place = 0

    def read(width: int) -> int:
        nonlocal place
        part = bits[place : place + width]
        if len(part) < width:
            raise ValueError(f'{fault}: it ends after {len(data)} bytes')
        place += width
        return int(part, 2)

    stated = read(32)
    if stated != count or count > 4 * MAX_PIXELS:
        raise ValueError(f'{fault}: it states {stated} values, and the image has {count} (4 a pixel)')
    width = read(5) + 1
    run_widths = [read(4) + 1 for _ in range(4)]
    values = np.zeros(count, dtype=np.uint8)
    at = 0
    while at < count:
        is_run, end = read(1), at + 1 + read(run_widths[read(2)])
        if end > count:
            raise ValueError(f'{fault}: a run ends at {end} of {count} values')
        if is_run:
            values[at:end] = min(read(width), 255)
        else:
            values[at:end] = [min(read(width), 255) for _ in range(end - at)]
        at = end
    return values
