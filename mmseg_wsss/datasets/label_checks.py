"""The part of the audit that a data set runs when it is built: labels, masks and pipeline, without a model."""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from mmengine.logging import print_log

from ..structures import WeakAnnotations
from .audit import LabelAudit
from .findings import WARNING, raise_errors
from .formats.index_png import load_index_image
from .image_checks import Size, check_mask_sizes, spread
from .label_counts import mask_contradictions
from .mask_values import MaskValues, check_mask_values
from .transforms import LoadWeakAnnotations, RasterizeWeakAnnotations

MASK_SAMPLE = 50
NAMED_KINDS = 8
PLAIN_STEPS = (LoadWeakAnnotations(), RasterizeWeakAnnotations())
"""The usual routes of labels, which are used if there is no pipeline."""


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


def class_shares(annotations: Sequence[WeakAnnotations], num_classes: int) -> npt.NDArray[np.float64]:
    """Return the share of each class among the labelled pixels of images, (C,), sum 1.

    A click counts as one pixel, a scribble as its length (at least one pixel), and a dense mask as its pixels. If there
    are none of these, each box counts as one, and if there are no boxes either, each tag.

    Raises:
        ValueError: If there are no labels.
    """
    pixels, boxes, tags = (np.zeros(num_classes) for _ in range(3))
    for labels in annotations:
        np.add.at(pixels, labels.point_labels, 1)
        lengths = [np.hypot(*np.diff(line, axis=0).T).sum() for line in labels.polylines]
        np.add.at(pixels, labels.polyline_labels, np.maximum(lengths, 1))
        if labels.mask_path is not None:
            pixels += np.bincount(load_index_image(labels.mask_path).ravel(), minlength=256)[:num_classes]
        np.add.at(boxes, labels.box_labels, 1)
        np.add.at(tags, list(labels.tags or ()), 1)
    counts = next((counts for counts in (pixels, boxes, tags) if counts.any()), None)
    if counts is None:
        raise ValueError('class_frequencies: no image has a label')
    shares: npt.NDArray[np.float64] = counts / counts.sum()
    return shares
