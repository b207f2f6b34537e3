"""Which mask belongs to which image: by equal names, or by names that differ in an ending or a folder."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import replace
from itertools import takewhile
from pathlib import Path

from ...structures import WeakLabelSet
from .folders import IMAGE_NAMES, MASK_NAMES, OF_MASKS, Folders, pictures_in

OF_CITYSCAPES = ('_gtFine_labelTrainIds', '_gtFine_labelIds')
MASK_SUFFIXES = ('', '_mask', '_masks', '_gt', '_L', '_label', '_labels', '_seg', '_segmentation', *OF_CITYSCAPES)
"""Suffixes that the name of a mask may have after the name of its image."""
CHANNELS = ". Images of nnU-Net with a file for each channel ('_0000', '_0001') are not read: save them as one file"


def images_by_id(folders: Folders) -> dict[str, list[Path]]:
    """Return the images of a data set by id, without masks that are in folders beside them."""
    ending = folders.suffix[: folders.suffix.rindex('.')]
    found = pictures_by_id(folders.images, ending)
    if folders.masks != folders.images:
        return found
    return {key: paths for key, paths in found.items() if not _is_in_masks(key)}


def pictures_by_id(folder: Path, ending: str = '') -> dict[str, list[Path]]:
    """Return the pictures of a folder by image id; several if only their suffixes differ.

    Args:
        folder: The folder.
        ending: The ending of the names before the suffix that is not part of the ids, such as ``_leftImg8bit``.
    """
    found: dict[str, list[Path]] = {}
    for path in pictures_in(folder):
        key = path.relative_to(folder).with_suffix('').as_posix()
        found.setdefault(key.removesuffix(ending), []).append(path)
    return found


def find_masks(folders: Folders) -> dict[str, Path]:
    """Return the masks by the id of their image.

    Raises:
        ValueError: If no mask has the name of an image, or two have the same.
    """
    if folders.masks is None:
        return {}
    files, images = pictures_by_id(folders.masks), images_by_id(folders)
    names = {key: key for key in images}
    if folders.masks == folders.images:
        files = {_without_names(key): paths for key, paths in files.items() if _is_in_masks(key)}
        names = {_without_names(key): key for key in images}
    best = max((_matches(names, files, suffix) for suffix in _suffixes(files)), key=len)
    if not best:
        raise ValueError(
            f'no mask in {folders.masks} has the name of an image in {folders.images}: a mask must be called as its '
            f'image (first mask: {next(iter(files), "none")}, first image: {min(images, default="none")})'
            + (CHANNELS if any(key.endswith('_0001') for key in images) else '')
        )
    for key, masks in best.items():
        for several in (masks, images[key]):
            if len(several) > 1:
                raise ValueError(
                    f'{", ".join(map(str, several))} have the same name: only the suffix tells them apart, and a mask '
                    'is found by the name of its image. Rename them, or leave one'
                )
    return {key: best[key][0] for key in sorted(best)}


def paired(folders: Folders) -> Folders:
    """Return the folders with a suffix of images that contains the ending which their masks or labels do not have.

    In data of nnU-Net, ``a_0000.png`` has the mask ``a.png``, so that the suffix is ``_0000.png``.
    """
    others = folders.masks or folders.labels
    if others is None or others == folders.images or not others.is_dir():
        return folders
    files, keys = pictures_by_id(others), list(pictures_by_id(folders.images))
    if any(f'{key}{end}' in files for key in keys for end in MASK_SUFFIXES):
        return folders
    for ending in _common_endings(keys):
        names = {key.removesuffix(ending): key for key in keys}
        if any(_matches(names, files, end) for end in _suffixes(files)):
            return replace(folders, suffix=ending + folders.suffix)
    return folders


def keyed_as_masks(labels: WeakLabelSet, folders: Folders) -> WeakLabelSet:
    """Return labels whose ids do not have the ending that is part of the suffix of the images.

    Files of labels name images completely, such as ``a_rgb.jpg``, whose mask is ``a.png``.
    """
    if folders.suffix.startswith('.'):
        return labels
    images = {
        entry.file_name.removesuffix(folders.suffix) if entry.file_name.endswith(folders.suffix) else key: entry
        for key, entry in labels.images.items()
    }
    return replace(labels, images=images)


def _matches(names: dict[str, str], files: dict[str, list[Path]], end: str) -> dict[str, list[Path]]:
    return {key: files[name + end] for name, key in names.items() if name + end in files}


def _suffixes(keys: Iterable[str]) -> list[str]:
    """The endings that names of masks may have: usual ones, and those of all."""
    return [*MASK_SUFFIXES, *_common_endings(keys)]


def _common_endings(keys: Iterable[str]) -> list[str]:
    """What all names end with, from an underscore or a minus on, shortest first.

    Such as ``_leftImg8bit`` and ``_000019_leftImg8bit``.
    """
    backwards = zip(*(reversed(key.rpartition('/')[2]) for key in keys), strict=False)
    shared = [signs[0] for signs in takewhile(lambda signs: len({*signs}) == 1, backwards)]
    tail = ''.join(reversed(shared))
    return [tail[found.start() :] for found in reversed([*re.finditer('[_-]', tail)])]


def _is_in_masks(key: str) -> bool:
    return any(OF_MASKS.fullmatch(part) for part in key.split('/')[:-1])


def _without_names(key: str) -> str:
    """Leave out what the folders of an id say about images and masks."""
    *folders, name = key.split('/')
    kept = [_before_masks(part) for part in folders if part.lower() not in (*IMAGE_NAMES, *MASK_NAMES)]
    return '/'.join([*filter(None, kept), name])


def _before_masks(part: str) -> str:
    found = OF_MASKS.fullmatch(part)
    return found[1] if found else part
