"""Tags for predictions that may know them."""

from typing import Any

import numpy as np
from mmcv.transforms import BaseTransform
from mmseg.registry import TRANSFORMS

from ...structures import WeakAnnotations
from .load_weak_annotations import tags_of


@TRANSFORMS.register_module()
class LoadImageTags(BaseTransform):
    """Name the classes of the image in a test pipeline, for ``TagDecision(known_tags=True)``.

    ``PackSegInputs(meta_keys=(..., 'gt_tags'))`` packs them.

    Required keys: ``weak_annotations``; with ``from_truth`` ``gt_seg_map`` in their place.

    Added keys: ``gt_tags``, class ids, (T,) int64.

    Args:
        from_truth: Take the classes of the full mask: the setting of papers that know the tags of validation images.
            Put it behind ``LoadAnnotations``.
    """

    def __init__(self, from_truth: bool = False) -> None:
        self.from_truth = from_truth

    def transform(self, results: dict[str, Any]) -> dict[str, Any]:
        """Add the tags.

        Raises:
            KeyError: If there is nothing to read them from.
            ValueError: If nobody tagged the image.
        """
        needed = 'gt_seg_map' if self.from_truth else 'weak_annotations'
        if needed not in results:
            cure = 'put LoadAnnotations before it' if self.from_truth else 'set weak_labels of the data set'
            raise KeyError(f'LoadImageTags found no {needed} in the sample: {cure}')
        if self.from_truth:
            tags = tags_of(WeakAnnotations(), results['gt_seg_map'].astype(np.uint8))
        else:
            tags = tags_of(results['weak_annotations'])
        if tags is None:
            raise ValueError(
                f'{results.get("img_path")}: nobody tagged this image, nor labelled a class in it: tag it, leave it '
                'out of ann_file, or predict without known tags'
            )
        results['gt_tags'] = np.array(tags, dtype=np.int64)
        return results

    def __repr__(self) -> str:
        return f'{type(self).__name__}(from_truth={self.from_truth})'
