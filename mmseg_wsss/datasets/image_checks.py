"""Checks on the files of a data set before training: images exist, sizes match, and masks contain class ids."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TypeVar

import numpy as np
from PIL import Image, UnidentifiedImageError

from .formats.index_png import load_index_image

Key = TypeVar('Key')
Size = tuple[int, int]
EXIF_ORIENTATION = 274
SIDEWAYS = (5, 6, 7, 8)
"""EXIF orientations that swap width and height when the image is decoded."""


def image_size(path: str | Path) -> Size:
    """Return (width, height) of the image after decoding, from its header alone.

    Raises:
        FileNotFoundError: If the file does not exist.
        ValueError: If the file is not an image.
    """
    try:
        with Image.open(path) as image:
            turned = image.format in ('JPEG', 'MPO') and image.getexif().get(EXIF_ORIENTATION) in SIDEWAYS
            return (image.height, image.width) if turned else image.size
    except UnidentifiedImageError as error:
        raise ValueError(f'{path} is not an image, or is damaged') from error


def check_images(paths: Mapping[str, str], stated: Mapping[str, Size], source: str) -> dict[str, Size]:
    """Check that images exist and have the size that the label file states.

    Args:
        paths: Image files by image id.
        stated: (width, height) by image id, for the images whose size a label file gives.
        source: The file or folder that lists the images, for the messages.

    Returns:
        The sizes by image id.

    Raises:
        FileNotFoundError: If an image is missing.
        ValueError: If a file is not an image, or its size differs from the stated one.
    """
    missing = [key for key, path in paths.items() if not Path(path).is_file()]
    if missing:
        raise FileNotFoundError(
            f'{source} lists {len(paths)} images, but {len(missing)} are not on disk. First: image {missing[0]!r}, '
            f'expected at {paths[missing[0]]}. Check data_root, data_prefix["img_path"] and img_suffix, or list '
            'only the images to use in ann_file.'
        )
    sizes = {key: image_size(path) for key, path in paths.items()}
    wrong = [key for key, size in stated.items() if key in sizes and sizes[key] != tuple(size)]
    if wrong:
        key = wrong[0]
        raise ValueError(
            f'{source}: image {key!r}: width and height are {stated[key][0]} x {stated[key][1]} in the label file, but '
            f'{paths[key]} is {sizes[key][0]} x {sizes[key][1]}. Labels must be in pixels of the image on disk: was it '
            f'resized after labelling? ({len(wrong)} images differ.)'
        )
    return sizes


def check_mask_sizes(
    masks: Mapping[str, str],
    sizes: Mapping[str, Size],
    *,
    cure: str = 'Check seg_map_path and seg_map_suffix, or the mask path in the label file (relative to that file)',
) -> None:
    """Check that masks exist and have the size of their image.

    Args:
        masks: Mask files by image id.
        sizes: (width, height) of the images by image id.
        cure: What to do, for the error messages.

    Raises:
        FileNotFoundError: If a mask is missing.
        ValueError: If a mask is not an image, or its size differs from that of its image.
    """
    for key, path in masks.items():
        if not Path(path).is_file():
            raise FileNotFoundError(f'image {key!r}: its mask {path} is not on disk. {cure}.')
        size = image_size(path)
        if size != sizes[key]:
            raise ValueError(
                f'image {key!r}: its mask {path} is {size[0]} x {size[1]}, the image {sizes[key][0]} x {sizes[key][1]} '
                f'(width x height); both must be equal. {cure}.'
            )


def check_mask_values(
    masks: Mapping[str, str], keys: Sequence[str], num_classes: int, ignore_index: int, *, background_shift: int = 0
) -> bool:
    """Check that masks contain class ids.

    Args:
        masks: Mask files by image id.
        keys: Ids of the images whose masks are read.
        num_classes: Number of classes.
        ignore_index: The value of unlabelled pixels.
        background_shift: 1 if files count classes from 1 (``reduce_zero_label``), otherwise 0.

    Returns:
        Whether any of these masks has a labelled pixel.

    Raises:
        ValueError: If a mask has a value that is neither a class id nor ``ignore_index``.
    """
    labelled = False
    for key in keys:
        values = np.unique(load_index_image(masks[key])).tolist()
        unknown = [
            value for value in values if not 0 <= value < num_classes + background_shift and value != ignore_index
        ]
        if unknown:
            raise ValueError(
                f'image {key!r}: its mask {masks[key]} holds the values {unknown[:8]}, which are neither ids of the '
                f'{num_classes} classes (0..{num_classes - 1 + background_shift}) nor {ignore_index} (unlabelled). '
                'Masks must hold class ids and not grey levels: convert them, or add the missing classes.'
            )
        labelled |= any(value != ignore_index for value in values)
    return labelled


def spread(keys: Sequence[Key], count: int) -> list[Key]:
    """Return at most ``count`` keys, evenly spread over the sequence."""
    return list(keys) if len(keys) <= count else [keys[i] for i in np.linspace(0, len(keys) - 1, count).astype(int)]
