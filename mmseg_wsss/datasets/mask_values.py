"""Check whether dense masks contain class ids of a list of classes."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from itertools import chain

import numpy as np
import numpy.typing as npt

from ..structures.weak_annotations import IntArray
from .formats.index_png import hint_of_values, load_index_image
from .formats.picture_files import unlimited

Mask = npt.NDArray[np.integer]


@dataclass(frozen=True)
class MaskValues:
    """Contents of masks.

    Args:
        num_masks: Number of masks.
        num_read: Number of masks that were read.
        images: Number of masks that contain each class id, (256,); at ``ignore_index``, with unlabelled pixels.
        ignore_index: The unlabelled value.
    """

    num_masks: int
    num_read: int
    images: IntArray
    ignore_index: int = 255

    @property
    def labelled(self) -> bool:
        """Whether any of these masks has a labelled pixel."""
        return bool(np.delete(self.images, self.ignore_index).any())

    @property
    def read(self) -> str:
        """Which masks were read, for messages."""
        return (
            f'the {self.num_masks} masks'
            if self.num_read == self.num_masks
            else (f'the {self.num_read} masks that were read, of {self.num_masks},')
        )

    @property
    def background_or_nothing(self) -> bool:
        """Whether the masks only contain 0 and the unlabelled value, and no mask is completely unlabelled."""
        return bool(self.images[0] and self.images[self.ignore_index]) and not self.foreground

    @property
    def foreground(self) -> bool:
        """Whether any mask contains a class other than 0."""
        return bool(np.delete(self.images, [0, self.ignore_index]).any())


def check_mask_values(
    masks: Mapping[str, str],
    keys: Sequence[str],
    num_classes: int,
    ignore_index: int,
    *,
    background_shift: int = 0,
    label_map: Mapping[int, int] | None = None,
    any_values: bool = False,
    look: Callable[[str, Mask], None] | None = None,
) -> MaskValues:
    """Check that masks contain class ids.

    If the masks that are read only contain 0 and ``ignore_index``, ``ignore_index`` may be the object. The other masks
    are then read as well, up to the first one that contains an object.

    Args:
        masks: Mask files by image id.
        keys: Ids of the images whose masks are read.
        num_classes: Number of classes.
        ignore_index: The value of unlabelled pixels.
        background_shift: 1 if files count classes from 1 (``reduce_zero_label``), otherwise 0.
        label_map: The class of every value in the files that is changed; None: no values are changed.
        any_values: Whether values that are not class ids are allowed, because a ``label_map`` may change them.
        look: Function that is called with the image id and the class ids of every mask that is read.

    Raises:
        ValueError: If a mask has a value that is neither a class id nor ``ignore_index``.
    """
    table: npt.NDArray[np.integer] = np.arange(256)
    if background_shift:
        table = np.where(table == 0, ignore_index, table - 1)
        table[ignore_index] = ignore_index
    for old, new in (label_map or {}).items():
        table[old] = new % 256
    images, num_read = np.zeros(256, dtype=np.int64), 0
    first = set(keys)
    rest = (key for key in masks if key not in first)
    for number, key in enumerate(chain(keys, rest)):
        found = MaskValues(len(masks), num_read, images, ignore_index)
        if number >= len(keys) and not found.background_or_nothing:
            break
        mask = _read(key, masks[key])
        values = np.unique(mask)
        if not any_values:
            _check_ids(key, masks[key], values.tolist(), num_classes + background_shift, num_classes, ignore_index)
        images[np.unique(table[values[(values >= 0) & (values < 256)]])] += 1
        num_read += 1
        if look is not None:
            look(key, table[mask] if mask.size and 0 <= mask.min() <= mask.max() < 256 else mask)
    return MaskValues(len(masks), num_read, images, ignore_index)


def _read(key: str, path: str) -> Mask:
    try:
        with unlimited():
            return load_index_image(path)
    except ValueError as error:
        raise ValueError(f'image {key!r}: its mask {error}') from error


def _check_ids(key: str, path: str, values: list[int], end: int, num_classes: int, ignore_index: int) -> None:
    unknown = [value for value in values if not 0 <= value < end and value != ignore_index]
    if not unknown:
        return
    raise ValueError(
        f'image {key!r}: its mask {path} holds the values {unknown[:8]}, which are neither ids of the '
        f'{num_classes} classes (0..{end - 1}) nor {ignore_index} (unlabelled). '
        'Masks hold class ids, not grey levels of a picture: convert them, or add the missing classes, or write '
        f'{ignore_index} instead of a value that means unlabelled.{hint_of_values(values, end, ignore_index)}'
    )
