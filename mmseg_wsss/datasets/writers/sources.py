"""Read the labels to write from a label file, a folder of pseudo-labels, or a folder of masks."""

from __future__ import annotations

from collections.abc import ItemsView, Iterator, Mapping, Sequence, ValuesView
from dataclasses import replace
from pathlib import Path

from ...structures import ImageEntry, WeakAnnotations, WeakLabelSet
from ...structures.weak_label_set import Colour
from ..formats import read_labels
from ..formats.files import existing, listed_files, relative_id
from ..formats.image_files import find_image, header_size
from ..formats.pseudo_labels import INDEX, is_pseudo_labels, read_pseudo_labels

Palette = tuple[Colour, ...]


def read_source(
    source: str | Path, classes: Sequence[str] | None = None, images: Path | None = None, img_suffix: str = '.jpg'
) -> WeakLabelSet:
    """Read ``weak_labels.json``, a folder with ``pseudo_labels.json`` and ``masks``, or a folder of index PNGs.

    Args:
        source: The file or folder. If a folder contains a folder ``masks``, as ``wsss predict`` writes it, it is used.
        classes: Class names by id, which a folder of index PNGs does not contain.
        images: The folder of the images, which have the same names as the index PNGs.
        img_suffix: Suffix of the images, if their folder is not given.

    Returns:
        The labels, with the size of every image. Labels in Arrow are read row by row, and the size of an image that is
        not known is read when its labels are: that may raise an error.

    Raises:
        FileNotFoundError: If a file is missing.
        ValueError: If the labels are damaged, or their classes are not those given.
    """
    place = existing(source, 'the labels')
    if is_pseudo_labels(place):
        labels = read_pseudo_labels(str(place))
    elif place.is_dir():
        labels = _masks(place / 'masks' if (place / 'masks').is_dir() else place, classes, images, img_suffix)
    else:
        labels = read_labels(str(place))
    if classes is not None and tuple(classes) != labels.classes:
        raise ValueError(f'{source} has the classes {labels.classes}, got {tuple(classes)}: leave out --classes')
    if not labels.images:
        raise ValueError(f'{source} holds no image')
    return replace(labels, images=_SizedImages(labels.images, images))


def _masks(folder: Path, classes: Sequence[str] | None, images: Path | None, img_suffix: str) -> WeakLabelSet:
    if classes is None:
        raise ValueError(f'{folder} has no {INDEX} that names the classes: give them (--classes)')
    root, files = listed_files(folder, '.png', 'the folder of masks')
    entries = {}
    for file in files:
        key = relative_id(file, root, '.png')
        name = key + img_suffix
        if images is not None:
            name = find_image(images, key, str(file)).relative_to(images).as_posix()
        entries[key] = ImageEntry(name, annotations=WeakAnnotations(mask_path=str(file)))
    return WeakLabelSet(tuple(classes), images=entries)


class _SizedImages(Mapping[str, ImageEntry]):
    """Entries with the sizes of their images, made when they are asked for."""

    def __init__(self, entries: Mapping[str, ImageEntry], images: Path | None) -> None:
        self.entries = entries
        self.images = images

    def __len__(self) -> int:
        return len(self.entries)

    def __iter__(self) -> Iterator[str]:
        return iter(self.entries)

    def __getitem__(self, key: str) -> ImageEntry:
        return _sized(key, self.entries[key], self.images)

    def items(self) -> ItemsView[str, ImageEntry]:
        """Return ids and entries, without a search for every id."""
        return _SizedItems(self)

    def values(self) -> ValuesView[ImageEntry]:
        """Return the entries, without a search for every id."""
        return _SizedValues(self)


class _SizedItems(ItemsView[str, ImageEntry]):
    _mapping: _SizedImages

    def __iter__(self) -> Iterator[tuple[str, ImageEntry]]:
        entries, images = self._mapping.entries, self._mapping.images
        return ((key, _sized(key, entry, images)) for key, entry in entries.items())


class _SizedValues(ValuesView[ImageEntry]):
    _mapping: _SizedImages

    def __iter__(self) -> Iterator[ImageEntry]:
        return (entry for _, entry in self._mapping.items())


def _sized(key: str, entry: ImageEntry, images: Path | None) -> ImageEntry:
    """The entry with the size of its image, taken from the file, from the image or from the mask."""
    if entry.size is not None:
        return entry
    mask = entry.annotations.mask_path
    if images is None and mask is None:
        raise ValueError(f'the size of image {key!r} is not known: give the folder of the images (--images)')
    width, height = header_size(images / entry.file_name if images is not None else Path(str(mask)))
    return replace(entry, width=width, height=height)
