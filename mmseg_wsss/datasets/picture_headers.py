"""Read the header of a picture file without decoding it: size, depth, bands, EXIF orientation."""

from __future__ import annotations

import logging
import re
import struct
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import tifffile
from PIL import Image

from .formats.picture_files import PICTURE_ERRORS, no_image, unlimited
from .transforms.load_deep_image import TIFF_STARTS

ORIENTATION = 274
SIDEWAYS = (5, 6, 7, 8)
"""EXIF orientations that swap width and height when the image is turned by them."""
JPEG_2000_CODE = b'\xff\x4f\xff\x51'
PNG_START = b'\x89PNG\r\n\x1a\n'
PNG_CHANNELS = {0: 1, 2: 3, 3: 1, 4: 2, 6: 4}
TIFF_ERRORS = (IndexError, KeyError, TypeError, ValueError, struct.error, tifffile.TiffFileError)
"""What tifffile raises for damaged headers; its own error is not a ValueError in its releases for Python 3.10."""
MODES = {'1': 1, 'F': 32, 'I': 32, 'I;16': 16, 'I;16B': 16, 'I;16L': 16}

logging.getLogger('tifffile').setLevel(logging.CRITICAL)  # its messages about unusual tags are not relevant here


@dataclass(frozen=True)
class PictureHeader:
    """Header of a picture file.

    Args:
        width: Width in pixels, as stored.
        height: Height in pixels, as stored.
        format: ``PNG``, ``JPEG``, ``TIFF``, ...
        bits: Number of bits per value.
        bands: Number of values per pixel; 1 for a palette.
        kind: ``uint``, ``int`` or ``float``; ``palette``.
        orientation: EXIF orientation, 1 to 8.
    """

    width: int
    height: int
    format: str
    bits: int = 8
    bands: int = 3
    kind: str = 'uint'
    orientation: int = 1

    @property
    def deep(self) -> bool:
        """Whether the values do not fit into 8 bits."""
        return self.bits > 8 or self.kind == 'float'

    @property
    def signature(self) -> tuple[str, int, int, str]:
        """The properties that decide how a loader reads it."""
        return self.format, self.bits, self.bands, self.kind

    def __str__(self) -> str:
        bands = '1 band' if self.bands == 1 else f'{self.bands} bands'
        return f'{self.format} of {bands} of {self.bits} bits ({self.kind})'


@contextmanager
def opened(path: str | Path) -> Iterator[Image.Image]:
    """Open a picture of any size to read its header. It is not decoded, so a size limit is not necessary.

    Raises:
        FileNotFoundError: If the file does not exist.
        ValueError: If it is not an image.
    """
    try:
        with unlimited(), Image.open(path) as image:
            yield image
    except PICTURE_ERRORS as error:
        if isinstance(error, OSError) and error.errno is not None:  # an error of the file system, not of the decoder
            raise
        raise ValueError(no_image(path)) from error


def read_header(path: str | Path) -> PictureHeader:
    """Return the header of a picture file.

    Raises:
        FileNotFoundError: If the file does not exist.
        ValueError: If it is not an image.
    """
    with open(path, 'rb') as file:
        start = file.read(256)
    if start[:4] in TIFF_STARTS:
        return _tiff(path)
    with opened(path) as image:
        bits, bands, kind = MODES.get(image.mode, 8), len(image.getbands()), 'uint'
        if image.mode == 'F':
            kind = 'float'
        elif image.mode == 'P':
            kind = 'palette'
        is_png = start.startswith(PNG_START)
        if is_png:
            bits, bands = start[24], PNG_CHANNELS.get(start[25], bands)
        elif image.format in ('JPEG2000', 'PPM') and bits == 8:  # Pillow opens these in 8 bits
            bits = _bits(start)
        orientation = _orientation(_png_exif(path) if is_png else image)
        return PictureHeader(image.width, image.height, image.format or '', bits, bands, kind, orientation)


def _orientation(source: Image.Image | bytes) -> int:
    """Return the EXIF orientation of an opened picture or of EXIF data; 1 if there is none or it cannot be read."""
    try:
        if isinstance(source, bytes):
            exif = Image.Exif()
            exif.load(source)
        else:
            exif = source.getexif()
        orientation = exif.get(ORIENTATION, 1)
    except (ValueError, SyntaxError, TypeError, KeyError, struct.error, OSError):
        return 1  # loaders also ignore broken EXIF data
    return orientation if orientation in range(1, 9) else 1


def _bits(start: bytes) -> int:
    """Return the number of bits per value of a JPEG 2000 or PPM file, from its first bytes."""
    if (found := re.match(rb'P[56](?:\s+|#[^\n]*\n)*\d+\s+\d+\s+(\d+)\s', start)) is not None:
        return int(found.group(1)).bit_length()
    place = start.find(b'ihdr')  # then height, width, number of bands, and bits minus one
    precision = start[place + 14] if 0 < place < len(start) - 14 else 7
    if start.startswith(JPEG_2000_CODE) and len(start) > 42:
        precision = start[42]
    return (precision & 127) + 1 if precision != 255 else 8  # 255: the bands differ


def num_pages(path: str | Path) -> int:
    """Return the number of pages with the size of the first one (TIFF) or of frames; loaders only read the first."""
    try:
        with tifffile.TiffFile(path) as file:
            pages = [page.keyframe for page in file.pages]
            sizes = [(page.imagewidth, page.imagelength) for page in pages if page is not None]
            return sizes.count(sizes[0])
    except TIFF_ERRORS:  # not a TIFF file, or damaged, which other checks report
        with opened(path) as image:
            return int(getattr(image, 'n_frames', 1))


def _tiff(path: str | Path) -> PictureHeader:
    try:
        with tifffile.TiffFile(path) as file:
            page = file.pages.first
            kind = {'u': 'uint', 'i': 'int', 'f': 'float'}.get(page.dtype.kind if page.dtype else '', 'uint')
            orientation = page.tags.valueof(ORIENTATION, 1)
            known = orientation if orientation in range(1, 9) else 1
            bits = int(page.bitspersample)
            kind = 'palette' if page.photometric == tifffile.PHOTOMETRIC.PALETTE else kind
            return PictureHeader(page.imagewidth, page.imagelength, 'TIFF', bits, page.samplesperpixel, kind, known)
    except TIFF_ERRORS as error:
        raise ValueError(no_image(path)) from error


def _png_exif(path: str | Path) -> bytes:
    """Return the EXIF data of a PNG file, which may be after its pixels; empty if there is none."""
    with open(path, 'rb') as file:
        file.seek(len(PNG_START))
        while len(head := file.read(8)) == 8:
            length, name = struct.unpack('>I4s', head)
            if name == b'eXIf':
                return file.read(length)
            file.seek(length + 4, 1)
    return b''
