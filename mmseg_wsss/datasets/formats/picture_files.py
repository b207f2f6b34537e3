"""Open pictures of any size with Pillow, and name everything that it raises for a damaged file."""

from __future__ import annotations

import struct
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import numpy.typing as npt
from PIL import Image

MAX_PIXELS = 2**28
"""Largest number of pixels of a mask; a larger one is an error in the file."""
LFS_START = b'version https://git-lfs'
PICTURE_ERRORS = (
    Image.DecompressionBombError,
    EOFError,
    IndexError,
    OSError,
    RuntimeError,
    SyntaxError,
    ValueError,
    struct.error,
)
"""What Pillow raises for files that are damaged or no pictures, depending on their format: the formats do not agree."""


@contextmanager
def unlimited() -> Iterator[None]:
    """Let Pillow open pictures of any size; their pixels are counted before they are decoded."""
    limit, Image.MAX_IMAGE_PIXELS = Image.MAX_IMAGE_PIXELS, None
    try:
        yield
    finally:
        Image.MAX_IMAGE_PIXELS = limit


def picture_fits(path: Path, fits: Callable[[Image.Image], bool]) -> bool:
    """Whether a file is a picture that can be read, has at most ``MAX_PIXELS``, and fits.

    Args:
        path: The file.
        fits: Whether the opened picture fits; it may decode it.
    """
    try:
        with unlimited(), Image.open(path) as image:
            return image.width * image.height <= MAX_PIXELS and fits(image)
    except PICTURE_ERRORS:
        return False


def load_colours(path: str | Path) -> npt.NDArray[np.uint8]:
    """Return red, green and blue of a picture, (H, W, 3).

    Raises:
        FileNotFoundError: If the file does not exist.
        ValueError: If it is not a picture that can be read.
    """
    try:
        with Image.open(path) as image:
            return np.asarray(image.convert('RGB'))
    except FileNotFoundError:
        raise
    except PICTURE_ERRORS as error:
        raise ValueError(f'{path} is not an image that can be read: {error}') from error


def transparent_pixels(path: str | Path) -> npt.NDArray[np.bool_]:
    """Return which pixels of a picture that can be read are fully transparent, (H, W)."""
    with Image.open(path) as image:
        if 'A' not in image.getbands() and 'transparency' not in image.info:
            return np.zeros((image.height, image.width), dtype=bool)
        hidden: npt.NDArray[np.bool_] = np.asarray(image.convert('RGBA'))[..., 3] == 0
    return hidden


def no_image(path: str | Path) -> str:
    """Return the message for a file that is not an image."""
    with open(path, 'rb') as file:
        start = file.read(40)
    if not start:
        return f'{path} is not an image: it is empty'
    if start.startswith(LFS_START):
        return f'{path} is not an image but a pointer of Git LFS: "git lfs pull" gets the image'
    return f'{path} is not an image, or is damaged'
