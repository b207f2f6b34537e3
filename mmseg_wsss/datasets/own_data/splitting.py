"""Training and validation images."""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np

from ..formats.files import read_lines
from ..formats.split_names import SPLITS

SHARE = 0.2
MANY = 500
"""More validation images than this take long on a CPU."""
MOST = 200
"""The number of validation images that is enough."""
PLACES_OF_LISTS = ('', 'splits', 'ImageSets/Segmentation', 'ImageSets/Main')
"""Folders beside the images in which ``train.txt`` and ``val.txt`` may be."""


class Splits(NamedTuple):
    """Splits of images by their ids, and what they are read from."""

    of: Mapping[str, str]
    by: str


def split_images(
    labelled: Sequence[str],
    measured: Collection[str],
    *,
    seed: int = 0,
    group: str | None = None,
    splits: Splits | None = None,
) -> tuple[list[str], list[str], str]:
    """Return the ids of training and validation images, and how they were chosen.

    Splits that are given decide, or folders ``train`` and ``val`` or ``valid`` in the ids; other images are left out
    then. Otherwise, images with a mask and without a label are for validation. If there are none, a fifth of the images
    that have both is held out from the training, at most 200.

    Args:
        labelled: Images with labels.
        measured: Images with a mask.
        seed: Seed of the random choice.
        group: Regular expression; images in whose ids it finds the same text (its first group, if it has one) stay
            together, such as those of a patient or a video.
        splits: The splits that files give.

    Raises:
        ValueError: If the expression is wrong, finds nothing in an id, or finds the same text in all of them.

    Example:
        >>> split_images(['a', 'b', 'c'], ['d'])
        (['a', 'b', 'c'], ['d'], '1 images have a mask and no label: they are for validation')
    """
    if splits is None and group is None:
        folders = {key: split_of(key) for key in {*labelled, *measured}}
        if None not in folders.values():
            splits = Splits({key: split for key, split in folders.items() if split}, 'their folders')
    if splits is not None and group is None and {'train', 'val'} <= set(splits.of.values()):
        in_train = sorted(key for key in labelled if splits.of.get(key) == 'train')
        in_val = sorted(key for key in set(measured) if splits.of.get(key) == 'val')
        left = len({*labelled, *measured}) - len(in_train) - len(in_val)
        how = f'{len(in_train)} images are for training and {len(in_val)} for validation, by {splits.by}'
        how = f'{how}; {left} others are left out' if left else how
        return in_train, in_val, how if in_val else f'{how}; none of those has a mask: nothing will be measured'
    alone = sorted(set(measured) - set(labelled))
    if alone:
        how = f'{len(alone)} images have a mask and no label: they are for validation'
        return sorted(labelled), alone, how if len(alone) <= MANY else f'{how}; shorten val.txt if that takes too long'
    if not measured:
        return sorted(labelled), [], 'no image has a mask: nothing will be measured'
    groups = {key: _group(key, group) for key in sorted(labelled)}
    if group is not None and len(set(groups.values())) == 1:
        raise ValueError(f'--group {group!r} finds the same text in all image ids, so there is nothing to split by')
    names = sorted({groups[key] for key in groups if key in set(measured)})
    order = np.random.default_rng(seed).permutation(len(names)).tolist()
    wanted = min(MOST, max(1, round(SHARE * len(labelled))))
    chosen: set[str] = set()
    for index in order:
        if sum(groups[key] in chosen for key in groups) >= wanted or len(chosen) == len(names) - 1:
            break
        chosen.add(names[index])
    val = [key for key in groups if groups[key] in chosen and key in set(measured)]
    train = [key for key in groups if groups[key] not in chosen]
    if not val:
        return train, val, 'one image has a mask, which is not enough to keep one back: nothing will be measured'
    by = f'by {len(names)} groups' if group else f'by seed {seed}'
    return train, val, f'{len(val)} of {len(labelled)} images with masks are kept for validation, chosen {by}'


def find_lists(images: Path, ids: Collection[str]) -> Splits | None:
    """Return the splits of ``train.txt`` and ``val.txt`` beside a folder of images; None if they do not list these.

    A line may have the suffix of the image, the folders before it, or more columns.

    Args:
        images: The folder of the images.
        ids: The ids of the images.
    """
    for root in (images, images.parent):
        for place in PLACES_OF_LISTS:
            found: dict[str, str] = {}
            for path in sorted((root / place).glob('*.txt')):
                split = SPLITS.get(path.stem.lower())
                if split is not None and path.is_file():
                    found |= {
                        key: split for line in read_lines(path, 'the list of images') if (key := _listed(line, ids))
                    }
            if {'train', 'val'} <= set(found.values()):
                return Splits(found, f'the lists in {root / place}')
    return None


def _listed(line: str, ids: Collection[str]) -> str | None:
    """Return the image that a line of a list names, in its whole text or in its first column."""
    for text in (line, *line.split()[:1]):
        parts = [part for part in text.replace('\\', '/').split('/') if part not in ('', '.')]
        for place in range(len(parts)):
            name = '/'.join(parts[place:])
            for key in (name, name.rpartition('.')[0]):
                if key in ids:
                    return key
    return None


def split_of(key: str) -> str | None:
    """Return the split that the first folder with such a name in an image id stands for.

    Example:
        >>> split_of('valid/images/a'), split_of('a')
        ('val', None)
    """
    return next((SPLITS[part.lower()] for part in key.split('/')[:-1] if part.lower() in SPLITS), None)


def _group(key: str, group: str | None) -> str:
    if group is None:
        return key
    try:
        found = re.search(group, key)
    except re.error as error:
        raise ValueError(f'--group {group!r} is not a regular expression: {error}') from error
    if found is None:
        raise ValueError(f'--group {group!r} finds nothing in the image id {key!r}')
    text: str = found[1] if found.re.groups else found[0]
    return text
