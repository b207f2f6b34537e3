"""The part of the audit that a data set runs when it is built: labels, masks and pipeline, without a model."""

from __future__ import annotations

import logging
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from mmengine.logging import print_log

from ..structures import WeakAnnotations
from ..structures.sample import with_label_map
from ..structures.weak_annotations import FloatArray
from .audit import LabelAudit
from .findings import WARNING, raise_errors
from .formats.columns import LabelColumns, columns_of
from .formats.index_png import load_index_image
from .image_checks import Size, check_mask_sizes, spread
from .label_counts import LabelCounts, contradicting, contradictions, count_columns, mask_contradictions
from .mask_values import MaskValues, check_mask_values
from .transforms import LoadWeakAnnotations, RasterizeWeakAnnotations

MASK_SAMPLE = 50
PLAIN_STEPS = (LoadWeakAnnotations(), RasterizeWeakAnnotations())
"""The usual routes of labels, which are used if there is no pipeline."""


@dataclass(frozen=True)
class CheckedLabels:
    """The labels of a data set, for the audit.

    Args:
        source: The label files, for messages.
        annotations: The labels by image id.
        masks: The dense masks by image id.
        columns: Returns the labels as columns, in parts.
        at: Returns the id and the labels of an image from its position in the columns.
    """

    source: str
    annotations: Mapping[str, WeakAnnotations]
    masks: Mapping[str, str]
    columns: Callable[[], Iterable[LabelColumns]]
    at: Callable[[int], tuple[str, WeakAnnotations]]

    @classmethod
    def of(cls, source: str, annotations: Mapping[str, WeakAnnotations]) -> CheckedLabels:
        """Return labels that are in memory."""
        masks = {key: labels.mask_path for key, labels in annotations.items() if labels.mask_path is not None}
        listed = list(annotations.items())
        return cls(source, annotations, masks, lambda: [columns_of(list(annotations.values()))], listed.__getitem__)

    def contradictions(self, classes: Sequence[str]) -> list[str]:
        """Return the contradictions between tags and other labels of an image."""
        return [
            text
            for part in self.columns()
            for position in part.positions[contradicting(part, len(classes))].tolist()
            for text in contradictions(*self.at(position), classes)
        ]

    def shares(self, num_classes: int) -> npt.NDArray[np.float64]:
        """Return the share of each class among the labels; see :func:`class_shares`."""
        return shares_of_columns(self.columns(), self.masks.values(), num_classes)


@dataclass(frozen=True)
class MaskReader:
    """Settings of the check of masks.

    Args:
        classes: Class names by id.
        every: Whether to read all masks instead of 50.
        ignore_index: The unlabelled value.
        background_shift: 1 if files count classes from 1.
        label_map: The class of every value in the files that is changed.
        any_values: Whether values that are not class ids are allowed.
    """

    classes: Sequence[str]
    every: bool = False
    ignore_index: int = 255
    background_shift: int = 0
    label_map: Mapping[int, int] | None = None
    any_values: bool = False

    def read(
        self,
        masks: Mapping[str, str],
        sizes: Mapping[str, Size] | None = None,
        labels: Mapping[str, WeakAnnotations] | None = None,
    ) -> tuple[MaskValues, list[str]]:
        """Check masks.

        Args:
            masks: Mask files by image id.
            sizes: (width, height) of the images; None: sizes are not checked.
            labels: Labels of the images, to compare with; None: there are no other labels.

        Returns:
            Contents of the masks, and their contradictions to the other labels of the image.

        Raises:
            FileNotFoundError: If a mask is missing.
            ValueError: If a mask has another size than its image, or values that are not class ids.
        """
        if sizes is not None:
            check_mask_sizes(masks, sizes)
        found: list[str] = []

        def look(key: str, mask: npt.NDArray[np.integer]) -> None:
            if labels is not None:
                found.extend(mask_contradictions(key, labels[key], self.classes, mask, self.ignore_index))

        values = check_mask_values(
            masks,
            list(masks) if self.every else spread(list(masks), MASK_SAMPLE),
            len(self.classes),
            self.ignore_index,
            background_shift=self.background_shift,
            label_map=self.label_map,
            any_values=self.any_values,
            look=look,
        )
        return values, found


def check_labelled(
    labels: CheckedLabels,
    classes: Sequence[str],
    kinds: Collection[str],
    reader: MaskReader | None = None,
    sizes: Mapping[str, Size] | None = None,
    truth: Mapping[str, str] | None = None,
) -> tuple[LabelCounts, tuple[str, ...]]:
    """Check the masks of a data set, and that there are labels to learn from.

    Args:
        labels: The labels.
        classes: Class names by id.
        kinds: The kinds of labels that the pipeline reads.
        reader: Reads the masks; None: they are not checked.
        sizes: (width, height) of the images by id; None: the sizes of masks are not checked.
        truth: The masks that predictions are compared with, by image id; None in training.

    Returns:
        Counts of the labels, and their contradictions.

    Raises:
        FileNotFoundError: If a mask is missing.
        ValueError: If a mask is wrong, or there is nothing to train on.
    """
    masks: Mapping[str, str] = labels.masks if 'mask' in kinds else {}
    masks = {**masks, **truth} if truth else masks
    values, found = None, list[str]()
    if reader is not None and masks:
        values, found = reader.read(masks, sizes, labels.annotations if truth is None else None)
    counts = count_columns(labels.columns(), classes, values)
    if truth is not None:
        return counts, tuple(found)
    labelled = bool(masks) if values is None else values.labelled
    if not labelled and not any(counts.images[kind] for kind in kinds if kind != 'mask'):
        raise ValueError(
            f'nothing is labelled: none of the {counts.num_images} images has a point, scribble, box, tag or labelled '
            f'mask pixel of the kinds that LoadWeakAnnotations reads in {labels.source}. '
            'Do the image ids in the label file match those of ann_file '
            f'(first: {labels.at(0)[0]!r})?'
        )
    return counts, (*found, *labels.contradictions(classes))


def report(audit: LabelAudit) -> None:
    """Log the warnings of an audit.

    Raises:
        ValueError: If the audit has errors.
    """
    findings = audit.findings()
    raise_errors(findings)
    for finding in findings:
        if finding.level == WARNING:
            print_log(str(finding), logger='current', level=logging.WARNING)


def class_shares(
    annotations: Sequence[WeakAnnotations], num_classes: int, label_map: Mapping[int, int] | None = None
) -> npt.NDArray[np.float64]:
    """Return the share of each class among the labelled pixels of images, (C,), sum 1.

    A click counts as one pixel, a scribble as its length (at least one pixel), and a dense mask as its pixels. If there
    are none of these, each box counts as one, and if there are no boxes either, each tag. ``label_map`` changes the ids
    in dense masks; see :func:`~mmseg_wsss.structures.sample.with_label_map`.

    Raises:
        ValueError: If no image has a label.
    """
    masks = [labels.mask_path for labels in annotations if labels.mask_path is not None]
    return shares_of_columns([columns_of(annotations)], masks, num_classes, label_map)


def shares_of_columns(
    columns: Iterable[LabelColumns],
    masks: Iterable[str],
    num_classes: int,
    label_map: Mapping[int, int] | None = None,
) -> npt.NDArray[np.float64]:
    """Return the share of each class; see :func:`class_shares`.

    Args:
        columns: The labels of the images, in parts.
        masks: Their dense masks.
        num_classes: Number of classes.
        label_map: Same as in :func:`class_shares`.

    Raises:
        ValueError: If no image has a label.
    """
    pixels, boxes, tags = (np.zeros(num_classes) for _ in range(3))
    for part in columns:
        ids = {column.kind: column.values.astype(np.int64) for column in part.ids}
        pixels += np.bincount(ids['points'], minlength=num_classes)
        pixels += np.bincount(ids['scribbles'], np.maximum(_lengths(part), 1), minlength=num_classes)
        boxes += np.bincount(ids['boxes'], minlength=num_classes)
        tags += np.bincount(ids['tags'], minlength=num_classes)
    for mask in masks:
        values = with_label_map(load_index_image(mask), label_map)
        pixels += np.bincount(values.ravel(), minlength=256)[:num_classes]
    counts = next((counts for counts in (pixels, boxes, tags) if counts.any()), None)
    if counts is None:
        raise ValueError('class_frequencies: no image has a label')
    shares: npt.NDArray[np.float64] = counts / counts.sum()
    return shares


def _lengths(part: LabelColumns) -> FloatArray:
    """Return the lengths of the scribbles in pixels; each has at least one vertex."""
    lines = next(column for column in part.ids if column.kind == 'scribbles')
    vertices = next(column for column in part.places if column.kind == 'scribbles')
    same = (np.diff(vertices.image) == 0) & (np.diff(vertices.item) == 0)
    steps = np.where(same, np.hypot(*np.diff(vertices.values, axis=0).T), 0)
    line = np.searchsorted(lines.image, vertices.image) + vertices.item
    lengths: FloatArray = np.bincount(line[1:], weights=steps, minlength=len(lines.image)).astype(np.float64)
    return lengths
