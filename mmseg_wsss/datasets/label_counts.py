"""Count the labels of a data set per class and kind, and find contradictions between labels of an image."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt

from ..structures import WeakAnnotations
from ..structures.weak_annotations import KEYS, IntArray
from .formats.columns import LabelColumns, columns_of
from .mask_values import MaskValues

NOUNS = {'points': 'clicks', 'scribbles': 'scribbles', 'boxes': 'boxes', 'tags': 'tags', 'mask': 'masks'}


@dataclass(frozen=True)
class LabelCounts:
    """Contents of label files.

    Args:
        classes: Class names by id.
        num_images: Number of images.
        labels: Number of labels by kind and class, (C,); for masks, the number of read masks that contain the class.
        images: Number of images by kind.
        untagged: Number of images by kind that have such labels but no tags from the annotator.
        unlabelled: Number of images without any label.
        masks: Contents of the masks.
    """

    classes: tuple[str, ...]
    num_images: int
    labels: Mapping[str, IntArray]
    images: Mapping[str, int]
    untagged: Mapping[str, int] = field(default_factory=dict)
    unlabelled: int = 0
    masks: MaskValues | None = None

    @property
    def kinds(self) -> tuple[str, ...]:
        """The kinds of labels that exist."""
        return tuple(kind for kind in KEYS if self.images[kind])

    def named(self, kinds: Sequence[str]) -> set[int]:
        """Return the classes that labels of these kinds name."""
        return {index for kind in kinds for index in np.flatnonzero(self.labels[kind]).tolist()}

    def describe(self, kind: str) -> str:
        """Return the number of labels of a kind, their classes, and the number of images."""
        counts = self.labels[kind]
        named = np.flatnonzero(counts).tolist()
        shown = ', '.join(f'{counts[index]} {self.classes[index]}' for index in named[:5])
        more = f' and {len(named) - 5} more classes' if len(named) > 5 else ''
        of = f' ({shown}{more})' if named else ''
        number = self.images[kind] if kind == 'mask' else int(counts.sum())
        return f'{number} {NOUNS[kind]}{of} in {self.images[kind]} of {self.num_images} images'


def count_labels(
    annotations: Sequence[WeakAnnotations], classes: Sequence[str], masks: MaskValues | None = None
) -> LabelCounts:
    """Count the labels of a data set.

    Args:
        annotations: The labels of its images.
        classes: Class names by id.
        masks: Contents of the dense masks, if they were read.

    Example:
        >>> labels = WeakAnnotations(boxes=[[0, 0, 3, 3]], box_labels=[1])
        >>> count_labels([labels], ('background', 'weed')).describe('boxes')
        '1 boxes (1 weed) in 1 of 1 images'
    """
    return count_columns([columns_of(annotations)], classes, masks)


def count_columns(
    columns: Iterable[LabelColumns], classes: Sequence[str], masks: MaskValues | None = None
) -> LabelCounts:
    """Count the labels of a data set; see :func:`count_labels`.

    Args:
        columns: The labels of its images, in parts.
        classes: Class names by id.
        masks: Contents of the dense masks, if they were read.
    """
    num_classes, num_images, unlabelled = len(classes), 0, 0
    labels: dict[str, IntArray] = {kind: np.zeros(num_classes, dtype=np.int64) for kind in KEYS}
    images, untagged = dict.fromkeys(KEYS, 0), dict.fromkeys(KEYS, 0)
    for part in columns:
        labelled = np.zeros(len(part.positions), dtype=np.bool_)
        for column in part.ids:
            image, ids = column.image, column.values
            if column.kind == 'tags':  # each counts once
                image, ids = np.unique(np.stack([image, ids]), axis=1)
            labels[column.kind] += np.bincount(ids.astype(np.int64), minlength=num_classes)
            _add_images(column.kind, np.unique(image), part, images, untagged)
            labelled[image] = True
        _add_images('mask', np.flatnonzero(part.masked), part, images, untagged)
        num_images += len(labelled)
        unlabelled += int((~(labelled | part.masked)).sum())
    if masks is not None:
        labels['mask'] = masks.images[:num_classes]
    return LabelCounts(tuple(classes), num_images, labels, images, untagged, unlabelled, masks)


def _add_images(
    kind: str, having: IntArray, part: LabelColumns, images: dict[str, int], untagged: dict[str, int]
) -> None:
    images[kind] += len(having)
    untagged[kind] += int((~part.tagged[having]).sum())


def contradicting(part: LabelColumns, num_classes: int) -> IntArray:
    """Return which images have a click, scribble or box of a class that their tags do not name, in their order.

    Args:
        part: The labels of some images.
        num_classes: Number of classes.
    """
    tags = next(column for column in part.ids if column.kind == 'tags')
    named = tags.image * num_classes + tags.values.astype(np.int64)
    found = [np.zeros(0, dtype=np.int64)]
    for column in part.ids:
        checked = part.tagged[column.image] & (column.values != 0)
        image, ids = column.image[checked], column.values[checked].astype(np.int64)
        found.append(image[~np.isin(image * num_classes + ids, named)])
    return np.unique(np.concatenate(found))


def contradictions(key: str, labels: WeakAnnotations, classes: Sequence[str]) -> Iterator[str]:
    """Yield the classes of clicks, scribbles and boxes that the tags of an image do not name.

    Args:
        key: The image.
        labels: Its labels.
        classes: Class names by id.

    Example:
        >>> labels = WeakAnnotations(boxes=[[0, 0, 3, 3]], box_labels=[1], tags=[2])
        >>> list(contradictions('a', labels, ('background', 'cat', 'dog')))
        ["image 'a': a box of cat, and its tags are dog"]
    """
    if labels.tags is None:
        return
    kinds = {'click': labels.point_labels, 'scribble': labels.polyline_labels, 'box': labels.box_labels}
    for noun, ids in kinds.items():
        for label in sorted(set(ids.tolist()) - {0, *labels.tags}):
            yield f'image {key!r}: a {noun} of {classes[label]}, and its tags are {_tags(labels, classes)}'


def mask_contradictions(
    key: str,
    labels: WeakAnnotations,
    classes: Sequence[str],
    mask: npt.NDArray[np.integer],
    ignore_index: int = 255,
) -> Iterator[str]:
    """Yield the first click and vertex of a scribble on another class of the mask, and classes that no tag names.

    Args:
        key: The image.
        labels: Its labels.
        classes: Class names by id.
        mask: Its dense mask, class ids, (H, W).
        ignore_index: The unlabelled value.
    """
    height, width = mask.shape
    lines = zip(labels.polylines, labels.polyline_labels.tolist(), strict=True)
    groups = [('click', labels.points, labels.point_labels)]
    groups += [('vertex of a scribble', line, np.full(len(line), label)) for line, label in lines]
    for noun, places, ids in groups:
        columns = np.floor(places[:, 0] + 0.5).astype(int).clip(0, width - 1)
        rows = np.floor(places[:, 1] + 0.5).astype(int).clip(0, height - 1)
        found = mask[rows, columns]
        for index in np.flatnonzero((found != ids) & (found != ignore_index))[:1].tolist():
            x, y = places[index]
            under = classes[found[index]] if found[index] < len(classes) else found[index]
            yield f'image {key!r}: the {noun} ({x:g}, {y:g}) of {classes[ids[index]]} lies on {under} in its mask'
    if labels.tags is not None:
        for label in sorted(set(np.unique(mask).tolist()) & set(range(1, len(classes))) - set(labels.tags)):
            yield f'image {key!r}: {classes[label]} is in its mask, and its tags are {_tags(labels, classes)}'


def _tags(labels: WeakAnnotations, classes: Sequence[str]) -> str:
    return ', '.join(classes[tag] for tag in labels.tags or () if tag) or 'none'
