"""Rotation that carries weak labels along."""

from typing import Any

import cv2
import numpy as np
from mmseg.datasets.transforms import RandomRotate
from mmseg.registry import TRANSFORMS

from ._geometry import multiply, translation


@TRANSFORMS.register_module()
class WeakRandomRotate(RandomRotate):
    """mmseg's ``RandomRotate``, noted in ``homography_matrix``; a positive angle is clockwise."""

    def generate_degree(self) -> tuple[bool, float]:
        """Draw whether to rotate and by how much, and remember it."""
        # Not mmcv's cache_random_params: it leaves methods on the instance that can be neither pickled nor copied.
        self._draw = super().generate_degree()
        return self._draw

    def transform(self, results: dict[str, Any]) -> dict[str, Any]:
        """Rotate the image and dense maps, multiply the matrix."""
        height, width = results['img'].shape[:2]
        results = super().transform(results)
        rotate, degree = self._draw
        if rotate:
            new_height, new_width = results['img'].shape[:2]
            results['img_shape'] = (new_height, new_width)
            center = self.center or ((width - 1) / 2, (height - 1) / 2)
            matrix = np.eye(3)
            matrix[:2] = cv2.getRotationMatrix2D(center, -degree, 1.0)
            if self.auto_bound:
                cosine, sine = abs(matrix[0, 0]), abs(matrix[0, 1])
                # As mmcv.imrotate centres the picture: by the size before it is rounded.
                matrix[0, 2] += (height * sine + width * cosine - width) / 2
                matrix[1, 2] += (height * cosine + width * sine - height) / 2
            # OpenCV counts pixel centres, the matrix counts edges.
            multiply(results, translation(0.5, 0.5) @ matrix @ translation(-0.5, -0.5))
        return results
