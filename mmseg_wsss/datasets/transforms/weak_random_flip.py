"""Flip that carries weak labels along."""

from typing import Any

import numpy as np
from mmseg.datasets.transforms import RandomFlip
from mmseg.registry import TRANSFORMS

from ._geometry import multiply


@TRANSFORMS.register_module()
class WeakRandomFlip(RandomFlip):
    """mmseg's ``RandomFlip`` (horizontal, vertical, diagonal), noted in ``homography_matrix``."""

    def transform(self, results: dict[str, Any]) -> dict[str, Any]:
        """Flip the image and dense maps, multiply the matrix."""
        results = super().transform(results)
        direction = results['flip_direction']
        if results['flip']:
            height, width = results['img'].shape[:2]
            matrix = np.eye(3)
            if direction in ('horizontal', 'diagonal'):
                matrix[0, [0, 2]] = -1, width
            if direction in ('vertical', 'diagonal'):
                matrix[1, [1, 2]] = -1, height
            multiply(results, matrix)
        return results
