"""Crop of random size and shape, resized to one size, that carries weak labels along."""

from typing import Any

import numpy as np
from mmseg.registry import TRANSFORMS

from .weak_random_crop import WeakRandomCrop
from .weak_resize import WeakResize


@TRANSFORMS.register_module()
class WeakRandomResizedCrop(WeakRandomCrop):
    """Cut out a part of random area and aspect ratio and resize it, with its shape, to ``crop_size``.

    The area is uniform in ``scale``, the logarithm of the aspect ratio uniform in ``ratio``, as in torchvision's
    ``RandomResizedCrop``; where ten draws do not fit into the image, the largest part in the middle whose ratio is in
    the range. Noted in ``homography_matrix``.

    Args:
        crop_size: (height, width) of the result, or one number for both.
        scale: Smallest and largest share of the image's area, in (0, 1].
        ratio: Smallest and largest width / height.
        interpolation: As of mmcv's ``imresize``.
        backend: ``'cv2'`` or ``'pillow'``; the latter smooths where it reduces.

    Raises:
        ValueError: If a range is empty or out of bounds.
    """

    def __init__(
        self,
        crop_size: int | tuple[int, int],
        scale: tuple[float, float] = (0.9, 1.0),
        ratio: tuple[float, float] = (3 / 4, 4 / 3),
        interpolation: str = 'bilinear',
        backend: str = 'cv2',
    ) -> None:
        super().__init__(crop_size)
        if not 0 < scale[0] <= scale[1] <= 1 or not 0 < ratio[0] <= ratio[1]:
            raise ValueError(
                f'scale must be two shares of the area in (0, 1] and ratio two numbers above 0, the smaller first, got '
                f'{scale} and {ratio}'
            )
        self.scale = tuple(scale)
        self.ratio = tuple(ratio)
        height, width = self.crop_size
        self.resize = WeakResize(scale=(width, height), keep_ratio=False, interpolation=interpolation, backend=backend)

    def crop_bbox(self, results: dict[str, Any]) -> tuple[int, int, int, int]:
        """Draw a part (y1, y2, x1, x2) and leave it in ``results['crop_bbox']``."""
        height, width = results['img'].shape[:2]
        for _ in range(self.max_tries):
            area = height * width * np.random.uniform(*self.scale)
            ratio = np.exp(np.random.uniform(*np.log(self.ratio)))
            part_width, part_height = round(np.sqrt(area * ratio)), round(np.sqrt(area / ratio))
            if 0 < part_width <= width and 0 < part_height <= height:
                top = np.random.randint(height - part_height + 1)
                left = np.random.randint(width - part_width + 1)
                break
        else:
            ratio = np.clip(width / height, *self.ratio)
            part_width, part_height = min(width, round(height * ratio)), min(height, round(width / ratio))
            top, left = (height - part_height) // 2, (width - part_width) // 2
        results['crop_bbox'] = (top, top + part_height, left, left + part_width)
        return results['crop_bbox']

    def transform(self, results: dict[str, Any]) -> dict[str, Any]:
        """Crop, resize, and multiply the matrix by both."""
        return self.resize(super().transform(results))

    def __repr__(self) -> str:
        return f'{type(self).__name__}(crop_size={self.crop_size}, scale={self.scale}, ratio={self.ratio})'
