"""The loader of a data set that is drawn, not read."""

from __future__ import annotations

from typing import Any

import numpy as np
from mmcv.transforms import BaseTransform
from mmseg.registry import TRANSFORMS

from ..shapes_drawing import draw_scene


@TRANSFORMS.register_module()
class LoadShapesImage(BaseTransform):
    """Draw the picture of a :class:`~mmseg_wsss.datasets.shapes.ShapesDataset`, as ``LoadImageFromFile`` reads one.

    Required keys: ``shapes_scene``, ``shapes_mask``.

    Added keys: ``img`` (BGR, uint8), ``img_shape``, ``ori_shape``; where the mask is given also ``gt_seg_map``, and its
    name in ``seg_fields``.

    Args:
        with_mask: Give the dense mask, to evaluate. Where the data set gives masks as labels it is there anyway.
    """

    def __init__(self, with_mask: bool = False) -> None:
        self.with_mask = with_mask

    def transform(self, results: dict[str, Any]) -> dict[str, Any]:
        """Add the picture and, if asked for, the mask.

        Raises:
            ValueError: If the sample is not one of ``ShapesDataset``.
        """
        if 'shapes_scene' not in results:
            raise ValueError(
                'LoadShapesImage draws the pictures of ShapesDataset and found no "shapes_scene" in the sample: '
                'for image files take LoadImageFromFile'
            )
        scene = draw_scene(**results['shapes_scene'])
        results['img'] = np.ascontiguousarray(scene.image[..., ::-1])
        results['img_shape'] = results['ori_shape'] = scene.image.shape[:2]
        if self.with_mask or results['shapes_mask']:
            results['gt_seg_map'] = scene.mask.copy()
            results.setdefault('seg_fields', []).append('gt_seg_map')
        return results

    def __repr__(self) -> str:
        return f'{type(self).__name__}(with_mask={self.with_mask})'
