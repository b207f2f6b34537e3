"""The sample in the form that the segmentor expects."""

from collections.abc import Mapping, Sequence
from typing import Any, cast

import numpy as np
import torch
from mmengine.structures import PixelData
from mmseg.datasets.transforms import PackSegInputs
from mmseg.registry import TRANSFORMS

from ...structures import Sample

META_KEYS = (
    'img_path', 'seg_map_path', 'ori_shape', 'img_shape', 'pad_shape', 'scale_factor', 'flip', 'flip_direction',
    'reduce_zero_label', 'homography_matrix', 'num_overwritten', 'num_classes', 'class_id',
)  # fmt: skip


@TRANSFORMS.register_module()
class PackWeakSegInputs(PackSegInputs):
    """mmseg's ``PackSegInputs`` that also packs the results of ``RasterizeWeakAnnotations`` as data fields.

    Required keys: those of ``RasterizeWeakAnnotations``.

    Args:
        meta_keys: Keys to keep as meta information.
        maps: Keys of other maps, (H, W) or (K, H, W) arrays from a transform after ``RasterizeWeakAnnotations``, which
            are in ``LossInputs.maps`` for the losses.
    """

    def __init__(self, meta_keys: tuple[str, ...] = META_KEYS, maps: Sequence[str] = ()) -> None:
        super().__init__(meta_keys)
        self.maps = tuple(maps)

    def transform(self, results: Sample) -> dict[str, Any]:
        """Pack the image, the labels and the validity map.

        Raises:
            KeyError: If the labels have not been drawn, or a map is missing.
        """
        if 'gt_valid_map' not in results:
            raise KeyError('PackWeakSegInputs needs RasterizeWeakAnnotations before it in the pipeline')
        packed: dict[str, Any] = super().transform(results)
        fields: dict[str, Any] = {
            'gt_valid_map': PixelData(data=torch.from_numpy(results['gt_valid_map'])[None]),
            'gt_points': torch.from_numpy(results['gt_points']),
            'gt_boxes': torch.from_numpy(results['gt_boxes']),
        }
        if results['gt_tags'] is not None:
            fields['gt_tags'] = torch.from_numpy(results['gt_tags'])
        if self.maps:
            fields['gt_maps'] = PixelData(**{name: self._map(results, name) for name in self.maps})
        packed['data_samples'].set_data(fields)
        return packed

    def _map(self, results: Sample, name: str) -> torch.Tensor:
        maps = cast(Mapping[str, Any], results)  # the name is a setting
        if name not in maps:
            raise KeyError(f'PackWeakSegInputs(maps={self.maps}): no transform before it added {name!r}')
        array = np.ascontiguousarray(maps[name])
        return torch.from_numpy(array[None] if array.ndim == 2 else array)
