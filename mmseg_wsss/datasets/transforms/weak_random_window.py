"""A window of the image with a random size, resized to a fixed size, which also moves weak labels."""

from typing import Any, cast

import cv2
import numpy as np
import numpy.typing as npt
from mmcv.transforms import BaseTransform
from mmcv.transforms.utils import cache_randomness
from mmseg.registry import TRANSFORMS

from ...structures.sample import Matrix, Sample
from ._geometry import multiply, scaling, translation

INTERPOLATIONS = {'bilinear': cv2.INTER_LINEAR, 'bicubic': cv2.INTER_CUBIC, 'nearest': cv2.INTER_NEAREST}


@TRANSFORMS.register_module()
class WeakRandomWindow(BaseTransform):
    """Crop a window of random size and resize it to ``crop_size``, the augmentation of Gated CRF's code.

    Sides of the window are ``crop_size`` times a factor that is uniform in ``scale``, so the zoom is the inverse of
    this factor: with (0.5, 2) its mean is 0.92, and two of three crops show more of the image than with
        ``RandomResize`` and
    ``WeakRandomCrop``, whose zoom is uniform. Along an axis where the window fits into the image, its position is
    uniform; otherwise the image is in the middle of the window. Pixels outside of the image get ``fill``, are not valid
    and have no labels. The window is recorded in ``homography_matrix``; pixels are interpolated without smoothing, as
    in the published code.

    For photos of 500 x 375 with five random clicks, crops of 256 contain 2.75 clicks on average, 12.7 % of the crops
    contain none, and 5.3 % of their area is outside of the photo; resizing by (0.5, 2) and cropping gives 1.66, 28.2 %
    and 1.6 %.

    Required keys: ``img``, ``homography_matrix``; optionally ``seg_fields``.

    Modified keys: ``img``, ``img_shape``, ``homography_matrix``, ``weak_frames`` and the maps in ``seg_fields``.

    Args:
        crop_size: (height, width) of the result, or one number for both.
        scale: Smallest and largest side of the window, as factors of ``crop_size``, above 0.
        interpolation: ``'bilinear'``, ``'bicubic'`` or ``'nearest'``, for the image; maps use the nearest pixel.
        fill: Value outside of the image, from 0 to 255; 0 is black, as in the published code.
        seg_fill: Value of the maps in ``seg_fields`` outside of the image.

    Raises:
        ValueError: If a size is below 1, ``scale`` is not two positive numbers in ascending order, or the interpolation
            is unknown.
    """

    def __init__(
        self,
        crop_size: int | tuple[int, int],
        scale: tuple[float, float] = (0.5, 2.0),
        interpolation: str = 'bilinear',
        fill: float = 0.0,
        seg_fill: int = 255,
    ) -> None:
        height, width = (crop_size, crop_size) if isinstance(crop_size, int) else crop_size
        if min(height, width) < 1:
            raise ValueError(f'crop_size must be at least one pixel on each side, got {crop_size}')
        if not 0 < scale[0] <= scale[1]:
            raise ValueError(f'scale must be two numbers above 0, the smaller first, got {tuple(scale)}')
        if interpolation not in INTERPOLATIONS:
            raise ValueError(f'interpolation must be one of {", ".join(INTERPOLATIONS)}, got {interpolation!r}')
        self.crop_size = (int(height), int(width))
        self.scale = tuple(scale)
        self.interpolation = interpolation
        self.fill = fill
        self.seg_fill = seg_fill

    @cache_randomness  # type: ignore[untyped-decorator]
    def draw(self, size: tuple[int, int]) -> tuple[float, float, float]:
        """Draw the window of an image of ``size`` (height, width): top and left in edge coordinates, and its factor."""
        factor = np.random.uniform(self.scale[0], self.scale[1])
        corner = []
        for side, crop in zip(size, self.crop_size, strict=True):
            room = side - factor * crop
            corner.append(np.random.uniform(0, room) if room > 0 else room / 2)
        return corner[0], corner[1], factor

    def transform(self, results: dict[str, Any]) -> dict[str, Any]:
        """Crop and resize the image and dense maps, and multiply the matrix."""
        size = results['img'].shape[:2]
        top, left, factor = self.draw(size)
        matrix = scaling(1 / factor, 1 / factor) @ translation(-left, -top)
        (rows, inside_rows), (columns, inside_columns) = (
            _places(start, factor, side, crop)
            for start, side, crop in zip((top, left), size, self.crop_size, strict=True)
        )
        inside = inside_rows[:, None] & inside_columns
        results['img'] = self._warp(results['img'], matrix)
        results['img'][~inside] = self.fill
        for key in results.get('seg_fields', ()):
            results[key] = results[key][rows[:, None], columns]
            results[key][~inside] = self.seg_fill
        results['img_shape'] = self.crop_size
        multiply(cast(Sample, results), matrix)
        return results

    def _warp(self, image: npt.NDArray[Any], matrix: Matrix) -> npt.NDArray[Any]:
        # OpenCV uses coordinates of pixel centres, the matrix those of edges.
        centres = translation(-0.5, -0.5) @ matrix @ translation(0.5, 0.5)
        flags = INTERPOLATIONS[self.interpolation]
        width_height = self.crop_size[::-1]
        warped = cv2.warpAffine(image, centres[:2], width_height, flags=flags, borderMode=cv2.BORDER_REPLICATE)
        return warped.reshape(*self.crop_size, *image.shape[2:])

    def __repr__(self) -> str:
        return f'{type(self).__name__}(crop_size={self.crop_size}, scale={self.scale})'


def _places(start: float, factor: float, side: int, crop: int) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.bool_]]:
    """Return, for each of ``crop`` pixels, the pixel of an axis of ``side`` pixels, and whether it exists."""
    places = np.floor(start + factor * (np.arange(crop) + 0.5)).astype(np.int64)
    return places.clip(0, side - 1), (places >= 0) & (places < side)
