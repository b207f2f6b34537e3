"""Pseudo-labels on disk: palette PNGs, their confidence and, on request, COCO RLE.

A folder holds ``masks/<image id>.png`` (class ids, 255 where unsure, with the classes' colours),
``confidence/<image id>.png`` (8-bit grey, 255 is 1) and ``pseudo_labels.json``: classes, images and where the labels
came from. Shape letters: H x W pixels of the original image.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
from PIL import Image

from ..files import path_inside, whole_file
from .formats.index_png import load_index_image
from .formats.pseudo_labels import INDEX
from .index_file import FolderIndex

COCO = 'coco_rle.json'
UNSURE = 255
UNSURE_COLOUR = (224, 224, 192)
"""The colour of unlabelled pixels in PASCAL VOC."""


def write_pseudo_label(
    folder: str | Path,
    image_id: str,
    labels: npt.NDArray[np.integer],
    confidence: npt.NDArray[np.floating],
    palette: Sequence[Sequence[int]],
) -> None:
    """Write the two files of an image, the confidence last; a killed process does not leave a partial file behind.

    Args:
        folder: The folder of the pseudo-labels.
        image_id: Id of the image; may contain slashes.
        labels: Class ids, 255 where unsure, (H, W).
        confidence: Confidence in [0, 1], (H, W).
        palette: One colour per class.

    Raises:
        ValueError: If the maps differ in shape, values are out of range, or the id leads out of the folder.
    """
    labels, confidence = np.asarray(labels), np.asarray(confidence)
    if labels.ndim != 2 or labels.shape != confidence.shape:
        raise ValueError(
            f'image {image_id!r}: labels and confidence must be (H, W) of the same size, got {labels.shape} and '
            f'{confidence.shape}'
        )
    unknown = np.setdiff1d(labels, [*range(len(palette)), UNSURE]).tolist()
    if unknown or len(palette) > UNSURE:
        raise ValueError(
            f'image {image_id!r}: labels must be ids of the {len(palette)} classes (at most 255) or {UNSURE}, got '
            f'{unknown[:8]}'
        )
    if not ((confidence >= 0) & (confidence <= 1)).all():
        raise ValueError(
            f'image {image_id!r}: confidence must be in [0, 1], got {confidence.min()}..{confidence.max()}'
        )
    mask = index_picture(labels, palette)
    grey = Image.fromarray(np.round(255 * confidence).astype(np.uint8))
    for kind, image in (('masks', mask), ('confidence', grey)):
        with whole_file(path_inside(Path(folder) / kind, f'{image_id}.png')) as file:
            image.save(file, format='PNG', optimize=True)


def index_picture(labels: npt.NDArray[np.integer], palette: Sequence[Sequence[int]]) -> Image.Image:
    """Return class ids, (H, W), 255 where unsure, as a palette image with the colours of the classes."""
    colours = np.zeros((256, 3), dtype=np.uint8)
    colours[: len(palette)] = palette
    colours[UNSURE] = UNSURE_COLOUR
    picture = Image.fromarray(labels.astype(np.uint8))
    picture.putpalette(colours.tobytes())
    return picture


def read_pseudo_label(folder: str | Path, image_id: str) -> tuple[npt.NDArray[np.integer], npt.NDArray[np.integer]]:
    """Read the two files of an image.

    Args:
        folder: The folder of the pseudo-labels.
        image_id: Id of the image.

    Returns:
        Class ids, 255 where unsure, and the confidence from 0 to 255, (H, W) each.

    Raises:
        FileNotFoundError: If one of them is missing.
        ValueError: If they are damaged or differ in size, or the id leads out of the folder.
    """
    labels, confidence = (_load(folder, kind, image_id) for kind in ('masks', 'confidence'))
    if labels.shape != confidence.shape:
        raise ValueError(
            f'{folder}: masks/{image_id}.png and confidence/{image_id}.png must have the same size, got '
            f'{labels.shape} and {confidence.shape}: {written_by(folder)}'
        )
    return labels, confidence


def write_index(folder: str | Path, index: FolderIndex) -> None:
    """Write ``pseudo_labels.json``."""
    index.write(Path(folder) / INDEX)


def read_index(folder: str | Path) -> FolderIndex:
    """Read ``pseudo_labels.json``.

    Raises:
        FileNotFoundError: If the file is missing.
        ValueError: If the file is damaged.
    """
    return FolderIndex.read(Path(folder) / INDEX, written_by(folder))


def written_by(folder: str | Path) -> str:
    """Return how to write the pseudo-labels, for the error messages."""
    return (
        f'"wsss pseudo-labels CONFIG CHECKPOINT -o {folder}" writes it, or the stage of a pipeline that it belongs to '
        '(WritePseudoLabels, WriteSeeds, WriteRandomWalk): --cfg-options only=NAME'
    )


def _load(folder: str | Path, kind: str, image_id: str) -> npt.NDArray[np.integer]:
    path = path_inside(Path(folder) / kind, f'{image_id}.png')
    try:
        return load_index_image(path)
    except FileNotFoundError:
        raise
    except (OSError, SyntaxError, ValueError) as error:  # truncated and broken PNGs
        raise ValueError(f'{path} is damaged ({error}): {written_by(folder)}') from error


def load_coco_mask() -> Any:
    """Return ``pycocotools.mask``, which is optional. Call it before any work that ends in :func:`write_coco`.

    Raises:
        ImportError: If pycocotools is not installed.
    """
    try:
        from pycocotools import mask
    except ImportError as error:
        raise ImportError('COCO RLE needs pycocotools: pip install pycocotools, or omit --coco-rle') from error
    return mask


def write_coco(folder: str | Path, index: FolderIndex) -> None:
    """Write ``coco_rle.json``: one compressed RLE for each class of an image, from the masks in the folder.

    The background and unsure pixels are left out; ``score`` is the mean confidence; category ids are class ids.

    Raises:
        ImportError: If pycocotools is not installed.
    """
    coco_mask = load_coco_mask()
    images: list[dict[str, Any]] = []
    annotations: list[dict[str, Any]] = []
    for number, (key, image) in enumerate(index.images.items(), start=1):
        images.append({'id': number, **image})
        labels, confidence = (load_index_image(Path(folder) / kind / f'{key}.png') for kind in ('masks', 'confidence'))
        for category in np.setdiff1d(labels, [0, UNSURE]).tolist():
            where = labels == category
            rle = coco_mask.encode(np.asfortranarray(where, dtype=np.uint8))
            annotations.append(
                {
                    'id': len(annotations) + 1,
                    'image_id': number,
                    'category_id': category,
                    'segmentation': {'size': rle['size'], 'counts': rle['counts'].decode('ascii')},
                    'bbox': coco_mask.toBbox(rle).tolist(),
                    'area': int(coco_mask.area(rle)),
                    'score': round(float(confidence[where].mean()) / 255, 4),
                    'iscrowd': 0,
                }
            )
    categories = [{'id': i, 'name': name} for i, name in enumerate(index.classes) if i]
    content = {'images': images, 'categories': categories, 'annotations': annotations}
    with whole_file(Path(folder) / COCO) as file:
        file.write(json.dumps(content).encode())
