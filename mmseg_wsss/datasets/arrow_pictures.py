"""Check the image files of a label set in Arrow: in several processes, and once for all ranks and later runs."""

from __future__ import annotations

import hashlib
import multiprocessing
import os
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from itertools import chain
from pathlib import Path
from typing import Any, TypeVar

import numpy as np

from ..structures.weak_annotations import IntArray
from .formats.arrow_images import ArrowImages, ByPosition
from .formats.columns import BoolArray
from .image_checks import check_mask_sizes, missing_images, wrong_sizes
from .picture_headers import PictureHeader, read_header
from .picture_loading import check_loading, check_orientations, size_of
from .remembered import Checked, SizeArray, content_hash, remembered
from .workers import each

Made = TypeVar('Made')
CHUNK = 2000
"""Number of images that a process reads at once; fewer are read without a second process."""
STAMPS = 50_000
"""Number of images whose times a process reads at once."""
MISSING = -1


@dataclass(frozen=True)
class PictureChecks:
    """What is checked.

    Args:
        images: The images of the label set.
        folder: The image folder.
        source: The file that lists the images, for messages.
        loader: The transform that loads them.
        masks: Whether to check that the dense masks exist and have the size of their image.
    """

    images: ArrowImages
    folder: str
    source: str
    loader: Any
    masks: bool = False

    def path(self, position: int) -> str:
        """Return the path of an image."""
        return str(Path(self.folder) / self.images.file_name(position))

    def run(self, stated: SizeArray, *, again: bool = False) -> Checked:
        """Return (width, height) of all images, (N, 2), and what happens to them, as ``look_at_images`` does.

        The result is remembered under the content of the label files, and the sizes and times of all images (and
        masks, if they are checked), so that one that is removed or written over is noticed.

        Args:
            stated: (width, height) in the label files, (N, 2), 0 if unknown.
            again: Whether to check everything again.

        Raises:
            FileNotFoundError: If an image or a mask is missing.
            ValueError: If a file is not an image, or its size differs from the stated one or from that of the image.
        """
        return remembered(self.key(), lambda: self.check(stated), again=again)

    def key(self) -> str:
        """Return a hash of everything that the result depends on."""
        images, names = self.images, hashlib.sha256()
        if images.keys_given is not None:
            for key in images.keys_given:
                names.update(f'{key}\n'.encode())
        settings = (Path(self.folder).resolve(), images.img_suffix, names.hexdigest(), repr(self.loader), self.masks)
        return content_hash(images.files.paths, *settings, *_in_processes(_stamp, self, STAMPS))

    def check(self, stated: SizeArray) -> Checked:
        """Check all files; see :meth:`run`."""
        parts = list(_in_processes(_look, self, CHUNK))
        distinct = list(dict.fromkeys(header for part in parts for header in part.headers))
        numbers = {header: number for number, header in enumerate(distinct)}
        codes = np.concatenate([_renumbered(part, numbers) for part in parts])
        if lost := int((codes == MISSING).sum()):
            first = int((codes == MISSING).argmax())
            raise missing_images(self.source, len(codes), lost, self.images.key(first), self.path(first))
        sizes = np.array([size_of(header, self.loader) for header in distinct], dtype=np.int32).reshape(-1, 2)[codes]
        known: BoolArray = np.asarray((stated > 0).all(axis=1))
        bad: BoolArray = np.asarray(known & (sizes != stated).any(axis=1))
        if bad.any():
            first = int(bad.argmax())
            given, found = ((int(size[first][0]), int(size[first][1])) for size in (stated, sizes))
            key, header = self.images.key(first), distinct[codes[first]]
            raise wrong_sizes(self.source, key, self.path(first), given, found, header, int(bad.sum()))
        for part in parts:
            if part.fault is not None:
                raise part.fault
        paths = ByPosition(self.images, self.path)
        headers = ByPosition(self.images, lambda position: distinct[codes[position]])
        settled = (key for key, of_file in zip(self.images, known, strict=True) if of_file)
        turned = any(header.orientation != 1 for header in distinct)
        findings = check_orientations(paths, headers, self.loader, settled) if turned else []
        return sizes, [*findings, *check_loading(paths, headers, self.loader)]


@dataclass(frozen=True)
class _Part:
    """The headers of some images: ``headers[codes[i]]`` is that of image i."""

    headers: list[PictureHeader]
    codes: IntArray
    fault: Exception | None = None


def _renumbered(part: _Part, numbers: dict[PictureHeader, int]) -> IntArray:
    table = np.array([*(numbers[header] for header in part.headers), MISSING], dtype=np.int64)
    return table[part.codes]


def _in_processes(
    call: Callable[[PictureChecks, tuple[int, int]], Made], checks: PictureChecks, size: int
) -> Iterator[Made]:
    count = len(checks.images)
    ranges = [(start, min(start + size, count)) for start in range(0, count, size)]
    workers = 1 if multiprocessing.current_process().daemon else 0  # a data worker cannot have workers
    return each(partial(call, checks), ranges, workers=workers, title='checking images', gpu=False)


def _stamp(checks: PictureChecks, part: tuple[int, int]) -> str:
    """A hash of the sizes of files, and of the times when they were last written."""
    digest = hashlib.sha256()
    files = (os.path.join(checks.folder, name) for name in checks.images.file_names(*part))
    masks = (mask for position in range(*part) if (mask := checks.images.mask(position))) if checks.masks else ()
    for file in chain(files, masks):
        try:
            found = os.stat(file)
            digest.update(b'%d %d\n' % (found.st_size, found.st_mtime_ns))
        except OSError:
            digest.update(b'none\n')
    return digest.hexdigest()


def _look(checks: PictureChecks, part: tuple[int, int]) -> _Part:
    headers: dict[PictureHeader, int] = {}
    codes, fault = [], None
    for position in range(*part):
        path = checks.path(position)
        if not os.path.isfile(path):
            codes.append(MISSING)
            continue
        header = read_header(path)
        codes.append(headers.setdefault(header, len(headers)))
        if checks.masks and fault is None:
            fault = _mask_fault(checks, position, header)
    return _Part(list(headers), np.array(codes, dtype=np.int32), fault)


def _mask_fault(checks: PictureChecks, position: int, header: PictureHeader) -> Exception | None:
    mask = checks.images.mask(position)
    try:
        if mask is not None:
            key = checks.images.key(position)
            check_mask_sizes({key: mask}, {key: size_of(header, checks.loader)})
    except (FileNotFoundError, ValueError) as error:
        return error
    return None
