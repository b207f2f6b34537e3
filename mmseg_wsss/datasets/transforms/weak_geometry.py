"""Transforms of mmseg that also move weak labels, by multiplying the matrix of the sample."""

from collections.abc import Iterable
from dataclasses import replace
from itertools import pairwise
from typing import Any, cast

import cv2
import mmcv
import numpy as np
from mmseg.datasets.transforms import RandomCrop, RandomFlip, RandomRotate, Resize
from mmseg.registry import TRANSFORMS

from ...structures import Sample, WeakAnnotations
from ...structures.loss_inputs import REFERENCE_KEY
from ...structures.weak_annotations import FloatArray, IntArray
from ._geometry import apply, box_corners, inside_all_frames, multiply, scaling, translation
from .load_point_blots import KEY as POINT_BLOTS

CLASS_MAPS = ('gt_seg_map', REFERENCE_KEY, POINT_BLOTS)
"""Keys of the maps in ``seg_fields`` that hold class ids."""


@TRANSFORMS.register_module()
class WeakResize(Resize):
    """mmseg's ``Resize``, recorded in ``homography_matrix``; also as ``RandomResize(resize_type='WeakResize')``."""

    def transform(self, results: Sample) -> Sample:
        """Resize the image and dense maps, and multiply the matrix by the ratio of the actual sizes."""
        height, width = results['img'].shape[:2]
        results = super().transform(results)
        new_height, new_width = results['img'].shape[:2]
        multiply(results, scaling(new_width / width, new_height / height))
        return results


@TRANSFORMS.register_module()
class WeakRandomFlip(RandomFlip):
    """mmseg's ``RandomFlip`` (horizontal, vertical, diagonal), recorded in ``homography_matrix``.

    ``swap_seg_labels``, pairs such as left and right arm, also swaps the classes of the weak labels. Maps of other
    sensors (``LoadModality``), whose values are not classes, are only flipped.
    """

    def transform(self, results: Sample) -> Sample:
        """Flip the image and dense maps, and multiply the matrix."""
        maps = cast(dict[str, Any], results)  # the names of other maps are settings
        swapped = results.get('seg_fields', ()) if self.swap_seg_labels is not None else ()  # in place
        others = {key: maps[key].copy() for key in swapped if key in maps and key not in CLASS_MAPS}
        results = super().transform(results)
        direction = results['flip_direction']
        if results['flip']:
            maps.update({key: mmcv.imflip(values, direction).copy() for key, values in others.items()})
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

    def swapped(ids: IntArray) -> IntArray:
        return np.array([other.get(label, label) for label in ids.tolist()], dtype=np.int64)

    return replace(
        labels,
        point_labels=swapped(labels.point_labels),
        polyline_labels=swapped(labels.polyline_labels),
        box_labels=swapped(labels.box_labels),
        tags=None if labels.tags is None else tuple(other.get(tag, tag) for tag in labels.tags),
    )


@TRANSFORMS.register_module()
class WeakRandomRotate(RandomRotate):
    """mmseg's ``RandomRotate``, recorded in ``homography_matrix``; a positive angle is clockwise."""

    def generate_degree(self) -> tuple[bool, float]:
        """Draw whether to rotate and the angle, and store it."""
        # mmcv's cache_random_params is not used: it adds methods to the instance that cannot be pickled or copied.
        draw: tuple[bool, float] = super().generate_degree()
        self._draw = draw
        return draw

    def transform(self, results: Sample) -> Sample:
        """Rotate the image and dense maps, and multiply the matrix."""
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
                # mmcv.imrotate centres the picture by the size before rounding.
                matrix[0, 2] += (height * sine + width * cosine - width) / 2
                matrix[1, 2] += (height * cosine + width * sine - height) / 2
            # OpenCV uses coordinates of pixel centres, the matrix those of edges.
            multiply(results, translation(0.5, 0.5) @ matrix @ translation(-0.5, -0.5))
        return results


@TRANSFORMS.register_module()
class WeakRandomCrop(RandomCrop):
    """mmseg's ``RandomCrop``, recorded in ``homography_matrix``.

    About one in four crops of 256 pixels from VOC does not contain a click. With ``min_labels`` crops are drawn until
    one contains enough labels; otherwise the crop with the most labels is used.

    Args:
        crop_size: (height, width) or one number for both; a smaller image does not change.
        min_labels: Number of labels that a crop should contain: clicks, pixels of scribbles and labelled pixels of a
            dense mask.
        max_tries: Maximum number of draws.

    Raises:
        ValueError: If ``min_labels`` is below 0 or ``max_tries`` below 1.
    """

    def __init__(self, crop_size: int | tuple[int, int], min_labels: int = 0, max_tries: int = 10) -> None:
        super().__init__(crop_size)
        if min_labels < 0 or max_tries < 1:
            raise ValueError(f'min_labels must be at least 0 and max_tries at least 1, got {min_labels}, {max_tries}')
        self.min_labels = min_labels
        self.max_tries = max_tries

    def crop_bbox(self, results: Sample) -> tuple[int, int, int, int]:
        """Draw a crop (y1, y2, x1, x2) and store it in ``results['crop_bbox']``."""
        most = -1
        for _ in range(self.max_tries if self.min_labels else 1):
            bbox = super().crop_bbox(results)
            count = self._count_labels(results, bbox) if self.min_labels else 0
            if count > most:
                most, results['crop_bbox'] = count, bbox
            if count >= self.min_labels:
                break
        return results['crop_bbox']

    def transform(self, results: Sample) -> Sample:
        """Crop the image and dense maps, and multiply the matrix."""
        results = super().transform(results)
        top, _, left, _ = results.pop('crop_bbox')
        multiply(results, translation(-left, -top))
        return results

    def _count_labels(self, results: Sample, bbox: tuple[int, int, int, int]) -> int:
        top, bottom, left, right = bbox
        labels = results['weak_annotations']
        dots = np.concatenate([labels.points, *(_along(line) for line in labels.polylines)])
        dots = dots[inside_all_frames(results, *(dots + 0.5).T)]
        x, y = apply(results['homography_matrix'], dots + 0.5).T
        count = int(((x >= left) & (x < right) & (y >= top) & (y < bottom)).sum())
        if 'gt_seg_map' in results:
            count += int((results['gt_seg_map'][top:bottom, left:right] != self.ignore_index).sum())
        return count


def _along(line: FloatArray) -> FloatArray:
    """Return points about one pixel apart along a polyline."""
    parts = [
        np.linspace(start, end, max(int(np.hypot(*(end - start))), 1), endpoint=False) for start, end in pairwise(line)
    ]
    return np.concatenate([*parts, line[-1:]])


@TRANSFORMS.register_module()
class WeakRandomResizedCrop(WeakRandomCrop):
    """Crop a part of random area and aspect ratio and resize it to ``crop_size``.

    The area is uniform in ``scale`` and the logarithm of the aspect ratio is uniform in ``ratio``, as in torchvision's
    ``RandomResizedCrop``; if ten draws do not fit into the image, the largest centred part with a ratio in the range is
    used. It is recorded in ``homography_matrix``.

    Args:
        crop_size: (height, width) of the result, or one number for both.
        scale: Smallest and largest share of the image's area, in (0, 1].
        ratio: Smallest and largest width / height.
        interpolation: Same as in mmcv's ``imresize``.
        backend: ``'cv2'`` or ``'pillow'``; the latter smooths images that it reduces.

    Raises:
        ValueError: If a range is empty or out of bounds.
    """

    def __init__(
        self,
        crop_size: int | tuple[int, int],
        scale: tuple[float, float] = (0.9, 1.0),
        ratio: tuple[float, float] = (3 / 4, 4 / 3),
        interpolation: str = 'bilinear',
        backend: str = 'cv2',
    ) -> None:
        super().__init__(crop_size)
        if not 0 < scale[0] <= scale[1] <= 1 or not 0 < ratio[0] <= ratio[1]:
            raise ValueError(
                f'scale must be two shares of the area in (0, 1] and ratio two numbers above 0, the smaller first, got '
                f'{scale} and {ratio}'
            )
        self.scale = (scale[0], scale[1])
        self.ratio = (ratio[0], ratio[1])
        height, width = self.crop_size
        self.resize = WeakResize(scale=(width, height), keep_ratio=False, interpolation=interpolation, backend=backend)

    def crop_bbox(self, results: Sample) -> tuple[int, int, int, int]:
        """Draw a part (y1, y2, x1, x2) and store it in ``results['crop_bbox']``."""
        height, width = results['img'].shape[:2]
        for _ in range(self.max_tries):
            area = height * width * np.random.uniform(*self.scale)
            ratio = np.exp(np.random.uniform(*np.log(self.ratio)))
            part_width, part_height = round(np.sqrt(area * ratio)), round(np.sqrt(area / ratio))
            if 0 < part_width <= width and 0 < part_height <= height:
                top = np.random.randint(height - part_height + 1)
                left = np.random.randint(width - part_width + 1)
                break
        else:
            ratio = np.clip(width / height, *self.ratio)
            part_width, part_height = min(width, round(height * ratio)), min(height, round(width / ratio))
            top, left = (height - part_height) // 2, (width - part_width) // 2
        results['crop_bbox'] = (top, top + part_height, left, left + part_width)
        return results['crop_bbox']

    def transform(self, results: Sample) -> Sample:
        """Crop and resize the image and dense maps, and multiply the matrix."""
        resized: Sample = self.resize(super().transform(results))
        return resized

    def __repr__(self) -> str:
        return f'{type(self).__name__}(crop_size={self.crop_size}, scale={self.scale}, ratio={self.ratio})'


@TRANSFORMS.register_module()
class WeakClassCrop(WeakRandomCrop):
    """``WeakRandomCrop`` that contains at least one pixel of a box, for the samples of ``ClassMaskDataset``.

    One of the boxes that are still in the image is drawn, and then, uniformly, one of the crops that overlap it. If no
    boxes are left, any crop is drawn.

    Differs from the published code, where the crop overlaps the hull of all boxes and may miss each of them.

    Args:
        crop_size: (height, width) or one number for both; a smaller image does not change.
    """

    def __init__(self, crop_size: int | tuple[int, int]) -> None:
        super().__init__(crop_size)

    def crop_bbox(self, results: Sample) -> tuple[int, int, int, int]:
        """Draw a crop (y1, y2, x1, x2) and store it in ``results['crop_bbox']``."""
        sides = np.array(results['img'].shape[1::-1])
        corners = box_corners(results['weak_annotations'].boxes, results['homography_matrix'])
        first = np.maximum(np.floor(corners.min(axis=1)).astype(int), 0)
        last = np.minimum(np.ceil(corners.max(axis=1)).astype(int), sides) - 1
        (kept,) = (first <= last).all(axis=1).nonzero()
        if not len(kept):
            return super().crop_bbox(results)
        box = np.random.choice(kept)
        crop = np.minimum(self.crop_size[::-1], sides)
        left, top = np.random.randint(
            np.maximum(first[box] - crop + 1, 0), np.minimum(last[box], sides - crop) + 1
        ).tolist()
        results['crop_bbox'] = (top, top + int(crop[1]), left, left + int(crop[0]))
        return results['crop_bbox']
