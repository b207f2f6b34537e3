"""Measure the contents of a data set: its pictures and their labels."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
import numpy.typing as npt

from ...structures import WeakAnnotations, WeakLabelSet
from ..image_checks import image_size, spread
from ..transforms.load_deep_image import read_bands
from .mask_ids import class_ids

MOST_PICTURES = 64
"""Number of pictures, evenly spread, that are read for their colours."""
KINDS = {'points': 'clicks', 'polylines': 'scribbles', 'boxes': 'boxes', 'tags': 'tags', 'mask_path': 'masks'}


@dataclass(frozen=True)
class Pictures:
    """The pictures of a data set.

    Args:
        size: Median width and height.
        bits: Number of bits per value.
        bands: Number of values per pixel.
        mean: Mean of each colour (red, green, blue), or of each band, as the network gets them.
        std: Standard deviation of each colour or band.
        values: The lowest and the highest relevant value: the half percentiles of pictures with more than 8 bits.
    """

    size: tuple[int, int]
    bits: int
    bands: int
    mean: tuple[float, ...]
    std: tuple[float, ...]
    values: tuple[float, float] = (0.0, 255.0)


@dataclass(frozen=True)
class Fingerprint:
    """Contents of a data set.

    Args:
        classes: Class names.
        num_train: Number of training images.
        size: Median width and height.
        kinds: Number of images with each kind of label.
        alone: Number of images that have only this kind of label.
        shares: Share of each class among the labelled pixels.
        object_share: Side of a small object (first quartile) divided by the longer side of its image; None if no label
            has the size of objects.
    """

    classes: tuple[str, ...]
    num_train: int
    size: tuple[int, int]
    kinds: Mapping[str, int]
    alone: Mapping[str, int]
    shares: tuple[float, ...]
    object_share: float | None = None


def measure_labels(labels: WeakLabelSet, size: tuple[int, int], ids: Mapping[int, int] | None = None) -> Fingerprint:
    """Count labels.

    Args:
        labels: Labels of the training images.
        size: Median width and height of the images.
        ids: Class id by value of their dense masks, 255 for unlabelled; None: masks contain class ids.
    """
    table = {**dict(enumerate(range(256))), **(ids or {})}
    present = [kinds_of(entry.annotations) for entry in labels.images.values()]
    kinds = {kind: sum(kind in one for one in present) for kind in KINDS.values()}
    alone = {kind: sum(one == {kind} for one in present) for kind in KINDS.values()}
    pixels = np.zeros(len(labels.classes))
    sides: list[float] = []
    for entry in labels.images.values():
        one = entry.annotations
        longer = max(entry.size or size)
        np.add.at(pixels, one.point_labels, 1)
        lengths = [np.hypot(*np.diff(line, axis=0).T).sum() for line in one.polylines]
        np.add.at(pixels, one.polyline_labels, np.maximum(lengths, 1))
        sides += [float(side) / longer for side in np.sqrt(np.prod(one.boxes[:, 2:] - one.boxes[:, :2] + 1, axis=1))]
    for entry in spread([entry for entry in labels.images.values() if entry.annotations.mask_path], MOST_PICTURES):
        mask = class_ids(str(entry.annotations.mask_path), table)
        pixels += np.bincount(mask.ravel(), minlength=256)[: len(pixels)]
        sides += [side / max(mask.shape) for side in region_sides(mask)]
    shares = tuple((pixels / max(1.0, pixels.sum())).round(6).tolist())
    small = float(np.quantile(sides, 0.25)) if sides else None
    return Fingerprint(labels.classes, len(labels.images), size, kinds, alone, shares, small)


def kinds_of(labels: WeakAnnotations) -> set[str]:
    """Return the kinds of labels of an image, by their names in plain language."""
    there = {name: getattr(labels, name) for name in KINDS}
    empty = {name for name, value in there.items() if value is None or (not isinstance(value, str) and not len(value))}
    if labels.tags is not None:
        empty.discard('tags')
    return {KINDS[name] for name in there if name not in empty}


def region_sides(mask: npt.NDArray[np.integer], smallest: int = 16) -> list[float]:
    """Return the square root of the area of every region of a foreground class.

    Args:
        mask: Class ids, 255 where unlabelled.
        smallest: Regions with fewer pixels are left out.
    """
    sides: list[float] = []
    for label in np.setdiff1d(mask, [0, 255]):
        areas = cv2.connectedComponentsWithStats((mask == label).astype(np.uint8))[2][1:, cv2.CC_STAT_AREA]
        sides += [float(area) ** 0.5 for area in areas if area >= smallest]
    return sides


def measure_pictures(paths: Sequence[str | Path]) -> Pictures:
    """Read some pictures for sizes, depth and colours.

    Args:
        paths: The picture files.

    Raises:
        ValueError: If one cannot be read, or they have different depths or bands.
    """
    sizes = np.array([image_size(path) for path in paths])
    median = (int(np.median(sizes[:, 0])), int(np.median(sizes[:, 1])))
    kinds: dict[tuple[str, int], str | Path] = {}
    pictures = []
    for path in spread(list(paths), MOST_PICTURES):
        picture = read_bands(Path(path).read_bytes(), str(path))
        kinds.setdefault((str(picture.dtype), picture.shape[2]), path)
        picture = picture[..., :3] if picture.shape[2] >= 3 else picture[..., :1]
        pictures.append(picture.reshape(-1, picture.shape[2])[:: max(1, picture.size // 60_000)].astype(np.float64))
    if len({dtype for dtype, _ in kinds}) > 1:
        shown = ', '.join(f'{path} ({dtype}, {bands} bands)' for (dtype, bands), path in kinds.items())
        raise ValueError(f'the pictures have different depths: {shown}. Convert them to one, or make two data sets')
    dtype, bands = max(kinds, key=lambda kind: kind[1])
    bits = np.dtype(dtype).itemsize * 8
    colours = max(one.shape[1] for one in pictures)
    pixels = np.concatenate([np.broadcast_to(one, (len(one), colours)) for one in pictures])
    values = (0.0, 255.0)
    if bits > 8:
        low, high = (float(value) for value in np.nanpercentile(pixels, (0.5, 99.5)))
        low, high = (float(np.floor(low)), float(np.ceil(high))) if np.dtype(dtype).kind in 'ui' else (low, high)
        values = (low, high if high > low else low + 1)
        pixels = ((np.nan_to_num(pixels, nan=low) - low) * 255 / (values[1] - low)).clip(0, 255)
    mean, std = pixels.mean(axis=0), pixels.std(axis=0)
    return Pictures(
        median, bits, bands, tuple(mean.round(2).tolist()), tuple(np.maximum(std, 1).round(2).tolist()), values
    )
