"""The sample that a pipeline processes, and the protocol of the data sets that provide it.

A transform of mmcv gets a dict, conventionally ``results``, reads some of its keys and adds others. :class:`Sample`
lists the keys that this package reads or writes, so that a type checker finds a misspelled one. Shape letters: H x W
the current image, P points, K boxes, T tags.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Protocol, TypedDict, TypeVar

import numpy as np
import numpy.typing as npt

from .weak_annotations import WeakAnnotations

Matrix = npt.NDArray[np.float64]
LabelMap = npt.NDArray[np.uint8]
Integer = TypeVar('Integer', bound=np.integer[Any])
ImageSize = tuple[int, int]
"""(height, width)"""


class ShapesScene(TypedDict):
    """Which picture to draw, see :func:`~mmseg_wsss.datasets.shapes_drawing.draw_scene`."""

    seed: int
    index: int
    size: ImageSize


class Sample(TypedDict, total=False):
    """One image on its way from the data set to the network.

    Every key is optional, because a sample has only those that the data set and the previous steps have added.
    """

    # From the data set.
    sample_id: str
    """Id of the image: its file name without the suffix, including folders."""
    sample_idx: int
    """Position in the data set."""
    img_id: int
    """Number of a drawn picture."""
    img_path: str
    """Path of the image."""
    seg_map_path: str
    """Path of the full mask."""
    confidence_path: str | None
    """Path of the confidence of a pseudo-label; None where ``seg_map_path`` is a true mask."""
    weak_annotations: WeakAnnotations
    """The labels, in coordinates of the original image."""
    weak_label_size: tuple[int, int] | None
    """(width, height) of the image that the labels belong to; None if unknown."""
    label_map: dict[int, int] | None
    """The new class id for every class id in the mask; None if they are the same."""
    reduce_zero_label: bool
    """Whether masks count classes from 1."""
    num_classes: int
    """Number of classes of the data set, with the background."""
    class_id: int
    """The class whose mask a ``MaskGenerator`` learns from this sample."""
    shapes_scene: ShapesScene
    """The picture of a ``ShapesDataset``."""
    shapes_mask: bool
    """Whether a drawn picture has its exact mask as a label."""
    seg_fields: list[str]
    """Keys of the maps that geometric transforms move with the image."""

    # From loaders.
    img: npt.NDArray[Any]
    """The image, BGR (H, W, 3) or grey (H, W)."""
    ori_shape: tuple[int, ...]
    """Shape of the original image; height and width come first."""
    img_shape: tuple[int, ...]
    """Shape of the current image; height and width come first."""
    gt_seg_map: LabelMap
    """Class ids, 255 where unlabelled, (H, W)."""
    reference: LabelMap
    """The full mask that predictions are compared with; it is never trained on, (H, W)."""
    point_blots: LabelMap
    """Class ids of blots around points, 255 outside of them, (H, W)."""
    gt_tags: npt.NDArray[np.int64] | None
    """Foreground classes of the image, (T,); None if unknown."""
    homography_matrix: Matrix
    """From the original to the current image in edge coordinates, (3, 3)."""
    weak_frames: list[tuple[Matrix, ImageSize]]
    """The matrix and the size of the image after loading and after every geometric step."""

    # From geometric transforms, for the next lines of the same transform.
    crop_bbox: tuple[int, int, int, int]
    """The crop: (top, bottom, left, right)."""
    flip: bool
    """Whether the image was flipped."""
    flip_direction: str | None
    """``'horizontal'``, ``'vertical'`` or ``'diagonal'``; None without a flip."""

    # From rasterising.
    gt_valid_map: LabelMap
    """1 inside the original image, 0 outside of it after augmentation, (H, W)."""
    gt_points: npt.NDArray[np.float32]
    """x, y in edge coordinates of the current image and class id, (P, 3)."""
    gt_boxes: npt.NDArray[np.float32]
    """x1, y1, x2, y2 in edge coordinates of the current image and class id, (K, 5)."""
    num_overwritten: int
    """Number of times that a label was drawn over a pixel of another label."""
    box_map: LabelMap
    """1 inside the boxes of ``class_id``, (H, W)."""


class ImageDataset(Protocol):
    """A data set that describes an image without loading it, like the data sets of mmengine and mmseg."""

    @property
    def metainfo(self) -> Mapping[str, Any]:
        """``classes`` and ``palette``."""

    def __len__(self) -> int:
        """Return the number of images."""

    def get_data_info(self, idx: int) -> Sample:
        """Return the sample that the pipeline starts from."""


def moved(results: Sample) -> bool:
    """Return whether a geometric transform has moved the image since ``LoadWeakAnnotations``.

    The result is also True before ``LoadWeakAnnotations``, which records the first frame.

    Example:
        >>> moved({'weak_frames': [(np.eye(3), (40, 60))]}), moved({})
        (False, True)
    """
    return len(results.get('weak_frames', ())) != 1


def with_label_map(mask: npt.NDArray[Integer], label_map: Mapping[int, int] | None) -> npt.NDArray[Integer | np.uint8]:
    """Return a mask whose class ids are those of the data set.

    Args:
        mask: Class ids of the file, (H, W).
        label_map: The new id of every id that changes; None changes nothing.

    Example:
        >>> with_label_map(np.array([[0, 3, 255]], dtype=np.uint8), {3: 1}).tolist()
        [[0, 1, 255]]
    """
    if label_map is None:
        return mask
    table = np.arange(256, dtype=np.uint8)
    table[list(label_map)] = list(label_map.values())
    mapped: npt.NDArray[np.uint8] = table[mask]
    return mapped
