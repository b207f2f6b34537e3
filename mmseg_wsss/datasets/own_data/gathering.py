"""Read the labels and masks of your own data set, in any supported format."""

from __future__ import annotations

import colorsys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from ...structures import ImageEntry, WeakAnnotations, WeakLabelSet
from ..class_sets import CLASS_SETS
from ..formats.checks import fit_to_images
from ..formats.masks import UNLABELLED
from ..image_checks import check_images, check_mask_sizes, image_size
from .agreement import Agreement, compare_with_masks, has_label
from .fingerprint import kinds_of
from .folders import Folders
from .mask_ids import MaskIds, find_ids, has_background, read_values
from .pairing import find_masks, images_by_id, keyed_as_masks
from .reading import read_any
from .splitting import Splits, find_lists

EMPTY = 'background'
"""Name of the class 0 that is added before classes without a background."""
Palette = tuple[tuple[int, int, int], ...]


@dataclass(frozen=True)
class Gathered:
    """Labels and masks with the same class ids.

    Args:
        labels: Labels of all labelled images.
        masks: Files of masks that can be measured against by image id, with their original values: those of the masks'
            folder or, without one, the masks of images whose only label is that mask.
        ids: Meaning of these values.
        background: Whether class 0 is a background.
        says: What was found, one line each.
        splits: The splits that files give; None: they give none.
    """

    labels: WeakLabelSet
    masks: Mapping[str, Path]
    ids: MaskIds
    background: bool
    says: tuple[str, ...]
    splits: Splits | None


def gather(
    folders: Folders,
    classes: Sequence[str] | None = None,
    *,
    background: bool | None = None,
    unlabelled: int | None = None,
    outlines: Path | None = None,
) -> Gathered:
    """Read labels and masks.

    Args:
        folders: The folders of the data set.
        classes: Class names; None: those of the label files.
        background: Whether class 0 is a background; None: decided by its name.
        unlabelled: The value of unlabelled mask pixels; None: found in the masks.
        outlines: Folder to write outlines of label files to, as masks.

    Raises:
        FileNotFoundError: If no labelled image is on disk.
        ValueError: If class names are not found, a mask differs in size from its image, or files are not as documented.
    """
    says: list[str] = []
    masks, images = find_masks(folders), images_by_id(folders)
    whole = False
    splits = None
    if folders.labels is None:
        labels = _labels_of_masks(folders, masks, images, classes)
        says.append(f'{folders.masks}: {len(masks)} masks are labels and what is measured against')
    else:
        read = read_any(folders.labels, classes, folders.suffix, outlines, folders.images)
        labels, whole = keyed_as_masks(read.labels, folders), read.whole
        splits = Splits(read.splits, 'the names of their files') if read.splits else None
        if masks and not read.ordered:
            known = [name for name, one in CLASS_SETS.items() if {*labels.classes} <= {*one['classes']}]
            raise ValueError(
                f'{folders.masks} holds class ids, and {folders.labels} ({read.title}) names of classes: say which id '
                f'is which with --classes, id 0 first, from the names {", ".join(labels.classes)}'
                + (f'; if the ids are those of {known[0]}: --classes {known[0]}' if known else '')
            )
        says += [f'{folders.labels}: {read.title}, {len(labels.images)} images', *read.says]
    labels = _on_disk(labels, folders, says)
    own = [Path(entry.annotations.mask_path) for entry in labels.images.values() if entry.annotations.mask_path]
    named = len(labels.classes)
    is_empty = not own and named > 1 and has_background(labels.classes) and not has_label(labels, 0)
    found = compare_with_masks(labels, {} if own else masks)
    if is_empty and (background is False or (background is None and found.is_shifted)):
        background, named, found = False, named - 1, Agreement()
        says.append(
            f'no label has class 0, {labels.classes[0]!r}, so it is the empty class before classes without a background'
        )
    elif background is False or (background is None and not has_background(labels.classes)):
        background = False
        says.append(
            f'class 0 is {labels.classes[0]!r}, which is not a background: an empty class {EMPTY!r} was added before '
            'it, and ids count from 1 (a name such as "background" or --background says that it is one)'
        )
        labels = with_empty_class(labels)
    else:
        background = True
        if is_empty and masks and not found.pixels:
            says.append(
                f'no label has class 0, {labels.classes[0]!r}: if the masks count the other classes from 0, begin '
                'again with --no-background'
            )
    if warning := found.says():
        says.append(warning)
    values = read_values(own) | read_values(list(masks.values()))
    ids = find_ids(values, named, shift=int(not background), unlabelled=unlabelled)
    if ids.says:
        says.append(ids.says)
    palette = labels.palette or make_palette(len(labels.classes))
    measured = masks or whole_masks(labels, beside_others=whole)
    sizes = {key: entry.size for key, entry in labels.images.items() if entry.size}
    sizes |= {key: image_size(images[key][0]) for key in measured if key in images and key not in sizes}
    apart = [path for path in (folders.masks, folders.labels) if path and path != folders.images]
    unused = [
        path
        for key, paths in images.items()
        for path in paths
        if key not in labels.images and key not in measured and not any(map(path.is_relative_to, apart))
    ]
    if unused:
        says.append(f'{len(unused)} images have no label and no mask, and are not used (first: {unused[0]})')
    splits = splits or find_lists(folders.images, {*labels.images, *measured})
    check_mask_sizes({key: str(path) for key, path in measured.items()}, sizes, cure='Save the masks in that size')
    return Gathered(replace(labels, palette=palette), measured, ids, background, tuple(says), splits)


def whole_masks(labels: WeakLabelSet, *, beside_others: bool = False) -> dict[str, Path]:
    """Return the masks of images that have no other kind of label, or of all images, by image id."""
    found = ((key, entry.annotations) for key, entry in labels.images.items())
    return {
        key: Path(one.mask_path)
        for key, one in found
        if one.mask_path and (beside_others or kinds_of(one) <= {'masks', 'tags'})
    }


def with_empty_class(labels: WeakLabelSet) -> WeakLabelSet:
    """Return labels with an empty class 0 before all others; masks are not changed."""

    def shifted(one: WeakAnnotations) -> WeakAnnotations:
        return replace(
            one,
            point_labels=one.point_labels + 1,
            polyline_labels=one.polyline_labels + 1,
            box_labels=one.box_labels + 1,
            tags=None if one.tags is None else tuple(tag + 1 for tag in one.tags),
        )

    images = {key: replace(entry, annotations=shifted(entry.annotations)) for key, entry in labels.images.items()}
    palette = None if labels.palette is None else ((0, 0, 0), *labels.palette)
    name = EMPTY if EMPTY not in labels.classes else f'{EMPTY} (empty)'
    return WeakLabelSet((name, *labels.classes), palette, images)


def make_palette(num_classes: int) -> Palette:
    """Return different colours: black, then hues that differ by the golden angle.

    Example:
        >>> make_palette(2)
        ((0, 0, 0), (230, 57, 57))
    """
    hues = [(index * 0.381966) % 1 for index in range(num_classes - 1)]
    colours = [colorsys.hsv_to_rgb(hue, 0.75, 0.9 - 0.25 * (index % 3 == 2)) for index, hue in enumerate(hues)]
    return ((0, 0, 0), *((round(255 * r), round(255 * g), round(255 * b)) for r, g, b in colours))


def _labels_of_masks(
    folders: Folders, masks: Mapping[str, Path], images: Mapping[str, list[Path]], classes: Sequence[str] | None
) -> WeakLabelSet:
    if classes is None:
        values = sorted(read_values(list(masks.values())))
        count = next((place for place, value in enumerate(values) if value != place), len(values))
        if count < 2:  # not from 0 on, or 0 and 255
            count = max((value for value in values if value != UNLABELLED), default=0) + 1
        named = [f'class{value}' for value in range(1, count)] or ['object'] * (UNLABELLED in values)
        names = ','.join(['background', *named[:12], *['..'] * (len(named) > 12)])
        raise ValueError(
            f'the masks in {folders.masks} do not name their classes: name them with --classes, id 0 first. They hold '
            f'the values {", ".join(map(str, values[:12]))}{", .." if len(values) > 12 else ""}: for example '
            f'--classes {names}'
        )
    entries = {
        key: ImageEntry(
            images[key][0].relative_to(folders.images).as_posix(), annotations=WeakAnnotations(mask_path=str(path))
        )
        for key, path in masks.items()
    }
    return WeakLabelSet(tuple(classes), None, entries)


def _on_disk(labels: WeakLabelSet, folders: Folders, says: list[str]) -> WeakLabelSet:
    """Return the labels of existing images, with the sizes of the images."""
    kept = {key: entry for key, entry in labels.images.items() if (folders.images / entry.file_name).is_file()}
    missing = [entry.file_name for key, entry in labels.images.items() if key not in kept]
    if not kept:
        raise FileNotFoundError(
            f'none of the {len(labels.images)} labelled images is in {folders.images} (first: {missing[:1]}): check '
            '--images'
        )
    if missing:
        says.append(
            f'{len(missing)} labelled images are not in {folders.images} and were left out (first: {missing[0]})'
        )
    stated = {key: entry.size for key, entry in kept.items() if entry.size is not None}
    paths = {key: str(folders.images / entry.file_name) for key, entry in kept.items()}
    sizes = check_images(paths, stated, str(folders.labels or folders.masks))
    labels = fit_to_images(replace(labels, images=kept), sizes, str(folders.labels or folders.masks))
    entries = {key: replace(entry, width=sizes[key][0], height=sizes[key][1]) for key, entry in labels.images.items()}
    return replace(labels, images=entries)
