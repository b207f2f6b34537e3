"""Padding on all four sides for evaluation."""

from typing import Any

import numpy as np
from mmcv.transforms import BaseTransform
from mmseg.registry import TRANSFORMS


@TRANSFORMS.register_module()
class CenterPad(BaseTransform):
    """Pad an image on all four sides; the prediction is cropped again.

    The published code of Gated CRF evaluates PASCAL VOC in images of 512 x 512, black around the photo. Convolutions
    have other borders than without padding, so scores differ slightly. Use it in pipelines of evaluation, after any
    transform that resizes or flips the image and before ``LoadAnnotations``. ``PackSegInputs`` must pack
    ``img_padding_size``, which tells every segmentor of mmseg what to crop: ``meta_keys=('img_path', 'ori_shape',
    'img_shape', 'img_padding_size')``. It cannot be combined with ``test_cfg`` of ``SegDataPreProcessor``, which writes
    the same key.

    Differs from the published code: there, an odd number of padded pixels moves the photo by half a pixel and
    interpolates it.

    Required keys: ``img``.

    Modified keys: ``img``, ``img_shape``.

    Added keys: ``img_padding_size``: left, right, top, bottom, in pixels.

    Args:
        size: (height, width) of the result; a larger side does not change. None means no padding.
        fill: Value around the image, from 0 to 255.

    Raises:
        ValueError: If a side is below 1.
    """

    def __init__(self, size: tuple[int, int] | None, fill: float = 0.0) -> None:
        if size is not None and (len(size) != 2 or min(size) < 1):
            raise ValueError(f'size must be (height, width) of at least one pixel each, or None, got {size}')
        self.size = None if size is None else (int(size[0]), int(size[1]))
        self.fill = fill

    def transform(self, results: dict[str, Any]) -> dict[str, Any]:
        """Pad the image.

        Raises:
            ValueError: If labels have been loaded, which would not be padded.
        """
        if results.get('gt_seg_map') is not None:
            raise ValueError('CenterPad only pads the image: put it before LoadAnnotations')
        image = results['img']
        size = self.size or image.shape[:2]
        room = [max(0, wanted - side) for wanted, side in zip(size, image.shape, strict=False)]
        (top, bottom), (left, right) = ((free // 2, free - free // 2) for free in room)
        margins = [(top, bottom), (left, right), *[(0, 0)] * (image.ndim - 2)]
        results['img'] = np.pad(image, margins, constant_values=self.fill)
        results['img_shape'] = results['img'].shape[:2]
        results['img_padding_size'] = (left, right, top, bottom)
        return results

    def __repr__(self) -> str:
        return f'{type(self).__name__}(size={self.size}, fill={self.fill})'
