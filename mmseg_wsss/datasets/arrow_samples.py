"""The samples of a label set in Arrow, which are built when they are asked for."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import Any, overload

import numpy as np

from ..structures import ImageEntry, Sample, WeakLabelSet
from ..structures.weak_annotations import IntArray
from .formats.arrow_images import ArrowImages, ByPosition
from .formats.arrow_names import ids_of, pyarrow
from .formats.checks import beyond_the_edge, clipped
from .formats.columns import BoolArray, LabelColumns, columns_of_images
from .formats.files import read_ids
from .image_checks import check_forms
from .label_checks import CheckedLabels
from .remembered import SizeArray
from .weak_samples import SampleForm


class ArrowSamples(Sequence[Sample]):
    """The samples of a data set, built from rows of files that all workers share.

    Args:
        images: The images of the data set.
        form: What their samples have in common.
        sizes: (width, height) of the images, (N, 2), 0 if unknown.
        moved: Images with a coordinate up to half a pixel beyond the edge, which is moved to the border, (N,).
        chosen: Positions of the images that are used; None: all.
    """

    def __init__(
        self,
        images: ArrowImages,
        form: SampleForm,
        sizes: SizeArray,
        moved: BoolArray,
        chosen: IntArray | None = None,
    ) -> None:
        self.images = images
        self.form = form
        self.sizes = sizes
        self.moved = moved
        self.chosen = chosen

    def __len__(self) -> int:
        return len(self.images) if self.chosen is None else len(self.chosen)

    @overload
    def __getitem__(self, index: int) -> Sample: ...

    @overload
    def __getitem__(self, index: slice) -> ArrowSamples: ...

    def __getitem__(self, index: int | slice) -> Sample | ArrowSamples:
        if isinstance(index, slice):
            chosen = (np.arange(len(self.images)) if self.chosen is None else self.chosen)[index]
            return ArrowSamples(self.images, self.form, self.sizes, self.moved, chosen)
        position = range(len(self))[index]
        position = position if self.chosen is None else int(self.chosen[position])
        entry = self.entry(position)
        sample = self.form.sample(self.images.key(position), entry.file_name)
        sample['weak_annotations'] = entry.annotations
        sample['weak_label_size'] = entry.size
        return sample

    def entry(self, position: int) -> ImageEntry:
        """Return an image with the size that was found, and its labels inside of it."""
        entry = self.images.entry(position)
        width, height = (int(side) or None for side in self.sizes[position])
        annotations = entry.annotations
        if self.moved[position] and width is not None and height is not None:
            annotations = clipped(annotations, (width, height))
        return ImageEntry(entry.file_name, width, height, annotations)

    def columns(self) -> Iterator[LabelColumns]:
        """Yield the labels of all images as columns, moved to the border where necessary."""
        for part in columns_of_images(self.images):
            moved = [self.moved[part.positions[column.image]] for column in part.places]
            last = [self.sizes[part.positions[column.image]] - 1 for column in part.places]
            places = (
                column._replace(values=np.where(of[:, None], column.values.clip(0, end), column.values))
                for column, of, end in zip(part.places, moved, last, strict=True)
            )
            yield replace(part, places=tuple(places))

    def checked_labels(self, source: str) -> CheckedLabels:
        """Return the labels of all images for the audit.

        Args:
            source: The label files, for messages.
        """
        masked = [columns.positions[columns.masked] for columns in columns_of_images(self.images)]
        return CheckedLabels(
            source,
            ByPosition(self.images, lambda position: self.entry(position).annotations),
            ByPosition(self.images, lambda position: str(self.images.mask(position)), np.concatenate(masked)),
            self.columns,
            lambda position: (self.images.key(position), self.entry(position).annotations),
        )


def chosen_images(images: ArrowImages, form: SampleForm, ann_file: str) -> ArrowImages:
    """Return the images of a split, as ``SampleForm.list_images`` does.

    Args:
        images: All images of the label files.
        form: What the samples have in common.
        ann_file: The split file; empty: all images.
    """
    pa = pyarrow()
    if not ann_file:
        if re.fullmatch(r'\.[A-Za-z0-9]+', form.img_suffix):  # then ids are those of the file names
            return images
        keys = [form.split_id(key, name) for key, name in zip(images, _file_names(images), strict=True)]
        return ArrowImages(images.files, images.root, np.arange(len(images)), pa.array(keys, pa.string()))
    ids = read_ids(ann_file)
    check_forms(ids, images, ann_file)
    wanted = pa.array(ids, pa.string())
    by_file = _rows_of(images, pa.array([key + form.img_suffix for key in ids], pa.string()), by_file=True)
    by_id = _rows_of(images, wanted, by_file=False)
    rows = np.where(by_file >= 0, by_file, by_id)
    return ArrowImages(images.files, images.root, rows, wanted, form.img_suffix)


def stated_sizes(images: ArrowImages) -> SizeArray:
    """Return (width, height) of the images in the label files, (N, 2), 0 where one of them is unknown."""
    sizes = np.zeros((len(images), 2), dtype=np.int32)
    for batch in images.batches():
        sides = [batch.rows.column(key).fill_null(0).to_numpy(zero_copy_only=False) for key in ('width', 'height')]
        sizes[batch.positions] = np.column_stack(sides)
    sizes[(sizes == 0).any(axis=1)] = 0
    return sizes


def moved_images(labels: WeakLabelSet, sizes: SizeArray, source: str) -> BoolArray:
    """Return which images have coordinates that are moved to the border; see ``fit_to_images``.

    Raises:
        ValueError: If a coordinate lies further outside of its image.
    """
    limits = np.where(sizes > 0, sizes, np.nan).astype(np.float32)
    return beyond_the_edge(labels, limits, source)


def _rows_of(images: ArrowImages, wanted: Any, *, by_file: bool) -> IntArray:
    """Return the rows of some file names or ids, -1 where there is none."""
    pc = pyarrow().compute
    rows: IntArray = np.full(len(wanted), -1, dtype=np.int64)
    for batch in images.batches():
        names = batch.rows.column('file_name')
        found = pc.index_in(wanted, value_set=names if by_file else ids_of(names))
        numbers = found.fill_null(-1).to_numpy(zero_copy_only=False)
        rows = np.where(numbers >= 0, batch.positions[numbers], rows)
    return rows


def _file_names(images: ArrowImages) -> Iterator[str]:
    return (name for batch in images.batches() for name in batch.rows.column('file_name').to_pylist())
