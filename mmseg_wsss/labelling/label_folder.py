"""Labelling of the images of a data set one by one, into a folder of pseudo-labels.

Every writer of this package takes a folder, its settings and ``keep``. With ``keep=True`` it labels only images whose
files are missing or broken. The caller must make sure that an interrupted run has written the others with the same
settings. The result is that of an uninterrupted run. A writer that counts something that is not in the files labels all
images again, as the docstring of its settings explains.

Shape letters: H x W pixels of the original image.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, TypeVar

import numpy as np
import numpy.typing as npt
import torch
from mmengine.dist import all_gather_object, barrier, get_rank, get_world_size, is_main_process
from mmengine.logging import print_log
from scipy.ndimage import maximum_filter, minimum_filter

from ..datasets.formats.pseudo_labels import INDEX
from ..datasets.image_checks import image_size
from ..datasets.index_file import FolderIndex, IndexedImage
from ..datasets.pseudo_label_files import (
    UNSURE,
    load_coco_mask,
    read_pseudo_label,
    write_coco,
    write_index,
    write_pseudo_label,
)
from ..datasets.workers import Tally, each
from ..files import relative_name
from ..functional.checks import check_integer
from ..structures import ImageDataset, Sample

ClassIds = npt.NDArray[np.integer]
LabelAndConfidence = tuple[ClassIds, npt.NDArray[np.floating]]
"""Class ids, 255 where unsure, and the confidence in [0, 1], (H, W) each."""
Row = tuple[str, IndexedImage, int, int]
"""Id of an image, its entry in the index, and its numbers of unsure pixels and of all pixels."""
Kept = TypeVar('Kept')


@torch.no_grad()
def write_label_folder(
    dataset: ImageDataset,
    folder: str | Path,
    label_image: Callable[[int, Sample], LabelAndConfidence],
    source: Mapping[str, Any],
    *,
    coco_rle: bool = False,
    title: str = 'pseudo-labels',
    keep: bool = False,
    count_kept: Callable[[Sample, ClassIds], None] | None = None,
    workers: int = 1,
    tally: Tally | None = None,
) -> dict[str, Any]:
    """Label every image of a data set and write the pseudo-labels; images are divided among the processes.

    Args:
        dataset: An mmseg data set with ``classes`` and ``palette``.
        folder: The folder to write to; see :mod:`mmseg_wsss.datasets.pseudo_label_files`.
        label_image: Returns labels and confidence of an image from its index and its ``get_data_info``.
        source: How the labels are made, for the index.
        coco_rle: Whether to also write ``coco_rle.json``.
        title: Title of the progress bar.
        keep: Label only the images whose files are missing or broken; see the top of this module.
        count_kept: Called with the ``get_data_info`` and the labels of each image that is kept.
        workers: The number of processes in which images are labelled and written; see
            :mod:`mmseg_wsss.datasets.workers`.
        tally: What ``label_image`` counts.

    Returns:
        ``images``, the share ``unsure`` of all pixels, and the ``split`` of ``source``, if it has one.

    Raises:
        ImportError: If COCO RLE is requested and pycocotools is not installed, before anything is written.
        ValueError: If labels and their image differ in size.
    """
    if coco_rle:
        load_coco_mask()
    drop_index(folder)
    rows = {}
    for index, info, (row, labels) in kept_images(dataset, lambda info: _read(info, dataset, folder)) if keep else ():
        rows[index] = row
        if count_kept is not None:
            count_kept(info, labels)

    def write(index: int) -> tuple[int, Row]:
        info = dataset.get_data_info(index)
        labels, confidence = label_image(index, info)
        row = _row(info, dataset, labels)
        write_pseudo_label(folder, row[0], labels, confidence, dataset.metainfo['palette'])
        return index, row

    rows.update(each(write, missing_indices(dataset, rows), workers=workers, title=title, tally=tally))
    return _finish(dataset, folder, rows, source, coco_rle)


def _finish(
    dataset: ImageDataset, folder: str | Path, rows: Mapping[int, Row], source: Mapping[str, Any], coco_rle: bool
) -> dict[str, Any]:
    """Gather the rows of all processes, write the index, and return the summary."""
    of_all = [row for _, row in sorted(item for part in all_gather_object(rows) for item in part.items())]
    summary = {
        'images': len(of_all),
        'unsure': round(sum(row[2] for row in of_all) / max(1, sum(row[3] for row in of_all)), 4),
        **({'split': source['split']} if 'split' in source else {}),
    }
    index_file = make_index(dataset, {key: image for key, image, _, _ in of_all}, {**source, **summary})
    if is_main_process():
        if coco_rle:
            write_coco(folder, index_file)
        write_index(folder, index_file)
    barrier()
    return summary


def kept_images(dataset: ImageDataset, read: Callable[[Sample], Kept]) -> Iterator[tuple[int, Sample, Kept]]:
    """Yield the images of this process that an interrupted run has finished, and log their total number.

    Args:
        dataset: The data set.
        read: Reads the files of an image, given its ``get_data_info``. It raises ``FileNotFoundError`` or
            ``ValueError`` for an image that must be labelled again.

    Yields:
        Index, ``get_data_info``, and the content of the files.
    """
    count = 0
    for index in missing_indices(dataset):
        info = dataset.get_data_info(index)
        try:
            found = read(info)
        except (FileNotFoundError, ValueError):
            continue
        count += 1
        yield index, info, found
    total = sum(all_gather_object(count))
    print_log(f'{total} of {len(dataset)} images were finished before the interruption and are kept', logger='current')


def missing_indices(dataset: ImageDataset, done: Collection[int] = ()) -> list[int]:
    """Return the images of a data set for this process, without those that are finished."""
    return [index for index in range(get_rank(), len(dataset), get_world_size()) if index not in done]


def drop_index(folder: str | Path, name: str = INDEX) -> None:
    """Remove the index of an earlier run: while files are overwritten, the folder is not complete."""
    if is_main_process():
        (Path(folder) / name).unlink(missing_ok=True)
    barrier()


def unsure_borders(labels: ClassIds, width: int) -> ClassIds:
    """Return the labels with 255 at pixels with another label within ``width`` rows and columns.

    Args:
        labels: Class ids, (H, W).
        width: Width in pixels; with 0 the labels do not change.

    Raises:
        ValueError: If the width is not a non-negative integer.

    Example:
        >>> unsure_borders(np.array([[0, 0, 0, 1, 1, 1]]), 1).tolist()
        [[0, 0, 255, 255, 1, 1]]
    """
    check_border(width)
    size = 2 * width + 1
    same = maximum_filter(labels, size, mode='nearest') == minimum_filter(labels, size, mode='nearest')
    return np.where(same, labels, UNSURE)


def check_border(width: Any) -> None:
    """Raise ``ValueError`` unless ``width`` is a number of pixels."""
    check_integer(width, 'the width of unsure borders', least=0)


def make_index(dataset: ImageDataset, images: Mapping[str, IndexedImage], source: Mapping[str, Any]) -> FolderIndex:
    """Return the index of files that were made from the images of a data set."""
    palette = tuple((int(red), int(green), int(blue)) for red, green, blue in dataset.metainfo['palette'])
    return FolderIndex(tuple(dataset.metainfo['classes']), palette, images, source)


def image_entry(info: Sample, dataset: ImageDataset, shape: Sequence[int]) -> tuple[str, IndexedImage]:
    """Return id and index entry of an image whose prediction has the ``shape`` (H, W).

    Raises:
        ValueError: If the size of the image differs.
    """
    key, file_name = names_of(info, dataset)
    _check_size(info['img_path'], tuple(shape))
    return key, {'file_name': file_name, 'width': shape[1], 'height': shape[0]}


def names_of(info: Sample, dataset: ImageDataset) -> tuple[str, str]:
    """Return the id of an image and its file name below the image folder."""
    folder = Path((getattr(dataset, 'data_prefix', None) or {}).get('img_path') or '.')
    path = Path(info['img_path'])
    name = path.relative_to(folder) if path.is_relative_to(folder) else Path(path.name)
    return relative_name(info.get('sample_id') or name.with_suffix('').as_posix()), name.as_posix()


def _read(info: Sample, dataset: ImageDataset, folder: str | Path) -> tuple[Row, ClassIds]:
    labels, _ = read_pseudo_label(folder, names_of(info, dataset)[0])
    return _row(info, dataset, labels), labels


def _row(info: Sample, dataset: ImageDataset, labels: ClassIds) -> Row:
    return *image_entry(info, dataset, labels.shape), int((labels == UNSURE).sum()), labels.size


def _check_size(path: str, shape: tuple[int, ...]) -> None:
    if Path(path).is_file() and image_size(path) != shape[::-1]:
        width, height = image_size(path)
        raise ValueError(
            f'{path} is {width} x {height} but its prediction is {shape[1]} x {shape[0]} (width x height): the test '
            'pipeline must keep ori_shape'
        )
