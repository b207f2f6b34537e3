"""What the last validation of a run leaves for a report: confusions, the IoU of each image, and some pictures."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from ..files import whole_file

FOLDER = 'validation'
SCORES = 'scores.json'
ENDS = ('worst', 'best')


@dataclass(frozen=True)
class Picture:
    """A drawn image of a validation.

    Args:
        end: ``'worst'`` or ``'best'``.
        name: File name of the image.
        score: Mean IoU of the image, in percent.
        path: File of the picture: photo, prediction and truth side by side.
    """

    end: str
    name: str
    score: float
    path: Path


@dataclass(frozen=True)
class ValidationRecord:
    """A validation.

    Args:
        classes: Names of the classes.
        confusion: Numbers of pixels, a row for each true class, a column for each predicted class.
        images: Mean IoU of each image in percent, over the classes in its prediction or its truth, by file name.
        pictures: The worst images, worst first, and the best, best first.
    """

    classes: Sequence[str]
    confusion: Sequence[Sequence[int]]
    images: Mapping[str, float]
    pictures: Sequence[Picture] = ()


def write_record(
    work_dir: str | Path,
    classes: Sequence[str],
    confusion: Sequence[Sequence[int]],
    images: Mapping[str, float],
    drawn: Mapping[str, Sequence[tuple[str, bytes]]],
) -> None:
    """Write the record of a validation, which replaces that of an earlier one.

    Args:
        work_dir: The folder of the run.
        classes: Same as in :class:`ValidationRecord`.
        confusion: Same as in :class:`ValidationRecord`.
        images: Same as in :class:`ValidationRecord`.
        drawn: For each of :data:`ENDS` the file names of its images and their pictures as JPEG files.
    """
    folder = Path(work_dir) / FOLDER
    for end in ENDS:
        for old in folder.glob(f'{end}_*.jpg'):
            old.unlink()
    listed = []
    for end, pictures in drawn.items():
        for number, (name, content) in enumerate(pictures, start=1):
            file = f'{end}_{number}.jpg'
            with whole_file(folder / file) as opened:
                opened.write(content)
            listed.append({'end': end, 'image': name, 'file': file})
    record = {'classes': [*classes], 'confusion': confusion, 'images': images, 'pictures': listed}
    with whole_file(folder / SCORES) as opened:
        opened.write(json.dumps(record).encode())


def read_record(work_dir: str | Path) -> ValidationRecord | None:
    """Return the record of the last validation of a run, or None if there is none.

    Args:
        work_dir: The folder of the run.
    """
    folder = Path(work_dir) / FOLDER
    if not (folder / SCORES).is_file():
        return None
    content = json.loads((folder / SCORES).read_text(encoding='utf-8'))
    images = content['images']
    pictures = [
        Picture(row['end'], row['image'], images[row['image']], folder / row['file'])
        for row in content['pictures']
        if (folder / row['file']).is_file()
    ]
    return ValidationRecord(content['classes'], content['confusion'], images, pictures)
