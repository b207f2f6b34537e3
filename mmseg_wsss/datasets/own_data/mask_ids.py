"""Convert the values of masks to class ids, with 255 for unlabelled."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt

from ...files import path_inside, whole_file
from ..formats.index_png import distinct, hint_of_values, load_index_image
from ..image_checks import spread
from ..pseudo_label_files import index_picture

UNLABELLED = 255
MOST_MASKS = 200
BACKGROUND_NAMES = ('background', '_background_', '__background__', 'bg', 'other', 'others', 'rest', 'none')


@dataclass(frozen=True)
class MaskIds:
    """Meaning of the values of masks.

    Args:
        table: Class id by value of the masks, 255 for unlabelled.
        says: What was found, in words; empty if masks do not have to be changed.
    """

    table: Mapping[int, int]
    says: str = ''

    @property
    def is_plain(self) -> bool:
        """Whether masks do not have to be changed."""
        return all(value == label for value, label in self.table.items())


def read_values(paths: Sequence[Path]) -> set[int]:
    """Return the values of masks; if there are many masks, of an evenly spread part of them."""
    return {int(value) for path in spread(list(paths), MOST_MASKS) for value in np.unique(load_index_image(path))}


def find_ids(values: set[int], num_classes: int, *, shift: int = 0, unlabelled: int | None = None) -> MaskIds:
    """Return the meaning of the values of masks.

    Args:
        values: The values in the masks.
        num_classes: Number of classes that the user names.
        shift: Number that is added to class ids: 1 if an empty class 0 is added before them.
        unlabelled: The value of unlabelled pixels; None: 255, or the only value that is not a class id.

    Raises:
        ValueError: If several values are neither ids nor unlabelled.

    Example:
        >>> find_ids({0, 1, 11}, 11).table
        {0: 0, 1: 1, 11: 255}
    """
    known = {*range(num_classes), unlabelled, UNLABELLED}
    strange = sorted(value for value in values if value not in known)
    said = []
    if unlabelled is None and num_classes == 2 and len(values) == 2 and min(values) == 0 and max(values) > num_classes:
        one = max(values)
        return MaskIds(
            {0: shift, one: 1 + shift}, f'masks hold 0 and {one}, so {one} is the one object and not "unlabelled"'
        )
    if unlabelled is None and len(strange) == 1:
        unlabelled, strange = strange[0], []
        said.append(f'masks hold the value {unlabelled} beside the {num_classes} classes, so it is unlabelled')
    if strange:
        raise ValueError(
            f'masks hold the values {strange[:8]}, which are neither ids of the {num_classes} classes (0 to '
            f'{num_classes - 1}) nor 255: name all classes with --classes, or the unlabelled value with --unlabelled.'
            + hint_of_values(sorted(values), num_classes)
        )
    if shift:
        said.append('class ids are counted from 1')
    table = {value: UNLABELLED if value in (unlabelled, UNLABELLED) else value + shift for value in sorted(values)}
    return MaskIds(table, ', and '.join(said))


def class_ids(path: str | Path, table: Mapping[int, int]) -> npt.NDArray[np.uint8]:
    """Return the class ids of a mask, (H, W), 255 where it is unlabelled.

    Args:
        path: The mask.
        table: Class id by value.

    Raises:
        ValueError: If the mask contains a value that is not in the table.
    """
    mask = load_index_image(path)
    labels = np.full(mask.shape, UNLABELLED, dtype=np.uint8)
    present = distinct(mask)
    if unknown := [value for value in present if value not in table]:
        raise ValueError(f'{path} holds the values {unknown[:8]}, which are not class ids')
    for value in present:
        labels[mask == value] = table[value]
    return labels


def write_masks(paths: Mapping[str, Path], folder: Path, ids: MaskIds, palette: Sequence[Sequence[int]]) -> None:
    """Write masks with changed values.

    Args:
        paths: Masks by image id.
        folder: Folder to write ``<image id>.png`` to.
        ids: Meaning of their values.
        palette: One RGB colour per class.

    Raises:
        ValueError: If a mask contains a value that was not seen before.
    """
    for key, path in paths.items():
        labels = class_ids(path, {UNLABELLED: UNLABELLED, **ids.table})
        with whole_file(path_inside(folder, f'{key}.png')) as file:
            index_picture(labels, palette).save(file, format='PNG')


def has_background(classes: Sequence[str]) -> bool:
    """Whether class 0 is a background, by its name.

    Example:
        >>> has_background(['_background_', 'cat']), has_background(['sky', 'road'])
        (True, False)
    """
    return classes[0].strip().lower() in BACKGROUND_NAMES
