"""The frames of videos, as photos."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import numpy.typing as npt

VIDEO_SUFFIXES = ('.avi', '.m4v', '.mkv', '.mov', '.mp4', '.mpeg', '.mpg', '.webm', '.wmv')
"""Endings of the files that are read as videos, in lower case."""


def is_video(path: Path) -> bool:
    """Return whether a file is a video, by its ending."""
    return path.suffix.lower() in VIDEO_SUFFIXES


def read_frames(path: Path, every: int = 1) -> Iterator[tuple[int, npt.NDArray[np.uint8]]]:
    """Yield the frames of a video: their number, from 0, and BGR, (H, W, 3).

    Args:
        path: The file, in a format that OpenCV reads.
        every: Yield every n-th frame only; the others are not decoded.

    Raises:
        ValueError: If it is not a video that OpenCV reads, or has no frame.
    """
    video = cv2.VideoCapture(str(path))
    number = 0
    try:
        while video.grab():
            if number % every == 0:
                good, frame = video.retrieve()
                if not good:
                    raise ValueError(f'{path}: frame {number} cannot be decoded')
                yield number, np.asarray(frame, dtype=np.uint8)
            number += 1
    finally:
        video.release()
    if number == 0:
        raise ValueError(f'{path} cannot be read as a video: OpenCV found no frame in it')


def frame_files(videos: Mapping[str, Path], every: int = 1) -> Iterator[tuple[str, Path]]:
    """Yield name and file of each frame of some videos.

    A frame is a PNG file, which is there until the next one is asked for; its name is that of the video and its number,
    such as ``film/000012``.

    Args:
        videos: Files by name.
        every: Same as in :func:`read_frames`.

    Raises:
        ValueError: If a video cannot be read.
    """
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / 'frame.png'
        for name, path in videos.items():
            for number, frame in read_frames(path, every):
                file.write_bytes(cv2.imencode('.png', frame)[1].tobytes())
                yield f'{name}/{number:06d}', file


def count_frames(videos: Mapping[str, Path], every: int = 1) -> int:
    """Return the number of frames of some videos, as far as their headers say it."""
    return sum(_frames_of_header(path, every) for path in videos.values())


def _frames_of_header(path: Path, every: int) -> int:
    video: Any = cv2.VideoCapture(str(path))
    count = max(0, int(video.get(cv2.CAP_PROP_FRAME_COUNT)))
    video.release()
    return -(-count // every)
