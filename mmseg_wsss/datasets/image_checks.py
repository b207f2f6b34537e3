"""Check before a training that the images of a data set exist, can be read, and have the stated sizes."""

from __future__ import annotations

import os
import unicodedata
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, TypeVar

import numpy as np
from mmcv.transforms import LoadImageFromFile

from .findings import Finding
from .picture_headers import PictureHeader, read_header
from .picture_loading import BOMB, UNTURNED, check_loading, check_orientations, size_of

Key = TypeVar('Key')
Size = tuple[int, int]


def image_size(path: str | Path, loader: Any = None) -> Size:
    """Return (width, height) as the image loader returns them, from the header of the file.

    Args:
        path: The image.
        loader: The transform that loads it; None: ``LoadImageFromFile``, which applies the EXIF orientation.

    Raises:
        FileNotFoundError: If the file does not exist.
        ValueError: If the file is not an image.
    """
    return size_of(read_header(path), LoadImageFromFile() if loader is None else loader)


def check_images(
    paths: Mapping[str, str], stated: Mapping[str, Size], source: str, loader: Any = None
) -> dict[str, Size]:
    """Check that images exist and have the size that the label file states; see :func:`look_at_images`."""
    return look_at_images(paths, stated, source, loader)[0]


def look_at_images(
    paths: Mapping[str, str], stated: Mapping[str, Size], source: str, loader: Any = None
) -> tuple[dict[str, Size], list[Finding]]:
    """Check that images exist, have the size that the label file states, and can be loaded.

    The header of every image is read, and one image of every kind (format, depth, bands) is loaded.

    Args:
        paths: Image files by image id.
        stated: (width, height) by image id, if a label file states it.
        source: The file that lists the images, for messages.
        loader: The transform that loads them; None: ``LoadImageFromFile``.

    Returns:
        The sizes by image id, as the loader returns them, and what happens to the images.

    Raises:
        FileNotFoundError: If an image is missing.
        ValueError: If a file is not an image, or its size differs from the stated one.
    """
    loader = LoadImageFromFile() if loader is None else loader
    missing = [key for key, path in paths.items() if not Path(path).is_file()]
    if missing:
        raise missing_images(source, len(paths), len(missing), missing[0], paths[missing[0]])
    headers = {key: read_header(path) for key, path in paths.items()}
    sizes = {key: size_of(header, loader) for key, header in headers.items()}
    wrong = [key for key, size in stated.items() if key in sizes and sizes[key] != tuple(size)]
    if wrong:
        key = wrong[0]
        given = (stated[key][0], stated[key][1])
        raise wrong_sizes(source, key, paths[key], given, sizes[key], headers[key], len(wrong))
    settled = [key for key in stated if key in sizes]
    return sizes, [*check_orientations(paths, headers, loader, settled), *check_loading(paths, headers, loader)]


@contextmanager
def naming_turned_images(findings: Iterable[Finding]) -> Iterator[None]:
    """Add to an error that labels lie outside of their image which images are turned, as findings say."""
    try:
        yield
    except ValueError as error:
        turned = [f'{finding}.' for finding in findings if 'EXIF orientation' in finding.text]
        raise ValueError(' '.join([str(error), *turned])) from error


def missing_images(source: str, number: int, missing: int, key: str, path: str) -> FileNotFoundError:
    """Return the error for images that are not on disk.

    Args:
        source: The file that lists the images.
        number: Number of images.
        missing: Number of missing images.
        key: Id of the first missing one.
        path: Its path.
    """
    return FileNotFoundError(
        f'{source} lists {number} images, but {missing} are not on disk. First: image {key!r}, '
        f'expected at {path}. {_of_another_form(path)}Check --images (in a config data_root, '
        'data_prefix["img_path"] and img_suffix), or list only the images to use in --split (ann_file).'
    )


def wrong_sizes(
    source: str, key: str, path: str, stated: Size, found: Size, header: PictureHeader, number: int
) -> ValueError:
    """Return the error for images that do not have the size that the label file states.

    Args:
        source: The file that lists the images.
        key: Id of the first such image.
        path: Its path.
        stated: Its (width, height) in the label file.
        found: Its (width, height) as the loader returns it.
        header: The header of the file.
        number: Number of such images.
    """
    return ValueError(
        f'{source}: image {key!r}: width and height are {stated[0]} x {stated[1]} in the label file, but '
        f'{path} is {found[0]} x {found[1]}. {_reason(header, found)} ({number} images differ.)'
    )


def _reason(header: PictureHeader, size: Size) -> str:
    """Return a reason why sizes may differ."""
    if size != (header.width, header.height):
        return (
            f'The file holds {header.width} x {header.height} pixels and an EXIF orientation of {header.orientation}, '
            'by which the loader turns it. Labels must be in pixels of the picture as it is shown, after turning; if '
            f'yours are in pixels of the file, {UNTURNED}.'
        )
    return 'Labels must be in pixels of the image on disk: was it resized after labelling?'


def check_forms(ids: Iterable[str], known: Iterable[str], source: str) -> None:
    """Check that no ids of a split file and of the labels only differ in their Unicode form.

    Raises:
        ValueError: If there is such an id, because its image would count as unlabelled.
    """
    forms = {unicodedata.normalize('NFC', key): key for key in known if not key.isascii()}
    for key in ids if forms else ():
        other = forms.get(unicodedata.normalize('NFC', key), key)
        if other != key:
            raise ValueError(
                f'{source}: the image id {key!a} has the same name in another Unicode form in the labels ({other!a}): '
                'write both in one form'
            )


def _of_another_form(path: str) -> str:
    """Return a hint if the names of a file and a missing one only differ in Unicode form, case or suffix."""
    folder, name = os.path.split(path)
    wanted = unicodedata.normalize('NFC', name)
    try:
        others = [other for other in os.listdir(folder) if other != name]
    except OSError:
        return ''
    for other in others:
        if unicodedata.normalize('NFC', other) == wanted:
            form = 'NFD' if unicodedata.is_normalized('NFD', other) else 'NFC'
            own = 'NFC' if unicodedata.is_normalized('NFC', name) else 'NFD'
            return (
                f'A file there has the same name in another Unicode form: {form} on disk ({other!a}), {own} in the '
                f'labels ({name!a}). Rename the files (convmv -f {form.lower()} -t {own.lower()}), or write the name '
                'into the labels as it is on disk. '
            )
        if other.lower() == name.lower():
            return f'A file there differs in upper and lower case alone: {other}. '
    stem = Path(name).stem
    same = [other for other in sorted(others) if Path(other).stem == stem and Path(other).suffix]
    return f'A file there has another suffix: {same[0]}. ' if same else ''


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
            raise FileNotFoundError(f'image {key!r}: its mask {path} is not on disk. {_of_another_form(path)}{cure}.')
        header = read_header(path)  # masks are loaded as they are stored
        size = (header.width, header.height)
        if size[0] * size[1] > BOMB:
            raise ValueError(
                f'image {key!r}: its mask {path} has {size[0]} x {size[1]} pixels, which the loader of masks does not '
                'take: cut images, masks and labels into tiles'
            )
        if size != sizes[key]:
            raise ValueError(
                f'image {key!r}: its mask {path} is {size[0]} x {size[1]}, the image {sizes[key][0]} x {sizes[key][1]} '
                f'(width x height); both must be equal. {cure}.'
            )


def spread(keys: Sequence[Key], count: int) -> list[Key]:
    """Return at most ``count`` keys, evenly spread over the sequence."""
    return list(keys) if len(keys) <= count else [keys[i] for i in np.linspace(0, len(keys) - 1, count).astype(int)]
