"""Load pictures with more than 8 bits or more than three bands."""

import io
from collections.abc import Sequence
from typing import Any, cast

import cv2
import mmcv
import numpy as np
import numpy.typing as npt
import tifffile
from mmcv.transforms import BaseTransform
from mmengine import fileio
from mmseg.registry import TRANSFORMS

from ...structures.sample import Sample

TIFF_STARTS = (b'II*\0', b'MM\0*', b'II+\0', b'MM\0+')
"""First bytes of TIFF and BigTIFF files."""
COLOR_TYPES = ('color', 'grayscale')


@TRANSFORMS.register_module()
class LoadDeepImage(BaseTransform):
    """Load a picture with 12, 16 or 32 bits, integers or floats, by a given range of values.

    It replaces ``LoadImageFromFile``, which drops the lower bits or clips. Values of the range become 0 to
    255, in steps of 1. Values outside of the range are clipped, and NaN becomes 0. The range is the same for all
    pictures, so they stay comparable. The EXIF orientation is not applied.

    Required keys: ``img_path``.

    Added keys: ``img`` (BGR uint8, (H, W, 3), or (H, W) with ``color_type='grayscale'``), ``img_shape``, ``ori_shape``.

    Args:
        range: (low, high): the values that become 0 and 255.
        bands: Which bands are red, green and blue, from 0, or the one band of a grey picture; None: the only one, or
            the first three of three or four.
        color_type: ``'color'`` gives three channels, equal ones for a grey picture; ``'grayscale'`` gives one.
        backend_args: Same as in ``LoadImageFromFile``.

    Raises:
        ValueError: If a setting is out of range.
    """

    def __init__(
        self,
        range: tuple[float, float],  # the usual name
        bands: Sequence[int] | None = None,
        color_type: str = 'color',
        backend_args: dict[str, Any] | None = None,
    ) -> None:
        if len(range) != 2 or not range[0] < range[1]:
            raise ValueError(f'range must be (low, high) with low < high, got {range}')
        if bands is not None and (len(bands) not in (1, 3) or min(bands) < 0):
            raise ValueError(f'bands must be one or three numbers of bands, from 0, got {bands}')
        if color_type not in COLOR_TYPES:
            raise ValueError(f'color_type must be one of {", ".join(COLOR_TYPES)}, got {color_type!r}')
        self.range = (float(range[0]), float(range[1]))
        self.bands = None if bands is None else tuple(bands)
        self.color_type = color_type
        self.backend_args = backend_args

    def transform(self, results: dict[str, Any]) -> dict[str, Any]:
        """Load the picture.

        Raises:
            ValueError: If it cannot be read, or does not have the bands of the settings.
        """
        sample = cast(Sample, results)
        path = sample['img_path']
        values = self._chosen(read_bands(fileio.get(path, backend_args=self.backend_args), path), path)
        low, high = self.range
        inside = np.nan_to_num(values.astype(np.float64), nan=low).clip(low, high)
        image: npt.NDArray[Any] = np.rint((inside - low) * (255 / (high - low))).astype(np.uint8)
        if image.shape[2] == 3:
            image = np.ascontiguousarray(image[..., ::-1])
        if self.color_type == 'grayscale':
            image = image[..., 0] if image.shape[2] == 1 else cv2.cvtColor(image, cv2.COLOR_BGR2GRAY)
        elif image.shape[2] == 1:
            image = image.repeat(3, axis=2)
        sample['img'] = image
        sample['img_shape'] = sample['ori_shape'] = image.shape[:2]
        return results

    def _chosen(self, array: npt.NDArray[Any], path: str) -> npt.NDArray[Any]:
        number = array.shape[2]
        bands = self.bands
        if bands is None:
            if number not in (1, 3, 4):
                raise ValueError(
                    f'{path} has {number} bands: say which are red, green and blue, such as bands=(0, 1, 2), or the '
                    'one to take, bands=(0,)'
                )
            bands = (0,) if number == 1 else (0, 1, 2)
        if max(bands) >= number:
            raise ValueError(f'{path} has {number} bands, counted from 0, and bands={self.bands} asks for others')
        return array[..., list(bands)]

    def __repr__(self) -> str:
        return f'{type(self).__name__}(range={self.range}, bands={self.bands}, color_type={self.color_type!r})'


def read_bands(content: bytes, path: str) -> npt.NDArray[Any]:
    """Return the bands of a picture file in order, (H, W, bands); for a colour picture red, green, blue.

    Args:
        content: Content of the file; only the first page of a TIFF file is read.
        path: Path of the file, for messages.

    Raises:
        ValueError: If it cannot be read.
    """
    array = _tiff_bands(content) if content[:4] in TIFF_STARTS else None
    if array is None:
        array = mmcv.imfrombytes(content, flag='unchanged', backend='cv2') if content else None
        if array is not None and array.ndim == 3 and array.shape[2] >= 3:
            array = array[..., [2, 1, 0, *np.arange(3, array.shape[2])]]
    if array is None or array.ndim not in (2, 3):
        raise ValueError(f'{path} cannot be read as a picture: is it damaged?')
    bands: npt.NDArray[Any] = array[..., None] if array.ndim == 2 else array
    return bands


def _tiff_bands(content: bytes) -> npt.NDArray[Any] | None:
    """Return the bands of a TIFF file, or None if tifffile cannot read it: OpenCV reads some compressions."""
    try:
        with tifffile.TiffFile(io.BytesIO(content)) as file:
            page = file.pages.first
            array: npt.NDArray[Any] = page.asarray()
            return np.moveaxis(array, 0, -1) if page.axes.startswith('S') else array
    # Each compression has errors of its own: zlib.error, lzma.LZMAError, ZeroDivisionError, those of imagecodecs, ...
    except Exception:  # OpenCV reports what is wrong with the file
        return None
