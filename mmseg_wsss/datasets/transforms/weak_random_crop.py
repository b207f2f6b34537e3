"""Crop that carries weak labels along and can insist on some."""

from itertools import pairwise
from typing import Any

import numpy as np
from mmseg.datasets.transforms import RandomCrop
from mmseg.registry import TRANSFORMS

from ._geometry import apply, inside_all_frames, multiply, translation


@TRANSFORMS.register_module()
class WeakRandomCrop(RandomCrop):
    """mmseg's ``RandomCrop``, noted in ``homography_matrix``.

    Of crops of 256 pixels from VOC, about one in four holds no click. ``min_labels`` draws again until a crop holds
    enough; the draw with the most labels is taken if none does.

    Args:
        crop_size: (height, width) or one number for both; a smaller image stays as it is.
        min_labels: Labels that a crop should hold: clicks, pixels of scribbles and labelled pixels of a dense mask.
        max_tries: Draws at most.

    Raises:
        ValueError: If ``min_labels`` is below 0 or ``max_tries`` below 1.
    """

    def __init__(self, crop_size: int | tuple[int, int], min_labels: int = 0, max_tries: int = 10) -> None:
        super().__init__(crop_size)
        if min_labels < 0 or max_tries < 1:
            raise ValueError(f'min_labels must be at least 0 and max_tries at least 1, got {min_labels}, {max_tries}')
        self.min_labels = min_labels
        self.max_tries = max_tries

    def crop_bbox(self, results: dict[str, Any]) -> tuple[int, int, int, int]:
        """Draw a crop (y1, y2, x1, x2) and leave it in ``results['crop_bbox']``."""
        most = -1
        for _ in range(self.max_tries if self.min_labels else 1):
            bbox = super().crop_bbox(results)
            count = self._count_labels(results, bbox) if self.min_labels else 0
            if count > most:
                most, results['crop_bbox'] = count, bbox
            if count >= self.min_labels:
                break
        return results['crop_bbox']

    def transform(self, results: dict[str, Any]) -> dict[str, Any]:
        """Crop the image and dense maps, multiply the matrix."""
        results = super().transform(results)
        top, _, left, _ = results.pop('crop_bbox')
        multiply(results, translation(-left, -top))
        return results

    def _count_labels(self, results: dict[str, Any], bbox: tuple[int, int, int, int]) -> int:
        top, bottom, left, right = bbox
        labels = results['weak_annotations']
        dots = np.concatenate([labels.points, *(_along(line) for line in labels.polylines)])
        dots = dots[inside_all_frames(results, *(dots + 0.5).T)]
        x, y = apply(results['homography_matrix'], dots + 0.5).T
        count = int(((x >= left) & (x < right) & (y >= top) & (y < bottom)).sum())
        if 'gt_seg_map' in results:
            count += int((results['gt_seg_map'][top:bottom, left:right] != self.ignore_index).sum())
        return count


def _along(line: np.ndarray) -> np.ndarray:
    """Return points about one pixel apart along a polyline."""
    parts = [
        np.linspace(start, end, max(int(np.hypot(*(end - start))), 1), endpoint=False) for start, end in pairwise(line)
    ]
    return np.concatenate([*parts, line[-1:]])
