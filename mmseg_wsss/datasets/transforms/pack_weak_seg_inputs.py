"""The sample as the segmentor takes it."""

from typing import Any

import torch
from mmengine.structures import PixelData
from mmseg.datasets.transforms import PackSegInputs
from mmseg.registry import TRANSFORMS

META_KEYS = (
    'img_path', 'seg_map_path', 'ori_shape', 'img_shape', 'pad_shape', 'scale_factor', 'flip', 'flip_direction',
    'reduce_zero_label', 'homography_matrix', 'num_overwritten',
)  # fmt: skip


@TRANSFORMS.register_module()
class PackWeakSegInputs(PackSegInputs):
    """mmseg's ``PackSegInputs`` with what ``RasterizeWeakAnnotations`` added, as data fields that reach the device.

    Required keys: those of ``RasterizeWeakAnnotations``.

    Args:
        meta_keys: Keys to keep as meta information.
    """

    def __init__(self, meta_keys: tuple[str, ...] = META_KEYS) -> None:
        super().__init__(meta_keys)

    def transform(self, results: dict[str, Any]) -> dict[str, Any]:
        """Pack the image, the labels and the validity map.

        Raises:
            KeyError: If the labels were not drawn.
        """
        if 'gt_valid_map' not in results:
            raise KeyError('PackWeakSegInputs needs RasterizeWeakAnnotations before it in the pipeline')
        packed = super().transform(results)
        fields: dict[str, Any] = {
            'gt_valid_map': PixelData(data=torch.from_numpy(results['gt_valid_map'])[None]),
            'gt_points': torch.from_numpy(results['gt_points']),
            'gt_boxes': torch.from_numpy(results['gt_boxes']),
        }
        if results['gt_tags'] is not None:
            fields['gt_tags'] = torch.from_numpy(results['gt_tags'])
        packed['data_samples'].set_data(fields)
        return packed
