"""Drawing of labels on the pixel grid, once and after all geometric transforms."""

import cv2
import numpy as np
import numpy.typing as npt
from mmcv.transforms import BaseTransform
from mmseg.registry import TRANSFORMS

from ...functional.checks import check_integer
from ...structures.sample import ImageSize, LabelMap, Matrix, Sample
from ...structures.weak_annotations import IntArray
from ._geometry import apply, box_corners, inside_all_frames

Mask = npt.NDArray[np.bool_]


@TRANSFORMS.register_module()
class RasterizeWeakAnnotations(BaseTransform):
    """Draw all weak labels through ``homography_matrix`` and mark the pixels that lie in the original image.

    A click is drawn on pixel floor(M (x + 0.5)). The order is: dense mask, boxes, scribbles, clicks, each as listed. If
    two labels share a pixel, the later one wins. Outside the original image labels are not drawn, except for the pixel
    of a click at the border.

    Required keys: ``weak_annotations``, ``homography_matrix``, ``weak_frames``, ``img``; optionally ``gt_seg_map``.

    Added or modified keys: ``gt_seg_map`` (H, W) uint8; ``gt_valid_map`` (H, W) uint8, 1 inside the original image;
    ``gt_points`` (P, 3) and ``gt_boxes`` (K, 5) float32 in edge coordinates of the current image with the class last,
    including those outside of it; ``gt_tags`` int64 class ids or None; ``num_overwritten``, the number of times that a
    click, scribble or box was drawn over a pixel of another one.

    Args:
        click_diameter: Diameter of clicks in pixels of the network's input: all pixels whose centres lie within half
            the diameter are drawn. 1 means one pixel, 3 means 3 x 3.
        stroke_width: Width of scribbles in pixels of the network's input; they are drawn with the disk of a click of
            this diameter, so an even width becomes one pixel wider.
        draw_boxes: Whether to fill boxes with their class. ``'core'`` only draws what is certain in an image with
            boxes: the class in the middle of each box, with half its width and height, and the background outside of
            all boxes, except where a mask has a label.
        ignore_index: The value of unlabelled pixels.

    Raises:
        ValueError: If a size is below 1, or ``draw_boxes`` has another value.
    """

    def __init__(
        self, click_diameter: int = 1, stroke_width: int = 3, draw_boxes: bool | str = False, ignore_index: int = 255
    ) -> None:
        for name, value in (('click_diameter', click_diameter), ('stroke_width', stroke_width)):
            check_integer(value, name)
        if draw_boxes not in (True, False, 'core'):
            raise ValueError(f"draw_boxes must be True, False or 'core', got {draw_boxes!r}")
        self.click_diameter = click_diameter
        self.stroke_width = stroke_width
        self.draw_boxes = draw_boxes
        self.ignore_index = ignore_index

    def transform(self, results: Sample) -> Sample:
        """Draw the labels.

        Raises:
            KeyError: If ``LoadWeakAnnotations`` is missing.
        """
        if 'homography_matrix' not in results:
            raise KeyError('RasterizeWeakAnnotations needs LoadWeakAnnotations before it in the pipeline')
        labels, matrix = results['weak_annotations'], results['homography_matrix']
        size = (results['img'].shape[0], results['img'].shape[1])
        valid = valid_pixels(results, size)
        canvas = results.get('gt_seg_map')
        canvas = np.full(size, self.ignore_index, dtype=np.uint8) if canvas is None else canvas.astype(np.uint8)
        canvas[~valid] = self.ignore_index
        drawn = np.zeros(size, dtype=bool)
        overwritten = 0
        corners = box_corners(labels.boxes, matrix)
        if self.draw_boxes == 'core' and len(corners):
            outside = np.logical_and.reduce([~fill_parallelogram(quad, size) for quad in corners])
            canvas[outside & valid & (canvas == self.ignore_index)] = 0
        if self.draw_boxes:
            for quad, label in zip(corners, labels.box_labels, strict=True):
                quad = quad if self.draw_boxes is True else (quad + quad.mean(axis=0)) / 2
                overwritten += _draw(canvas, drawn, fill_parallelogram(quad, size) & valid, label)
        for line, label in zip(labels.polylines, labels.polyline_labels, strict=True):
            pixels = np.floor(apply(matrix, line + 0.5)).astype(np.int32)
            overwritten += _draw(canvas, drawn, self._stroke(pixels, size) & valid, label)
        points = apply(matrix, labels.points + 0.5)
        seen = inside_all_frames(results, *(labels.points + 0.5).T)
        clicked = np.floor(points[seen]).astype(np.int64)
        overwritten += self._draw_clicks(canvas, drawn, valid, clicked, labels.point_labels[seen])
        results['gt_seg_map'] = canvas
        if 'gt_seg_map' not in results.setdefault('seg_fields', []):
            results['seg_fields'].append('gt_seg_map')
        hulls = np.concatenate([corners.min(axis=1), corners.max(axis=1)], axis=1)
        tags = labels.image_tags()
        results['gt_valid_map'] = valid.astype(np.uint8)
        results['gt_points'] = np.column_stack([points, labels.point_labels]).astype(np.float32)
        results['gt_boxes'] = np.column_stack([hulls, labels.box_labels]).astype(np.float32)
        results['gt_tags'] = None if tags is None else np.array(tags, dtype=np.int64)
        results['num_overwritten'] = overwritten
        return results

    def _draw_clicks(self, canvas: LabelMap, drawn: Mask, valid: Mask, pixels: IntArray, labels: IntArray) -> int:
        height, width = canvas.shape
        if self.click_diameter == 1:  # painted scribbles have thousands of these
            columns, rows = pixels.T
            kept = (columns >= 0) & (columns < width) & (rows >= 0) & (rows < height)
            rows, columns = rows[kept], columns[kept]
            free = int((~drawn).sum())
            canvas[rows, columns] = labels[kept]
            drawn[rows, columns] = True
            return len(rows) - (free - int((~drawn).sum()))
        disk = _disk(self.click_diameter)
        dy, dx = np.argwhere(disk).T - len(disk) // 2
        overwritten = 0
        for (x, y), label in zip(pixels, labels, strict=True):
            columns, rows = x + dx, y + dy
            kept = (columns >= 0) & (columns < width) & (rows >= 0) & (rows < height)
            rows, columns = rows[kept], columns[kept]
            kept = valid[rows, columns] | ((rows == y) & (columns == x))
            rows, columns = rows[kept], columns[kept]
            overwritten += int(drawn[rows, columns].sum())
            canvas[rows, columns] = label
            drawn[rows, columns] = True
        return overwritten

    def _stroke(self, pixels: npt.NDArray[np.int32], size: ImageSize) -> Mask:
        # A margin for lines just outside, half of whose width may be inside.
        margin = self.stroke_width // 2
        mask = np.zeros((size[0] + 2 * margin, size[1] + 2 * margin), dtype=np.uint8)
        if len(pixels) == 1:
            pixels = pixels.repeat(2, axis=0)
        cv2.polylines(mask, [pixels + margin], isClosed=False, color=1, thickness=1)
        stroke: Mask = cv2.dilate(mask, _disk(self.stroke_width)).astype(bool)
        return stroke[margin : margin + size[0], margin : margin + size[1]]

    def __repr__(self) -> str:
        return (
            f'{type(self).__name__}(click_diameter={self.click_diameter}, stroke_width={self.stroke_width}, '
            f'draw_boxes={self.draw_boxes!r})'
        )


@TRANSFORMS.register_module()
class RasterizeClassMask(BaseTransform):
    """Draw the boxes of the sample's class, and reduce the mask to this class.

    ``PackWeakSegInputs(maps=['box_map'])`` packs the map. Put it after ``RasterizeWeakAnnotations``.

    Required keys: ``class_id``, ``weak_annotations``, ``homography_matrix``, ``gt_seg_map``, ``gt_valid_map``.

    Added keys: ``box_map``, (H, W) uint8, 1 inside the union of the class's boxes, drawn through the matrix.

    Modified keys: ``gt_seg_map``, 1 for the class and 0 elsewhere; ``ignore_index`` does not change.

    Args:
        ignore_index: The value of unlabelled pixels.
    """

    def __init__(self, ignore_index: int = 255) -> None:
        self.ignore_index = ignore_index

    def transform(self, results: Sample) -> Sample:
        """Add the box map and reduce the mask.

        Raises:
            KeyError: If the sample has no class, or its labels have not been drawn.
            ValueError: If the class has no boxes.
        """
        missing = [key for key in ('class_id', 'gt_valid_map') if key not in results]
        if missing:
            raise KeyError(
                f'RasterizeClassMask found no {missing[0]} in the sample: use ClassMaskDataset, and put it after '
                'RasterizeWeakAnnotations'
            )
        class_id, labels = results['class_id'], results['weak_annotations']
        boxes = labels.boxes[labels.box_labels == class_id]
        if not len(boxes):
            raise ValueError(f'{results.get("img_path")}: the image has no boxes of class {class_id}')
        mask = results['gt_seg_map']
        box_map = np.zeros(mask.shape, dtype=bool)
        for corners in box_corners(boxes, results['homography_matrix']):
            box_map |= fill_parallelogram(corners, (mask.shape[0], mask.shape[1]))
        results['box_map'] = (box_map & (results['gt_valid_map'] > 0)).astype(np.uint8)
        target = (mask == class_id).astype(np.uint8)
        target[mask == self.ignore_index] = self.ignore_index
        results['gt_seg_map'] = target
        return results

    def __repr__(self) -> str:
        return f'{type(self).__name__}(ignore_index={self.ignore_index})'


def valid_pixels(results: Sample, size: ImageSize) -> Mask:
    """Return True for pixels whose centre is inside the original image and has not been cut off, (H, W).

    Args:
        results: The sample, with ``homography_matrix`` and ``weak_frames``.
        size: (height, width) of the current image.
    """
    origin = np.linalg.inv(results['homography_matrix']).astype(np.float64)
    columns, rows = np.arange(size[1]) + 0.5, np.arange(size[0])[:, None] + 0.5
    corners = inside_all_frames(results, columns[[0, -1]], rows[[0, -1]], origin=origin, tolerance=1e-6)
    if corners.all():  # Frames are convex: a region with all corners inside is inside.
        return np.ones(size, dtype=bool)
    return inside_all_frames(results, columns, rows, origin=origin, tolerance=1e-6)


def _disk(diameter: int) -> LabelMap:
    """Return the pixels whose centres lie within half a diameter of the middle one, odd-sized uint8."""
    steps = np.arange(-(diameter // 2), diameter // 2 + 1)
    return (steps[:, None] ** 2 + steps**2 <= (diameter / 2) ** 2).astype(np.uint8)


def fill_parallelogram(corners: Matrix, size: ImageSize) -> Mask:
    """Return the pixels whose centres lie in a parallelogram or on its sides."""
    # Half-planes in the window of the box: skimage.draw.polygon tests every pixel and takes ten times as long.
    mask = np.zeros(size, dtype=bool)
    left, top = np.clip(np.floor(corners.min(axis=0)).astype(int), 0, size[::-1])
    right, bottom = np.clip(np.ceil(corners.max(axis=0)).astype(int), 0, size[::-1])
    columns, rows = np.arange(left, right) + 0.5, np.arange(top, bottom)[:, None] + 0.5
    window = mask[top:bottom, left:right]
    window[:] = True
    turn = np.sign(np.linalg.det(corners[[1, 3]] - corners[0]))
    for (x1, y1), (x2, y2) in zip(corners, np.roll(corners, -1, axis=0), strict=True):
        window &= turn * (x2 - x1) * (rows - y1) >= turn * (y2 - y1) * (columns - x1)
    return mask


def _draw(canvas: LabelMap, drawn: Mask, mask: Mask, label: int) -> int:
    overwritten = int((drawn & mask).sum())
    canvas[mask] = label
    drawn |= mask
    return overwritten
