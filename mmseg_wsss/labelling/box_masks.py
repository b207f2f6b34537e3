"""Pseudo-labels from boxes: filled, segmented by GrabCut, or refined by a dense CRF.

Shape letters: H x W pixels of the image, K boxes, C classes of the image with the background.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import numpy.typing as npt
import torch
from mmengine.dist import all_gather_object

from ..datasets.pseudo_label_files import UNSURE
from ..datasets.workers import Total
from ..functional import box_maps
from ..functional.grids import rgb_tensor
from ..structures import Sample, WeakAnnotations
from ..structures.sample import ImageSize
from .images import BoxImages, images_with_boxes
from .label_folder import LabelAndConfidence, check_border, unsure_borders, write_label_folder
from .refined_cams import build_refiner

METHODS = ('filled', 'grabcut', 'dense_crf')
UNSEGMENTED = ('filled', 'unsure')
GRABCUT_COMPONENTS = 5
"""Number of Gaussians for the background and for the object; cv2.grabCut needs a pixel for each."""
LARGE = 2**22
"""Number of pixels up to which GrabCut reads the whole image."""
NO_RECTANGLE = (0, 0, 0, 0)
"""cv2.grabCut does not look at it where it gets a mask."""
Labels = npt.NDArray[np.uint8]
Mask = npt.NDArray[np.bool_]


@dataclass(frozen=True, kw_only=True)
class BoxSettings(BoxImages):
    """How boxes become labels.

    ``'filled'`` labels whole boxes. ``'grabcut'`` labels the object that ``cv2.grabCut`` (Rother et al., 2004) finds in
    each box; boxes that it cannot segment, because there are too few pixels inside or outside or the result is empty,
    are counted, and filled or left out; in images of more than 4 megapixels it reads a window around the box.
    ``'dense_crf'`` refines the filled boxes; a class stays inside its boxes. If boxes overlap, the smaller one is on
    top.

    Args:
        method: One of the three methods. With GrabCut, all images are labelled again after an interruption, because
            files do not record which boxes it could not segment.
        grabcut_iters: Iterations of GrabCut.
        unsegmented: What becomes of the pixels of a box that GrabCut cannot segment: ``'filled'`` is the class of the
            box, ``'unsure'`` is 255: use it if the other boxes are enough to learn from.
        refiner: Config of the CRF; None means ``dict(type='DenseCRF')``.
        box_certainty: Probability of the class of a box at its pixels before the CRF, between 0.5 and 1; the rest is
            divided among the other classes of the image and the background.
        unsure_border: Pixels with another label within this number of rows and columns become 255.
        seed: Seed of GrabCut, the same for every box.
        workers: Same as in :class:`~mmseg_wsss.datasets.workers.WorkerSettings`, but 0 is the default.
        empty_images: Same as in :class:`~mmseg_wsss.labelling.images.BoxImages`.
        share: Same as in :class:`~mmseg_wsss.labelling.images.BoxImages`.

    Raises:
        ImportError: If the CRF's package is missing.
        ValueError: If a setting is out of range.
    """

    method: str = 'filled'
    grabcut_iters: int = 5
    unsegmented: str = 'filled'
    refiner: Mapping[str, Any] | None = None
    box_certainty: float = 0.7
    unsure_border: int = 0
    seed: int = 0
    workers: int = 0

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.method not in METHODS:
            raise ValueError(f'method must be one of {", ".join(METHODS)}, got {self.method!r}')
        if self.unsegmented not in UNSEGMENTED:
            raise ValueError(f'unsegmented must be one of {", ".join(UNSEGMENTED)}, got {self.unsegmented!r}')
        if not 0.5 < self.box_certainty < 1:
            raise ValueError(f'box_certainty must be between 0.5 and 1, got {self.box_certainty}')
        if self.grabcut_iters < 1:
            raise ValueError(f'grabcut_iters must be at least 1, got {self.grabcut_iters}')
        check_border(self.unsure_border)
        self.build_crf()

    def build_crf(self) -> torch.nn.Module | None:
        """Build the refiner of the method, or return None for the other methods."""
        return build_refiner(self.refiner or {'type': 'DenseCRF'}) if self.method == 'dense_crf' else None


def write_box_labels(
    dataset: Mapping[str, Any], folder: str | Path, settings: BoxSettings | None = None, *, keep: bool = False
) -> dict[str, Any]:
    """Write pseudo-labels from the boxes of a data set; pixels outside of all boxes are background.

    The confidence is the probability of the CRF, or 1 without it.

    Args:
        dataset: Config of a ``WeakSegDataset`` with boxes. Its ``pipeline`` only loads the image; the default is
            ``LoadImageFromFile``.
        folder: The folder to write to; see :mod:`mmseg_wsss.datasets.pseudo_label_files`.
        settings: Settings of the labels.
        keep: Label only missing images; see :mod:`mmseg_wsss.labelling.label_folder`.

    Returns:
        ``images``, ``unsure`` (share of the pixels), ``boxes``, and with GrabCut ``boxes_filled`` or ``boxes_unsure``,
        the boxes that it could not segment.

    Raises:
        ValueError: If an image has no boxes.
    """
    settings = settings or BoxSettings()
    crf = settings.build_crf()
    grabcut = settings.method == 'grabcut'
    images = images_with_boxes(dataset, settings)
    not_cut = Total()

    def label_image(index: int, info: Sample) -> LabelAndConfidence:
        image = images[index]['img']
        image = cv2.cvtColor(image, cv2.COLOR_GRAY2BGR) if image.ndim == 2 else image
        annotations = info['weak_annotations']
        if grabcut:
            unsure = settings.unsegmented == 'unsure'
            labels, failed = grabcut_labels(
                image, annotations, iters=settings.grabcut_iters, seed=settings.seed, unsure=unsure
            )
            not_cut.value += failed
        else:
            labels = filled_labels(annotations, _size(image))
        confidence: npt.NDArray[np.floating] = np.ones(labels.shape)
        if crf is not None:
            labels, confidence = refined_labels(image, labels, annotations, crf, settings.box_certainty)
        return unsure_borders(labels, settings.unsure_border), confidence

    source = {'from': 'boxes', 'method': settings.method, 'unsure_border': settings.unsure_border}
    if grabcut:
        source['unsegmented'] = settings.unsegmented
    summary = write_label_folder(
        images, folder, label_image, source, keep=keep and not grabcut, title='masks from boxes',
        workers=settings.workers, tally=not_cut,
    )  # fmt: skip
    summary['boxes'] = sum(len(images.get_data_info(i)['weak_annotations'].boxes) for i in range(len(images)))
    if grabcut:
        summary[f'boxes_{settings.unsegmented}'] = sum(all_gather_object(not_cut.value))
    return summary


def pixels_of(box: npt.NDArray[np.float64], size: ImageSize) -> Mask:
    """Return the pixels of one box, (H, W)."""
    return box_maps(box[None], [1], size)[0][0].numpy().astype(bool)


def smaller_last(annotations: WeakAnnotations) -> npt.NDArray[np.intp]:
    """Return the order of the boxes by area, largest first; equal boxes keep their order."""
    width, height = (annotations.boxes[:, 2:] - annotations.boxes[:, :2] + 1).T
    return np.argsort(-width * height, kind='stable')


def filled_labels(annotations: WeakAnnotations, size: ImageSize) -> Labels:
    """Return the filled boxes, smaller ones on top, (H, W).

    Args:
        annotations: Labels of the image, with boxes.
        size: (height, width).

    Example:
        >>> boxes = WeakAnnotations(boxes=[[1, 0, 1, 0], [0, 0, 2, 1]], box_labels=[7, 5])
        >>> filled_labels(boxes, (2, 4)).tolist()
        [[5, 7, 5, 0], [5, 5, 5, 0]]
    """
    labels = np.zeros(size, dtype=np.uint8)
    for index in smaller_last(annotations):
        labels[pixels_of(annotations.boxes[index], size)] = annotations.box_labels[index]
    return labels


def grabcut_labels(
    image: npt.NDArray[np.uint8], annotations: WeakAnnotations, *, iters: int = 5, seed: int = 0, unsure: bool = False
) -> tuple[Labels, int]:
    """Return the object that GrabCut finds in each box, smaller boxes on top, and the number of boxes without one.

    Args:
        image: BGR, (H, W, 3).
        annotations: Labels of the image, with boxes.
        iters: Number of iterations.
        seed: Seed of every box, so that the result does not depend on the order of images and processes.
        unsure: Whether boxes that GrabCut cannot segment become 255; otherwise they are filled.

    Returns:
        Labels, (H, W), and the number of boxes that GrabCut could not segment.
    """
    size = _size(image)
    labels = np.zeros(size, dtype=np.uint8)
    failed = 0
    for index in smaller_last(annotations):
        box = pixels_of(annotations.boxes[index], size)
        inside = _cut(image, box, iters, seed)
        if inside is None:
            failed += 1
            labels[box] = UNSURE if unsure else annotations.box_labels[index]
        else:
            labels[inside] = annotations.box_labels[index]
    return labels, failed


def _cut(image: npt.NDArray[np.uint8], box: Mask, iters: int, seed: int) -> Mask | None:
    """Return the object in a box, (H, W), or None if it cannot be segmented.

    GrabCut takes 200 bytes per pixel. In images of more than ``LARGE`` pixels it reads a window around the box, half as
    wide as the box on each side, which is reduced to one pixel of n x n if it is still larger.
    """
    if box.size <= LARGE:
        return _segmented(image, box, iters, seed)
    window = _around(box)
    part, inside = np.ascontiguousarray(image[window]), box[window]
    step = math.ceil(math.sqrt(inside.size / LARGE))
    size = (max(1, inside.shape[1] // step), max(1, inside.shape[0] // step))
    small = cv2.resize(inside.astype(np.uint8), size, interpolation=cv2.INTER_NEAREST_EXACT) > 0
    reduced = cv2.resize(part, size, interpolation=cv2.INTER_AREA).astype(np.uint8, copy=False)
    found = _segmented(reduced, small, iters, seed)
    if found is None:
        return None
    kept = np.zeros_like(box)
    full = cv2.resize(found.astype(np.uint8), inside.shape[::-1], interpolation=cv2.INTER_NEAREST_EXACT)
    kept[window] = (full > 0) & inside
    return kept if kept.any() else None


def _around(box: Mask) -> tuple[slice, slice]:
    """Return the window around a box whose sides are twice those of the box, or end at the border."""
    sides = []
    for axis, length in enumerate(box.shape):
        places = np.flatnonzero(box.any(axis=1 - axis))
        first, last = (int(places[0]), int(places[-1])) if len(places) else (0, length - 1)
        margin = (last - first + 2) // 2
        sides.append(slice(max(0, first - margin), min(length, last + 1 + margin)))
    return sides[0], sides[1]


def _segmented(image: npt.NDArray[np.uint8], box: Mask, iters: int, seed: int) -> Mask | None:
    if min(box.sum(), (~box).sum()) < GRABCUT_COMPONENTS:
        return None
    state = np.where(box, cv2.GC_PR_FGD, cv2.GC_BGD).astype(np.uint8)
    models = np.zeros((1, 65)), np.zeros((1, 65))
    cv2.setRNGSeed(seed)
    cv2.grabCut(np.ascontiguousarray(image), state, NO_RECTANGLE, *models, iters, cv2.GC_INIT_WITH_MASK)
    kept = state == cv2.GC_PR_FGD
    return kept if kept.any() else None


def refined_labels(
    image: npt.NDArray[np.uint8],
    filled: Labels,
    annotations: WeakAnnotations,
    refiner: torch.nn.Module,
    box_certainty: float = 0.7,
) -> tuple[Labels, npt.NDArray[np.float32]]:
    """Refine filled boxes; a class stays inside its boxes.

    Args:
        image: BGR, (H, W, 3).
        filled: Labels from :func:`filled_labels`, (H, W).
        annotations: Labels of the image, with boxes.
        refiner: A module (masks, image) -> masks.
        box_certainty: Same as in :class:`BoxSettings`; outside of all boxes the background is certain.

    Returns:
        Labels and their probability, (H, W) each.
    """
    classes = np.array([0, *sorted(set(annotations.box_labels.tolist()) - {0})])
    if len(classes) == 1:
        return filled, np.ones(filled.shape, dtype=np.float32)
    allowed = np.zeros((len(classes), *filled.shape), dtype=bool)
    allowed[0] = True
    for box, label in zip(annotations.boxes, annotations.box_labels, strict=True):
        allowed[np.searchsorted(classes, label)] |= pixels_of(box, _size(filled))
    soft = np.where(filled == classes[:, None, None], box_certainty, (1 - box_certainty) / (len(classes) - 1))
    soft = np.where(filled == 0, classes[:, None, None] == 0, soft).astype(np.float32)
    probs = refiner(torch.from_numpy(soft)[None], rgb_tensor(image))[0].numpy() * allowed
    probs /= np.maximum(probs.sum(axis=0), np.finfo(np.float32).tiny)
    probs[0][filled == 0] = 1
    probs[1:, filled == 0] = 0
    return classes[probs.argmax(axis=0)].astype(np.uint8), probs.max(axis=0)


def _size(image: npt.NDArray[Any]) -> ImageSize:
    return image.shape[0], image.shape[1]
