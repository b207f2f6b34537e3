"""Crop that meets a box of the sample's class."""

from typing import Any

import numpy as np
from mmseg.registry import TRANSFORMS

from .rasterize_weak_annotations import box_corners
from .weak_random_crop import WeakRandomCrop


@TRANSFORMS.register_module()
class WeakClassCrop(WeakRandomCrop):
    """``WeakRandomCrop`` that holds at least one pixel of a box, for the samples of ``ClassMaskDataset``.

    A box that the image still holds is drawn, and the crop uniformly among those that meet it; where no box is left,
    any crop.

    Differs from the published code, where the crop meets the hull of all boxes and may miss each of them.

    Args:
        crop_size: (height, width) or one number for both; a smaller image stays as it is.
    """

    def __init__(self, crop_size: int | tuple[int, int]) -> None:
        super().__init__(crop_size)

    def crop_bbox(self, results: dict[str, Any]) -> tuple[int, int, int, int]:
        """Draw a crop (y1, y2, x1, x2) and leave it in ``results['crop_bbox']``."""
        sides = np.array(results['img'].shape[1::-1])
        corners = box_corners(results['weak_annotations'].boxes, results['homography_matrix'])
        first = np.maximum(np.floor(corners.min(axis=1)).astype(int), 0)
        last = np.minimum(np.ceil(corners.max(axis=1)).astype(int), sides) - 1
        (kept,) = (first <= last).all(axis=1).nonzero()
        if not len(kept):
            return super().crop_bbox(results)
        box = np.random.choice(kept)
        crop = np.minimum(self.crop_size[::-1], sides)
        left, top = np.random.randint(
            np.maximum(first[box] - crop + 1, 0), np.minimum(last[box], sides - crop) + 1
        ).tolist()
        results['crop_bbox'] = (top, top + int(crop[1]), left, left + int(crop[0]))
        return results['crop_bbox']
