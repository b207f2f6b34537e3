"""Full masks of training images to compare pseudo-labels with."""

from typing import Any

from mmcv.transforms import BaseTransform
from mmseg.datasets.transforms import LoadAnnotations
from mmseg.registry import TRANSFORMS

from ...structures.loss_inputs import REFERENCE_KEY
from ._geometry import check_unmoved


@TRANSFORMS.register_module()
class LoadReferenceMask(BaseTransform):
    """Read the full mask of a training image, which moves with it and is compared with, never trained on.

    It stands after ``LoadWeakAnnotations`` and before the first transform that moves the image.
    ``PackWeakSegInputs(maps=['reference'])`` hands it to the losses; ``PMPLoss`` logs how precise its pseudo-masks are.

    Required keys: ``seg_map_path``, from ``data_prefix=dict(..., seg_map_path=...)`` of the data set; ``ori_shape``,
    ``weak_frames``.

    Added keys: ``reference`` (H, W) uint8, 255 where nothing is compared; its name in ``seg_fields``.

    Args:
        imdecode_backend: How mmcv reads the mask; ``pillow`` gives the indices of a palette PNG.
    """

    def __init__(self, imdecode_backend: str = 'pillow') -> None:
        self.loader = LoadAnnotations(imdecode_backend=imdecode_backend)

    def transform(self, results: dict[str, Any]) -> dict[str, Any]:
        """Add the mask.

        Raises:
            KeyError: If the data set names no masks.
            ValueError: If the image was moved before, or has another size than its mask.
        """
        if not results.get('seg_map_path'):
            raise KeyError(
                'LoadReferenceMask found no seg_map_path in the sample: set data_prefix=dict(..., seg_map_path=...) of '
                'the training data, or leave the transform out'
            )
        check_unmoved(results, type(self).__name__)
        given = {key: results.get(key) for key in ('seg_map_path', 'label_map')}
        given['reduce_zero_label'] = results.get('reduce_zero_label', False)
        mask = self.loader({**given, 'seg_fields': []})['gt_seg_map']
        if mask.shape != tuple(results['ori_shape'][:2]):
            raise ValueError(
                f'{results["seg_map_path"]}: the mask has the shape {mask.shape} and its image '
                f'{tuple(results["ori_shape"][:2])}: they must be the same'
            )
        results[REFERENCE_KEY] = mask
        results.setdefault('seg_fields', []).append(REFERENCE_KEY)
        return results

    def __repr__(self) -> str:
        return f'{type(self).__name__}(imdecode_backend={self.loader.imdecode_backend!r})'
