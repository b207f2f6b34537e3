"""Resize that carries weak labels along."""

from typing import Any

from mmseg.datasets.transforms import Resize
from mmseg.registry import TRANSFORMS

from ._geometry import multiply, scaling


@TRANSFORMS.register_module()
class WeakResize(Resize):
    """mmseg's ``Resize``, noted in ``homography_matrix``; also as ``RandomResize(resize_type='WeakResize')``."""

    def transform(self, results: dict[str, Any]) -> dict[str, Any]:
        """Resize the image and dense maps, multiply the matrix by the ratio of the real sizes."""
        height, width = results['img'].shape[:2]
        results = super().transform(results)
        new_height, new_width = results['img'].shape[:2]
        multiply(results, scaling(new_width / width, new_height / height))
        return results
