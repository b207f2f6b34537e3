"""Find the photos and videos to predict."""

from __future__ import annotations

import glob
import logging
from collections.abc import Sequence
from pathlib import Path

from mmengine.logging import print_log

from ..datasets.own_data.folders import SUFFIXES, files_in
from .video_frames import VIDEO_SUFFIXES

OTHER_PICTURES = ('.avif', '.gif', '.heic', '.heif', '.jp2', '.jxl')
"""Endings of pictures that are not taken from a folder, in lower case."""


def find_photos(sources: Sequence[str]) -> dict[str, Path]:
    """Return photos by name: their path below the folder that was given, without the suffix.

    Args:
        sources: Folders, which are searched with their subfolders, files, or patterns such as ``'photos/*.jpg'``. A
            file may also be a video; those in a folder are left out, with a warning, and so are hidden files.

    Raises:
        FileNotFoundError: If there are no photos.
        ValueError: If two photos have the same name.
    """
    found: dict[str, Path] = {}
    for source in sources:
        root = Path(source)
        if root.is_dir():
            there = files_in(root, (*SUFFIXES, *OTHER_PICTURES, *VIDEO_SUFFIXES))
            files = [file for file in there if file.suffix.lower() in SUFFIXES]
            tell_passed_over(root, there)
        else:
            files = [root] if root.is_file() else sorted(Path(name) for name in glob.glob(source, recursive=True))
            root = root.parent
        if not files:
            raise FileNotFoundError(
                f'no photos at {source}: expected a folder with files that end in {", ".join(SUFFIXES)}, a file, or a '
                "pattern such as 'photos/*.jpg'"
            )
        for file in files:
            inside = file.is_relative_to(root) and root.is_dir()
            name = (file.relative_to(root) if inside else Path(file.name)).with_suffix('').as_posix()
            if found.get(name, file) != file:
                raise ValueError(
                    f'{found[name]} and {file} would both be written as {name}.png: predict them into two folders'
                )
            found[name] = file
    return found


def tell_passed_over(folder: Path, files: Sequence[Path]) -> None:
    """Warn about pictures and videos of a folder that are not predicted, with their number and an example."""
    for suffixes, advice in ((OTHER_PICTURES, 'save them as PNG or JPEG'), (VIDEO_SUFFIXES, 'name each video')):
        found = [file for file in files if file.suffix.lower() in suffixes]
        if found:
            print_log(
                f'{folder}: {len(found)} {"file is" if len(found) == 1 else "files are"} passed over, such as '
                f'{found[0].relative_to(folder)}: {advice} to predict {"it" if len(found) == 1 else "them"}',
                logger='current',
                level=logging.WARNING,
            )
