"""Flip that carries weak labels along."""

from collections.abc import Iterable
from dataclasses import replace
from typing import Any

import numpy as np
from mmseg.datasets.transforms import RandomFlip
from mmseg.registry import TRANSFORMS

from ...structures import WeakAnnotations
from ._geometry import multiply


@TRANSFORMS.register_module()
class WeakRandomFlip(RandomFlip):
    """mmseg's ``RandomFlip`` (horizontal, vertical, diagonal), noted in ``homography_matrix``.

    ``swap_seg_labels``, pairs such as left and right arm, also swaps the classes of the weak labels.
    """

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
            if self.swap_seg_labels is not None:
                results['weak_annotations'] = swap_classes(results['weak_annotations'], self.swap_seg_labels)
        return results


def swap_classes(labels: WeakAnnotations, pairs: Iterable[tuple[int, int]]) -> WeakAnnotations:
    """Return the labels with the classes of each pair exchanged."""
    other = {first: second for pair in pairs for first, second in (pair, pair[::-1])}
    ids = {
        name: [other.get(label, label) for label in getattr(labels, name).tolist()]
        for name in ('point_labels', 'polyline_labels', 'box_labels')
    }
    tags = None if labels.tags is None else tuple(other.get(tag, tag) for tag in labels.tags)
    return replace(labels, tags=tags, **ids)
