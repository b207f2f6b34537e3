"""Pictures of how a pseudo-mask comes about.

Shape letters: K classes that have a point in the image, H x W one picture.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from .panels import Image, LabelMap, draw_panels

SoftMaps = npt.NDArray[np.floating]


def draw_pseudo_mask_panels(
    image: Image,
    points: LabelMap,
    pseudo_mask: LabelMap,
    fields: SoftMaps,
    refined: SoftMaps,
    present: Sequence[int],
    *,
    palette: Sequence[Sequence[int]],
    classes: Sequence[str],
    blots: LabelMap | None = None,
    truth: LabelMap | None = None,
    valid: npt.NDArray | None = None,
    ignore_index: int = 255,
) -> Image:
    """Draw photo | points | blots | distance field | refined | pseudo-mask | truth, as far as given.

    In a soft map every pixel has the colour of its highest class, the paler the lower it is.

    Args:
        image: RGB, (H, W, 3) uint8.
        points: Class ids, (H, W).
        pseudo_mask: Class ids, (H, W).
        fields: Expanded distance fields in [0, 1], (K, H, W).
        refined: Refined probabilities in [0, 1], (K, H, W).
        present: The class of each soft map, K; -1: a map to leave out.
        palette: One RGB colour per class.
        classes: The names of the classes.
        blots: Class ids, (H, W).
        truth: Class ids, (H, W).
        valid: Non-zero inside the original image, (H, W).
        ignore_index: The unlabelled value.

    Raises:
        ValueError: If a map has not the size of the image, or there is not one class for each soft map.
    """
    if not len(fields) == len(refined) == len(present):
        raise ValueError(
            f'expected one class for each soft map, got {len(present)} classes, {len(fields)} fields and '
            f'{len(refined)} refined maps'
        )
    return draw_panels(
        image,
        points,
        truth=truth,
        palette=palette,
        classes=classes,
        valid=valid,
        titles={'weak labels': 'points'},
        ignore_index=ignore_index,
        between={
            'blots': blots,
            'distance field': _soft_picture(fields, present, palette, image.shape[:2]),
            'refined': _soft_picture(refined, present, palette, image.shape[:2]),
            'pseudo-mask': pseudo_mask,
        },
    )


def _soft_picture(
    maps: SoftMaps, present: Sequence[int], palette: Sequence[Sequence[int]], size: tuple[int, ...]
) -> Image:
    kept = [index for index, label in enumerate(present) if label >= 0]
    if not kept:
        return np.full((*size, 3), 255, dtype=np.uint8)
    maps = np.asarray(maps)[kept]
    colours = np.asarray(palette)[[present[index] for index in kept]]
    strength = maps.max(axis=0).clip(0, 1)[..., None]
    return np.rint(strength * colours[maps.argmax(axis=0)] + (1 - strength) * 255).astype(np.uint8)
