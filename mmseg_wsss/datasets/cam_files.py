"""Class activation maps on disk, which one stage of a training passes to the next.

A folder holds ``cams/<image id>.npz``, see :class:`ImageCAMs`, and ``cams.json``: classes, images and where the maps
came from. Shape letters: K foreground classes of an image, H x W its pixels, h x w = ceil(H / 4) x ceil(W / 4).
"""

from __future__ import annotations

import zipfile
import zlib
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt

from ..files import path_inside, whole_file
from .index_file import FolderIndex

INDEX = 'cams.json'
FOLDER = 'cams'
STRIDE = 4

MAX_BYTES = 2**31
"""Largest size of the maps of an image in memory: those of 80 classes in an image of 200 megapixels are smaller."""


@dataclass(frozen=True, eq=False)
class ImageCAMs:
    """The class activation maps of an image.

    Args:
        classes: Ids of its foreground classes, (K,) int64, ascending, from 1; the background, 0, does not have a map.
            May be empty.
        scores: One map per class, (K, h, w) float16 in [0, 1], divided by its maximum.
        size: (H, W) of the original image.

    Raises:
        ValueError: If the shapes do not match, or values are out of range.
    """

    classes: npt.NDArray[np.int64]
    scores: npt.NDArray[np.float16]
    size: tuple[int, int]

    def __post_init__(self) -> None:
        expected = (len(self.classes), *grid_size(self.size))
        if self.scores.shape != expected or self.scores.dtype != np.float16:
            raise ValueError(
                f'scores must be float16 {expected}, for {expected[0]} classes and a quarter of the image '
                f'{tuple(self.size)}, got {self.scores.dtype} {self.scores.shape}'
            )
        ids = self.classes
        if ids.dtype != np.int64 or ids.ndim != 1 or (ids < 1).any() or (np.diff(ids) <= 0).any():
            raise ValueError(f'classes must be ascending int64 ids from 1, got {ids.dtype} {ids.tolist()}')
        if not ((self.scores >= 0) & (self.scores <= 1)).all():
            raise ValueError(f'scores must be in [0, 1], got {self.scores.min()}..{self.scores.max()}')


def grid_size(size: tuple[int, int]) -> tuple[int, int]:
    """Return the size (h, w) of the maps for an image of ``size`` (H, W)."""
    return -(-int(size[0]) // STRIDE), -(-int(size[1]) // STRIDE)


def write_cams(folder: str | Path, image_id: str, cams: ImageCAMs) -> None:
    """Write the file of an image in one step; a killed process does not leave a partial file behind.

    Args:
        folder: The folder of the maps.
        image_id: Id of the image; may contain slashes.
        cams: Maps of the image.

    Raises:
        ValueError: If the id leads out of the folder.
    """
    size = np.array(cams.size, dtype=np.int64)
    with whole_file(_path(folder, image_id)) as file:
        np.savez_compressed(file, classes=cams.classes, scores=cams.scores, size=size)


def read_cams(folder: str | Path, image_id: str) -> ImageCAMs:
    """Read the file of an image.

    Raises:
        FileNotFoundError: If the file is missing.
        ValueError: If the file is damaged, or the id leads out of the folder.
    """
    path = _path(folder, image_id)
    if not path.is_file():
        raise FileNotFoundError(f'{path} is missing: {_cure(folder)}')
    try:
        with zipfile.ZipFile(path) as parts:
            size = sum(part.file_size for part in parts.infolist())
        if size > MAX_BYTES:
            raise ValueError(f'its maps take {size} bytes when they are decompressed, more than {MAX_BYTES}')
        with np.load(path) as file:
            height, width = file['size'].tolist()
            return ImageCAMs(file['classes'], file['scores'], (height, width))
    except (KeyError, ValueError, TypeError, EOFError, OSError, zlib.error, zipfile.BadZipFile) as error:
        raise ValueError(f'{path} is damaged ({error}): {_cure(folder)}') from error


def write_cam_index(folder: str | Path, index: FolderIndex) -> None:
    """Write ``cams.json``. It is written last, so a folder that has it is complete."""
    index.write(Path(folder) / INDEX)


def read_cam_index(folder: str | Path) -> FolderIndex:
    """Read ``cams.json``.

    Raises:
        FileNotFoundError: If the file is missing.
        ValueError: If the file is damaged.
    """
    return FolderIndex.read(Path(folder) / INDEX, _cure(folder))


def _path(folder: str | Path, image_id: str) -> Path:
    return path_inside(Path(folder) / FOLDER, f'{image_id}.npz')


def _cure(folder: str | Path) -> str:
    return f'"wsss cams CONFIG CHECKPOINT -o {folder}" or a WriteCAMs stage writes it'
