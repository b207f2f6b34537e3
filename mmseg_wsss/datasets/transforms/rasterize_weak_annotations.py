"""Labels onto the pixel grid: once, and last."""

from typing import Any

import cv2
import numpy as np
import numpy.typing as npt
from mmcv.transforms import BaseTransform
from mmseg.registry import TRANSFORMS

from ._geometry import Matrix, apply

Mask = npt.NDArray[np.bool_]


@TRANSFORMS.register_module()
class RasterizeWeakAnnotations(BaseTransform):
    """Draw all weak labels through ``homography_matrix`` and mark the pixels that lie in the original image.

    A click lands on pixel floor(M (x + 0.5)). Drawn in this order: dense mask, boxes, scribbles, clicks, each as
    listed. Where two meet on a pixel the later wins.

    Required keys: ``weak_annotations``, ``homography_matrix``, ``img``, ``ori_shape``; optionally ``gt_seg_map``.

    Added or modified keys: ``gt_seg_map`` (H, W) uint8; ``gt_valid_map`` (H, W) uint8, 1 inside the original image;
    ``gt_points`` (P, 3) and ``gt_boxes`` (K, 5) float32 in edge coordinates of the current image with the class last,
    also what lies outside of it; ``gt_tags`` int64 class ids or None; ``num_overwritten``, the number of times that a
    click, scribble or box was drawn over a pixel of another one.

    Args:
        click_diameter: In pixels of the network's input. 1 is one pixel, 3 is 3 x 3; the pixels whose centres lie
            within half the diameter.
        stroke_width: Width of scribbles in pixels of the network's input.
        draw_boxes: Whether to fill boxes with their class.
        ignore_index: The unlabelled value.

    Raises:
        ValueError: If a size is below 1.
    """

    def __init__(
        self, click_diameter: int = 1, stroke_width: int = 3, draw_boxes: bool = False, ignore_index: int = 255
    ) -> None:
        for name, value in (('click_diameter', click_diameter), ('stroke_width', stroke_width)):
            if not isinstance(value, int) or value < 1:
                raise ValueError(f'{name} must be a whole number of pixels from 1, got {value!r}')
        self.click_diameter = click_diameter
        self.stroke_width = stroke_width
        self.draw_boxes = draw_boxes
        self.ignore_index = ignore_index

    def transform(self, results: dict[str, Any]) -> dict[str, Any]:
        """Draw the labels.

        Raises:
            KeyError: If ``LoadWeakAnnotations`` is missing.
        """
        if 'homography_matrix' not in results:
            raise KeyError('RasterizeWeakAnnotations needs LoadWeakAnnotations before it in the pipeline')
        labels, matrix = results['weak_annotations'], results['homography_matrix']
        size = results['img'].shape[:2]
        valid = valid_pixels(matrix, size, results['ori_shape'][:2])
        canvas = results.get('gt_seg_map')
        canvas = np.full(size, self.ignore_index, dtype=np.uint8) if canvas is None else canvas.astype(np.uint8)
        canvas[~valid] = self.ignore_index
        drawn = np.zeros(size, dtype=bool)
        overwritten = 0
        corners = box_corners(labels.boxes, matrix)
        if self.draw_boxes:
            for quad, label in zip(corners, labels.box_labels, strict=True):
                overwritten += _draw(canvas, drawn, _quadrilateral(quad, size), label)
        for line, label in zip(labels.polylines, labels.polyline_labels, strict=True):
            pixels = np.floor(apply(matrix, line + 0.5)).astype(np.int32)
            overwritten += _draw(canvas, drawn, self._stroke(pixels, size), label)
        points = apply(matrix, labels.points + 0.5)
        overwritten += self._draw_clicks(canvas, drawn, np.floor(points).astype(np.int64), labels.point_labels)
        results['gt_seg_map'] = canvas
        if 'gt_seg_map' not in results.setdefault('seg_fields', []):
            results['seg_fields'].append('gt_seg_map')
        hulls = np.concatenate([corners.min(axis=1), corners.max(axis=1)], axis=1)
        tags = labels.image_tags()
        results.update(
            gt_valid_map=valid.astype(np.uint8),
            gt_points=np.column_stack([points, labels.point_labels]).astype(np.float32),
            gt_boxes=np.column_stack([hulls, labels.box_labels]).astype(np.float32),
            gt_tags=None if tags is None else np.array(tags, dtype=np.int64),
            num_overwritten=overwritten,
        )
        return results

    def _draw_clicks(self, canvas: np.ndarray, drawn: Mask, pixels: np.ndarray, labels: np.ndarray) -> int:
        height, width = canvas.shape
        inside = (pixels >= 0).all(axis=1) & (pixels < (width, height)).all(axis=1)
        reach = self.click_diameter // 2
        steps = np.arange(-reach, reach + 1)
        dx, dy = (axis.ravel() for axis in np.meshgrid(steps, steps))
        disk = dx**2 + dy**2 <= (self.click_diameter / 2) ** 2
        overwritten = 0
        for (x, y), label in zip(pixels[inside], labels[inside], strict=True):
            columns, rows = x + dx[disk], y + dy[disk]
            kept = (columns >= 0) & (columns < width) & (rows >= 0) & (rows < height)
            rows, columns = rows[kept], columns[kept]
            overwritten += int(drawn[rows, columns].sum())
            canvas[rows, columns] = label
            drawn[rows, columns] = True
        return overwritten

    def _stroke(self, pixels: np.ndarray, size: tuple[int, int]) -> Mask:
        mask = np.zeros(size, dtype=np.uint8)
        if len(pixels) == 1:
            pixels = pixels.repeat(2, axis=0)
        cv2.polylines(mask, [pixels], isClosed=False, color=1, thickness=self.stroke_width)
        return mask.astype(bool)

    def __repr__(self) -> str:
        return (
            f'{type(self).__name__}(click_diameter={self.click_diameter}, stroke_width={self.stroke_width}, '
            f'draw_boxes={self.draw_boxes})'
        )


def valid_pixels(matrix: Matrix, size: tuple[int, int], original_size: tuple[int, int]) -> Mask:
    """Return True where a pixel's centre comes from inside the original image, (H, W).

    Args:
        matrix: Original to current image, edge coordinates.
        size: (height, width) of the current image.
        original_size: (height, width) of the original image.
    """
    rows, columns = np.indices(size)
    centres = np.stack([columns.ravel(), rows.ravel()], axis=1) + 0.5
    x, y = apply(np.linalg.inv(matrix), centres).T
    tolerance = 1e-6
    inside = (
        (x > -tolerance) & (x < original_size[1] + tolerance) & (y > -tolerance) & (y < original_size[0] + tolerance)
    )
    return inside.reshape(size)


def box_corners(boxes: np.ndarray, matrix: Matrix) -> np.ndarray:
    """Return the four mapped corners of each box in edge coordinates, (K, 4, 2)."""
    x1, y1, x2, y2 = boxes.T
    right, bottom = x2 + 1, y2 + 1
    corners = np.stack([x1, y1, right, y1, right, bottom, x1, bottom], axis=1).reshape(-1, 2)
    return apply(matrix, corners).reshape(-1, 4, 2)


def _quadrilateral(corners: np.ndarray, size: tuple[int, int]) -> Mask:
    """Return the pixels whose centres lie in a convex quadrilateral."""
    rows, columns = np.indices(size)
    sides = []
    for (x1, y1), (x2, y2) in zip(corners, np.roll(corners, -1, axis=0), strict=True):
        sides.append((x2 - x1) * (rows + 0.5 - y1) - (y2 - y1) * (columns + 0.5 - x1))
    sides = np.stack(sides)
    return (sides >= 0).all(axis=0) | (sides <= 0).all(axis=0)


def _draw(canvas: np.ndarray, drawn: Mask, mask: Mask, label: int) -> int:
    overwritten = int((drawn & mask).sum())
    canvas[mask] = label
    drawn |= mask
    return overwritten
