"""The boxes and the mask of one class, for a network that learns to turn one into the other."""

from typing import Any

import numpy as np
from mmcv.transforms import BaseTransform
from mmseg.registry import TRANSFORMS

from .rasterize_weak_annotations import box_corners, fill_parallelogram


@TRANSFORMS.register_module()
class RasterizeClassMask(BaseTransform):
    """Draw where the boxes of the sample's class are, and reduce the mask to this class.

    ``PackWeakSegInputs(maps=['box_map'])`` packs the map. Put it behind ``RasterizeWeakAnnotations``.

    Required keys: ``class_id``, ``weak_annotations``, ``homography_matrix``, ``gt_seg_map``, ``gt_valid_map``.

    Added keys: ``box_map``, (H, W) uint8, 1 inside the union of the class's boxes, drawn through the matrix.

    Modified keys: ``gt_seg_map``: 1 where the class is, 0 elsewhere, ``ignore_index`` kept.

    Args:
        ignore_index: The unlabelled value.
    """

    def __init__(self, ignore_index: int = 255) -> None:
        self.ignore_index = ignore_index

    def transform(self, results: dict[str, Any]) -> dict[str, Any]:
        """Add the box map and reduce the mask.

        Raises:
            KeyError: If the sample has no class, or its labels were not drawn.
            ValueError: If the class has no box.
        """
        missing = [key for key in ('class_id', 'gt_valid_map') if key not in results]
        if missing:
            raise KeyError(
                f'RasterizeClassMask found no {missing[0]} in the sample: take ClassMaskDataset, and put it behind '
                'RasterizeWeakAnnotations'
            )
        class_id, labels = results['class_id'], results['weak_annotations']
        boxes = labels.boxes[labels.box_labels == class_id]
        if not len(boxes):
            raise ValueError(f'{results.get("img_path")}: the image has no boxes of class {class_id}')
        mask = results['gt_seg_map']
        box_map = np.zeros(mask.shape, dtype=bool)
        for corners in box_corners(boxes, results['homography_matrix']):
            box_map |= fill_parallelogram(corners, mask.shape)
        results['box_map'] = (box_map & (results['gt_valid_map'] > 0)).astype(np.uint8)
        target = (mask == class_id).astype(np.uint8)
        target[mask == self.ignore_index] = self.ignore_index
        results['gt_seg_map'] = target
        return results

    def __repr__(self) -> str:
        return f'{type(self).__name__}(ignore_index={self.ignore_index})'
