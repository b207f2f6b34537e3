"""Inria Aerial Image Labeling: pictures of 5000 x 5000 pixels and masks of buildings, cut into tiles."""

from __future__ import annotations

import re
from collections.abc import Iterable
from pathlib import Path
from zlib import crc32

import numpy as np
from PIL import Image

from ...structures import ImageEntry, WeakAnnotations, WeakLabelSet
from .._regions import Mask, find_regions
from ..simulate import simulate_clicks
from .files import existing, listed_files
from .index_png import load_index_image
from .picture_files import load_colours

CLASSES = ('background', 'building')
PALETTE = ((0, 0, 0), (230, 120, 40))
BUILDING = 255
# Pictures 1 to 5 of every city, as the authors of the data set suggest.
NUM_VALIDATION = 5


def list_inria(folder: str) -> list[tuple[Path, Path]]:
    """Return the pictures and their masks, ``images/*.tif`` and ``gt/*.tif`` below a folder such as ``train``.

    Raises:
        FileNotFoundError: If the folder or a mask is missing.
    """
    _, images = listed_files(Path(folder) / 'images', '.tif', 'the folder of Inria pictures')
    return [(image, existing(Path(folder) / 'gt' / image.name, f'the mask of {image.name}')) for image in images]


def cut_inria(
    pairs: Iterable[tuple[Path, Path]],
    output: str,
    *,
    tile: int = 500,
    stride: int | None = None,
    whole: bool = False,
    num_background: int = 4,
    seed: int = 0,
) -> WeakLabelSet:
    """Write tiles to ``images`` and ``masks`` and their names to ``train.txt`` and ``val.txt``; return their points.

    A tile has one click in every building (8-connected in the tile) and at least one on the background.

    PMP has 29,239 tiles of 180 pictures, 162.4 of each, and does not state their size. 12 tiles per side are too few
    (144), and 13 give the next square (169). With 384 pixels, 13 tiles cover 4,992 of 5,000 pixels; if the rest is
    dropped, there are 30,420 tiles, the closest number for a common size. Tiles without a building may have been left
    out. 500 pixels give 18,000 tiles.

    Args:
        pairs: Picture and mask, see :func:`list_inria`.
        output: The folder to write.
        tile: Side of a tile in pixels.
        stride: Pixels from one tile to the next; None means ``tile``. With a smaller stride tiles overlap.
        whole: Drop what is left at the right and at the bottom; otherwise it becomes smaller tiles.
        num_background: Background clicks per building.
        seed: Seed of the clicks.

    Raises:
        ValueError: If the side or the stride is below 1, a picture is smaller than a whole tile, or a mask differs
            in size from its picture or has values other than 0 and 255, or a file is damaged.
    """
    stride = tile if stride is None else stride
    if tile < 1 or stride < 1:
        raise ValueError(f'tile and stride must be positive numbers of pixels, got {tile} and {stride}')
    root = Path(output)
    for name in ('images', 'masks'):
        (root / name).mkdir(parents=True, exist_ok=True)
    splits: dict[str, list[str]] = {'train': [], 'val': []}
    images = {}
    for image_path, mask_path in pairs:
        image, mask = load_colours(image_path), load_index_image(mask_path)
        if mask.shape != image.shape[:2] or not np.isin(np.unique(mask), (0, BUILDING)).all():
            raise ValueError(
                f'{mask_path}: expected a mask of 0 and {BUILDING} and of the shape {image.shape[:2]}, got the shape '
                f'{mask.shape} and the values {np.unique(mask).tolist()[:8]}'
            )
        number = re.search(r'\d+$', image_path.stem)
        split = 'val' if number and int(number.group()) <= NUM_VALIDATION else 'train'
        tops, lefts = (_starts(side, tile, stride, whole, mask_path) for side in mask.shape)
        for top in tops:
            for left in lefts:
                key = f'{image_path.stem}_{top}_{left}'
                window = np.s_[top : top + tile, left : left + tile]
                labels = (mask[window] == BUILDING).astype(np.uint8)
                Image.fromarray(image[window]).save(root / 'images' / f'{key}.png')
                Image.fromarray(labels).save(root / 'masks' / f'{key}.png')
                splits[split].append(key)
                height, width = labels.shape
                images[key] = ImageEntry(f'{key}.png', width, height, _clicks(labels, key, num_background, seed))
    for name, keys in splits.items():
        (root / f'{name}.txt').write_text(''.join(f'{key}\n' for key in keys))
    return WeakLabelSet(CLASSES, PALETTE, images)


def _starts(side: int, tile: int, stride: int, whole: bool, path: Path) -> range:
    if whole and side < tile:
        raise ValueError(f'{path}: a side of {side} pixels is smaller than a tile of {tile}: use smaller tiles')
    return range(0, side - tile + 1, stride) if whole else range(0, side, stride)


def _clicks(labels: Mask, key: str, num_background: int, seed: int) -> WeakAnnotations:
    buildings = len(find_regions(labels))
    rng = np.random.default_rng([seed, crc32(key.encode())])
    return simulate_clicks(labels, rng, num_background=max(1, num_background * buildings))
