"""The weak labels of a whole data set: the content of ``weak_labels.json`` (docs/formats.md)."""

from __future__ import annotations

import json
import os
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path, PurePosixPath

from ..files import relative_name, whole_file
from .weak_annotations import WeakAnnotations

Colour = tuple[int, int, int]


def image_id(file_name: str) -> str:
    """Return the key of an image: its file name without the suffix and without the root of an absolute path.

    Raises:
        ValueError: If the name could lead out of a folder (:func:`~mmseg_wsss.files.relative_name`).
    """
    return str(PurePosixPath(relative_name(file_name)).with_suffix(''))


@dataclass(frozen=True)
class ImageEntry:
    """One image and its labels.

    Args:
        file_name: Path of the image below the image folder, with ``/`` between folders.
        width: Width in pixels, or None if the label file does not give it.
        height: Height in pixels, or None.
        annotations: The labels; an empty set if the image is not labelled.
    """

    file_name: str
    width: int | None = None
    height: int | None = None
    annotations: WeakAnnotations = field(default_factory=WeakAnnotations)

    @property
    def size(self) -> tuple[int, int] | None:
        """(width, height), or None where one of them is unknown."""
        return None if self.width is None or self.height is None else (self.width, self.height)


@dataclass(frozen=True)
class WeakLabelSet:
    """Classes and labelled images.

    Args:
        classes: Class names by id; class 0 is the background.
        palette: One (r, g, b) per class, or None.
        images: Entries by image id (:func:`image_id` of the file name): a dict, or a mapping that reads an entry from
            a file when it is asked for.

    Raises:
        ValueError: If the palette does not have one colour per class, or a class name appears twice.
    """

    classes: tuple[str, ...]
    palette: tuple[Colour, ...] | None = None
    images: Mapping[str, ImageEntry] = field(default_factory=dict)

    def __post_init__(self) -> None:
        twice = sorted({name for name in self.classes if self.classes.count(name) > 1})
        if twice:
            raise ValueError(f'class names must differ, but {twice} appear more than once in {self.classes}')
        if self.palette is not None and len(self.palette) != len(self.classes):
            raise ValueError(f'palette must have one colour per class ({len(self.classes)}), got {len(self.palette)}')

    def merged(self, other: WeakLabelSet) -> WeakLabelSet:
        """Return the labels of both sets.

        Where two labels of one kind share a pixel, that of ``other`` wins. File name and size of an
        image come from the first set that has them.

        Raises:
            ValueError: If the class names differ, or an image has a different size in each set.
        """
        if self.classes != other.classes:
            raise ValueError(f'label files with different classes cannot be merged: {self.classes} and {other.classes}')
        images = dict(self.images)
        for key, entry in other.images.items():
            images[key] = _merge_entries(key, images[key], entry) if key in images else entry
        return WeakLabelSet(self.classes, self.palette or other.palette, images)

    def subset(self, keys: Iterable[str]) -> WeakLabelSet:
        """Return only the images with these ids, in their order; ids without an entry are left out."""
        return replace(self, images={key: self.images[key] for key in keys if key in self.images})

    def to_json(self, root: str | os.PathLike[str] | None = None) -> str:
        """Return the text of ``weak_labels.json``: one image per line, sorted by id, so that diffs are readable.

        Args:
            root: Folder of the file; mask paths are written relative to it. None leaves them as they are.
        """
        classes: list[dict[str, object]] = [{'name': name} for name in self.classes]
        if self.palette is not None:
            classes = [{'name': name, 'color': list(c)} for name, c in zip(self.classes, self.palette, strict=True)]
        images = [json.dumps(image_dict(entry, root)) for _, entry in sorted(self.images.items())]
        head = f'{{"version": 1,\n"classes": {json.dumps(classes)},\n"images": ['
        return head + ('\n' + ',\n'.join(images) + '\n' if images else '') + ']}\n'

    def write(self, path: str | os.PathLike[str]) -> None:
        """Write ``weak_labels.json`` in one step; a killed process does not leave a partial file behind."""
        target = Path(path)
        text = self.to_json(target.parent)
        with whole_file(target) as file:
            file.write(text.encode())


def _merge_entries(key: str, first: ImageEntry, second: ImageEntry) -> ImageEntry:
    if first.size and second.size and first.size != second.size:
        raise ValueError(
            f'image {key!r} is {first.size[0]} x {first.size[1]} in one label file and {second.size[0]} x '
            f'{second.size[1]} in another: labels must be in pixels of the same original image'
        )
    width, height = first.size or second.size or (None, None)
    return ImageEntry(first.file_name, width, height, first.annotations.merged(second.annotations))


def image_dict(entry: ImageEntry, root: str | os.PathLike[str] | None) -> dict[str, object]:
    """Return an entry in the form of ``weak_labels.json``, with its mask path relative to ``root`` if that is given."""
    image: dict[str, object] = {'file_name': entry.file_name}
    if entry.size is not None:
        image.update(width=entry.width, height=entry.height)
    image.update(entry.annotations.to_dict())
    if entry.annotations.mask_path is not None and root is not None:
        image['mask'] = Path(os.path.relpath(entry.annotations.mask_path, root)).as_posix()
    return image
