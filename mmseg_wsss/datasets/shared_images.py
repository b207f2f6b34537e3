"""Images that are trained on and evaluated: their scores say nothing about new images."""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from filecmp import cmp
from typing import Any

from .findings import WARNING, Finding

MOST_IMAGES = 20_000
"""More training images take too long before every training."""
SAMPLE = 256


def shared_images(train: Sequence[str], evaluated: Sequence[str]) -> list[str]:
    """Return the evaluated images that are also training images: the same file, or a copy with the same bytes.

    Args:
        train: Files of the training images.
        evaluated: Files of the images that are evaluated.
    """
    places, by_size = set(), dict[int, list[str]]()
    for path in train:
        found = os.stat(path)
        places.add((found.st_dev, found.st_ino))
        by_size.setdefault(found.st_size, []).append(path)
    alike: dict[int, dict[bytes, list[str]]] = {}  # whole files are only compared if their samples are the same
    shared = []
    for path in evaluated:
        found = os.stat(path)
        size = found.st_size
        if size in by_size and size not in alike:
            alike[size] = {}
            for other in by_size[size]:
                alike[size].setdefault(_sample(other, size), []).append(other)
        same = alike[size].get(_sample(path, size), []) if size in alike else []
        if (found.st_dev, found.st_ino) in places or any(cmp(path, other, shallow=False) for other in same):
            shared.append(path)
    return shared


def shared_finding(train: Any, evaluated: Any) -> list[Finding]:
    """Return a warning if images of the validation are training images as well.

    Args:
        train: The training data.
        evaluated: The data of the validation.
    """
    if len(train) > MOST_IMAGES:
        return []
    listed = list(_image_files(evaluated))
    shared = shared_images(list(_image_files(train)), listed)
    if not shared:
        return []
    text = f'{len(shared)} of {len(listed)} images of the validation are training images, too (first: {shared[0]})'
    return [Finding(WARNING, text, 'their scores say nothing about new images: leave them out of one of the two')]


def _image_files(dataset: Any) -> Iterator[str]:
    """Yield the image files of a data set, also inside of wrappers; data sets that draw their images have none."""
    parts = getattr(dataset, 'datasets', None) or [part for part in [getattr(dataset, 'dataset', None)] if part]
    for part in parts:
        yield from _image_files(part)
    if not parts and hasattr(dataset, 'get_data_info'):
        infos = (dataset.get_data_info(index) for index in range(len(dataset)))
        yield from (info['img_path'] for info in infos if os.path.isfile(info.get('img_path') or ''))


def _sample(path: str, size: int) -> bytes:
    """Some bytes from the middle of a file: pictures that are not compressed all have the same size."""
    with open(path, 'rb') as file:
        file.seek(size // 2)
        return file.read(SAMPLE)
