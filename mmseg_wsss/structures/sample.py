"""The sample that travels through a pipeline, and what gives it.

A transform of mmcv gets a dict, conventionally ``results``, reads some of its keys and adds others. :class:`Sample`
lists the keys that this package reads or writes, and a type checker finds a misspelt one. Shape letters: H x W the
current image, P points, K boxes, T tags.
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

    Every key is optional, because a sample has only those that the data set and the steps before have added.
    """

    # From the data set.
    sample_id: str
    """The image: its file name without the suffix, folders kept."""
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
    """(width, height) of the image that the labels are for; None where it is not known."""
    label_map: dict[int, int] | None
    """Class id of every class id in the mask; None where they are the same."""
    reduce_zero_label: bool
    """Whether masks count classes from 1."""
    num_classes: int
    """Number of classes of the data set, with the background."""
    class_id: int
    """The class that a ``MaskGenerator`` learns from this sample."""
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
    """Shape of the original image, height and width first."""
    img_shape: tuple[int, ...]
    """Shape of the current image, height and width first."""
    gt_seg_map: LabelMap
    """Class ids, 255 where unlabelled, (H, W)."""
    reference: LabelMap
    """The full mask that predictions are compared with and never trained on, (H, W)."""
    point_blots: LabelMap
    """Class ids of blots around points, 255 outside of them, (H, W)."""
    gt_tags: npt.NDArray[np.int64] | None
    """Foreground classes of the image, (T,); None where they are not known."""
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
    """1 inside the original image, 0 where augmentation left it, (H, W)."""
    gt_points: npt.NDArray[np.float32]
    """x, y in edge coordinates of the current image and class id, (P, 3)."""
    gt_boxes: npt.NDArray[np.float32]
    """x1, y1, x2, y2 in edge coordinates of the current image and class id, (K, 5)."""
    num_overwritten: int
    """How many times a label was drawn over a pixel of another one."""
    box_map: LabelMap
    """1 inside the boxes of ``class_id``, (H, W)."""


class ImageDataset(Protocol):
    """A data set that says what it knows of an image without loading it, as those of mmengine and mmseg do."""

    @property
    def metainfo(self) -> Mapping[str, Any]:
        """``classes`` and ``palette``."""

    def __len__(self) -> int:
        """Return the number of images."""

    def get_data_info(self, idx: int) -> Sample:
        """Return what the pipeline starts from."""


def moved(results: Sample) -> bool:
    """Return whether a geometric transform has moved the image since ``LoadWeakAnnotations``.

    It is also true before ``LoadWeakAnnotations``, which notes the first frame.

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
