"""A window of random size out of the image, brought to one size, that carries weak labels along."""

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
    """Cut a window of random size out of the image and bring it to ``crop_size``: the augmentation of Gated CRF's code.

    Sides of the window are ``crop_size`` times a factor that is uniform in ``scale``, so the zoom is one over such a
    number: with (0.5, 2) its mean is 0.92 and two of three crops show more of the image than ``RandomResize`` and
    ``WeakRandomCrop`` would, whose zoom is the uniform number itself. Along an axis where the window fits into the
    image its place is uniform; along an axis where it does not, the image lies in the middle of it. What is outside of
    the image gets ``fill``, is not valid and holds no labels. Noted in ``homography_matrix``; the pixels of the result
    are interpolated without smoothing, as there.

    For photos of 500 x 375 with five clicks anywhere, crops of 256 hold 2.75 clicks on average, 12.7 % of them none,
    and 5.3 % of their area is outside of the photo; resizing by (0.5, 2) and cropping give 1.66, 28.2 % and 1.6 %.

    Required keys: ``img``, ``homography_matrix``; optionally ``seg_fields``.

    Modified keys: ``img``, ``img_shape``, ``homography_matrix``, ``weak_frames`` and the maps in ``seg_fields``.

    Args:
        crop_size: (height, width) of the result, or one number for both.
        scale: Smallest and largest side of the window, as factors of ``crop_size``, above 0.
        interpolation: ``'bilinear'``, ``'bicubic'`` or ``'nearest'``, for the image; maps take the nearest pixel.
        fill: Value of the image outside, 0 to 255; 0 is black, as published.
        seg_fill: Value of the maps in ``seg_fields`` outside.

    Raises:
        ValueError: If a size is below 1, ``scale`` is not two numbers above 0 of which the first is the smaller one, or
            the interpolation is unknown.
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
            raise ValueError(f'crop_size must be at least one pixel on either side, got {crop_size}')
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
        """Draw the window of an image of ``size`` (height, width): top, left (edge coordinates) and its factor."""
        factor = np.random.uniform(self.scale[0], self.scale[1])
        corner = []
        for side, crop in zip(size, self.crop_size, strict=True):
            room = side - factor * crop
            corner.append(np.random.uniform(0, room) if room > 0 else room / 2)
        return corner[0], corner[1], factor

    def transform(self, results: dict[str, Any]) -> dict[str, Any]:
        """Cut the image and dense maps, multiply the matrix."""
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
        # OpenCV counts pixel centres, the matrix counts edges.
        centres = translation(-0.5, -0.5) @ matrix @ translation(0.5, 0.5)
        flags = INTERPOLATIONS[self.interpolation]
        width_height = self.crop_size[::-1]
        warped = cv2.warpAffine(image, centres[:2], width_height, flags=flags, borderMode=cv2.BORDER_REPLICATE)
        return warped.reshape(*self.crop_size, *image.shape[2:])

    def __repr__(self) -> str:
        return f'{type(self).__name__}(crop_size={self.crop_size}, scale={self.scale})'


def _places(start: float, factor: float, side: int, crop: int) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.bool_]]:
    """Return the pixel of an axis of ``side`` pixels that each of ``crop`` pixels lies on, and whether there is one."""
    places = np.floor(start + factor * (np.arange(crop) + 0.5)).astype(np.int64)
    return places.clip(0, side - 1), (places >= 0) & (places < side)
