"""Loaders of dense masks: masks of another network, masks to compare with, and masks of drawn pictures."""

from typing import Any

import numpy as np
from mmcv.transforms import BaseTransform
from mmseg.datasets.transforms import LoadAnnotations
from mmseg.registry import TRANSFORMS

from ...structures.loss_inputs import REFERENCE_KEY
from ...structures.sample import Sample
from ..formats.index_png import load_index_image
from ..pseudo_label_files import UNSURE
from ..shapes_drawing import draw_scene
from ._geometry import check_unmoved


@TRANSFORMS.register_module()
class LoadPseudoLabels(LoadAnnotations):
    """mmseg's ``LoadAnnotations`` for ``PseudoLabelDataset``, which sets pixels of low confidence to 255.

    Required keys: those of ``LoadAnnotations``, ``confidence_path``. Added keys: those of ``LoadAnnotations``.

    Args:
        min_confidence: Minimum confidence of a pixel to be trained on, in [0, 1]; 0 keeps the masks as they are.
        **kwargs: Settings of ``LoadAnnotations``.

    Raises:
        ValueError: If ``min_confidence`` is out of range.
    """

    def __init__(self, min_confidence: float = 0.0, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        if not 0 <= min_confidence <= 1:
            raise ValueError(f'min_confidence must be in [0, 1], got {min_confidence}')
        self.min_confidence = min_confidence

    def transform(self, results: Sample) -> Sample:
        """Load the mask and remove the labels of unsure pixels."""
        results = super().transform(results)
        if self.min_confidence > 0 and results['confidence_path'] is not None:
            confidence = load_index_image(results['confidence_path'])
            results['gt_seg_map'][confidence < round(255 * self.min_confidence)] = UNSURE
        return results


@TRANSFORMS.register_module()
class LoadReferenceMask(BaseTransform):
    """Load the full mask of a training image, which moves with it and is only used for comparison.

    Put it after ``LoadWeakAnnotations`` and before the first transform that moves the image.
    ``PackWeakSegInputs(maps=['reference'])`` passes it to the losses; ``PMPLoss`` logs the precision of its
    pseudo-masks.

    Required keys: ``seg_map_path``, from ``data_prefix=dict(..., seg_map_path=...)`` of the data set; ``ori_shape``,
    ``weak_frames``.

    Added keys: ``reference`` (H, W) uint8, 255 where there is no comparison; its name in ``seg_fields``.

    Args:
        imdecode_backend: The backend with which mmcv reads the mask; ``pillow`` gives the indices of a palette PNG.
    """

    def __init__(self, imdecode_backend: str = 'pillow') -> None:
        self.loader = LoadAnnotations(imdecode_backend=imdecode_backend)

    def transform(self, results: Sample) -> Sample:
        """Add the mask.

        Raises:
            KeyError: If the data set does not have masks.
            ValueError: If the image has moved, or its size differs from that of its mask.
        """
        if not results.get('seg_map_path'):
            raise KeyError(
                'LoadReferenceMask found no seg_map_path in the sample: set data_prefix=dict(..., seg_map_path=...) of '
                'the training data, or remove the transform'
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


@TRANSFORMS.register_module()
class LoadShapesImage(BaseTransform):
    """Draw a picture of a :class:`~mmseg_wsss.datasets.ShapesDataset`, as ``LoadImageFromFile`` reads a file.

    Required keys: ``shapes_scene``, ``shapes_mask``.

    Added keys: ``img`` (BGR, uint8), ``img_shape``, ``ori_shape``; with a mask also ``gt_seg_map`` and its name in
    ``seg_fields``.

    Args:
        with_mask: Whether to add the dense mask, for evaluation. If masks are labels of the data set, it is always
            added.
    """

    def __init__(self, with_mask: bool = False) -> None:
        self.with_mask = with_mask

    def transform(self, results: Sample) -> Sample:
        """Add the picture and, if requested, the mask.

        Raises:
            ValueError: If the sample does not belong to a ``ShapesDataset``.
        """
        if 'shapes_scene' not in results:
            raise ValueError(
                'LoadShapesImage draws the pictures of ShapesDataset, but there is no "shapes_scene" in the sample: '
                'for image files use LoadImageFromFile'
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
