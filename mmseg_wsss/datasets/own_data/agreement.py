"""Compare clicks and scribbles with the masks of the same images: do both count the classes in the same way?"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt

from ...structures import WeakAnnotations, WeakLabelSet
from ..formats.index_png import load_index_image
from ..image_checks import spread

MOST_IMAGES = 50
FEWEST_PIXELS = 10
"""With fewer labelled pixels, nothing is said."""
HIGH, LOW = 0.7, 0.5


@dataclass(frozen=True)
class Agreement:
    """Labelled pixels of images that also have a mask.

    Args:
        pixels: Their number.
        same: How many of them have the class id of the mask.
        shifted: How many of them have the class id of the mask plus one.
    """

    pixels: int = 0
    same: int = 0
    shifted: int = 0

    @property
    def is_shifted(self) -> bool:
        """Whether the masks count the classes from 0 and the labels from 1."""
        return self.pixels >= FEWEST_PIXELS and self.shifted >= HIGH * self.pixels and self.same < LOW * self.pixels

    def says(self) -> str:
        """Return a warning if labels and masks contradict each other; otherwise an empty text."""
        if self.pixels < FEWEST_PIXELS or self.same >= LOW * self.pixels:
            return ''
        return (
            f'only {self.same} of {self.pixels} clicks and ends of scribbles lie on their own class in the masks: '
            'name the classes in the order of the ids in the masks (--classes), and look with "wsss browse" whether '
            'labels and masks fit the pictures'
        )


def compare_with_masks(labels: WeakLabelSet, masks: Mapping[str, Path]) -> Agreement:
    """Compare the labels of images with their masks.

    Args:
        labels: The labels.
        masks: Masks of class ids by image id, with their original values; those of other sizes are not compared.
    """
    pixels = same = shifted = 0
    for key in spread([key for key in labels.images if key in masks], MOST_IMAGES):
        places, ids = labelled_pixels(labels.images[key].annotations)
        mask = load_index_image(masks[key]).astype(np.int64)
        if labels.images[key].size != mask.shape[::-1]:
            continue
        x, y = np.floor(places + 0.5).astype(int).T
        values = mask[y.clip(0, len(mask) - 1), x.clip(0, mask.shape[1] - 1)]
        known = values < len(labels.classes)
        pixels += int(known.sum())
        same += int((values[known] == ids[known]).sum())
        shifted += int((values[known] + 1 == ids[known]).sum())
    return Agreement(pixels, same, shifted)


def labelled_pixels(one: WeakAnnotations) -> tuple[npt.NDArray[np.float64], npt.NDArray[np.int64]]:
    """Return (x, y) and the class ids of all clicks and of both ends of all scribbles."""
    ends = [line[[0, -1]] for line in one.polylines]
    places = np.concatenate([one.points.reshape(-1, 2), *ends])
    return places, np.concatenate([one.point_labels, np.repeat(one.polyline_labels, 2)]).astype(np.int64)


def has_label(labels: WeakLabelSet, label: int) -> bool:
    """Whether any click, scribble, box or tag has this class; dense masks are not read."""
    return any(
        label in ids
        for entry in labels.images.values()
        for one in (entry.annotations,)
        for ids in (one.point_labels, one.polyline_labels, one.box_labels, one.tags or ())
    )
