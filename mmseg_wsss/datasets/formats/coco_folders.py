"""Folders with several COCO files: those of Roboflow, and those of ``annotations`` beside images, as in COCO itself."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path, PurePosixPath

from ...structures import WeakLabelSet
from .files import load_json
from .recognition import json_with, some_files
from .split_names import split_of_name

OF_ROBOFLOW = '_annotations.coco.json'
"""Name of the file that Roboflow writes into the folder of the images of each split."""
FIRST = 'instances'
"""First letters of COCO's files; those of captions and keypoints beside them are of the same images."""
MANY = 20
"""A folder with more JSON files has one per image."""
LOOKED_AT = 20
"""Number of images of a file that are looked for on disk."""


def is_instances(file: Path) -> bool:
    """Return whether a path looks like COCO instance annotations."""
    parts = (('images', 'annotations'), ('images', 'categories'), ('image_id', 'category_id'))
    # If keys are sorted, the list of images begins far from both ends of a large file.
    return any(json_with(file, 'file_name', *keys, without=('classes', 'segments_info')) for keys in parts)


def is_folder_of_coco(folder: Path) -> bool:
    """Return whether a folder has several COCO files, or those of Roboflow."""
    return any(map(is_instances, some_files(folder, OF_ROBOFLOW))) or bool(annotation_files(folder))


def annotation_files(folder: Path) -> list[Path]:
    """Return the COCO files in a folder or in its ``annotations``; none if there is only one JSON file.

    Files of a test are left out beside those of training: they often have no annotations. If there are files of
    training and of validation, others are left out as well: ``trainval`` and ``all`` have the same images.
    """
    for place in [*(path for path in _children(folder) if path.name.lower() == 'annotations'), folder]:
        files = [path for path in _children(place) if path.suffix == '.json']
        if 2 <= len(files) <= MANY:
            named = [path for path in files if path.name.startswith(FIRST)]
            found = [path for path in named or files if is_instances(path)]
            splits = {path: split_of_name(path.stem) for path in found}
            left_out: set[str | None] = {'test'} if 'train' in splits.values() else set()
            if {'train', 'val'} <= {*splits.values()}:
                left_out.add(None)
            if found and (named or len(found) > 1):
                return [path for path in found if splits[path] not in left_out]
    return []


def image_folder(root: Path, file: Path, names: Sequence[str]) -> str:
    """Return the folder of the images of a file, from the root of the data on.

    Args:
        root: The folder of the data.
        file: One of its :func:`annotation_files`.
        names: The images that the file names, of which some may be missing.

    Raises:
        FileNotFoundError: If the images are in none of the folders.
    """
    parents = [path for path in (root, root / 'images') if path.is_dir()]
    splits = [path for parent in parents for path in _children(parent) if path.is_dir()]
    splits.sort(key=lambda path: (path.name not in file.stem, split_of_name(path.name) != split_of_name(file.stem)))
    places = [place for split in splits for place in (split, split / 'images')]
    some = names[:: max(len(names) // LOOKED_AT, 1)]
    found = next((path for path in (*places, root) if any((path / name).is_file() for name in some)), None)
    if found is None:
        raise FileNotFoundError(
            f'{file}: its first image {names[0]!r} is not in {root} or one of its folders: give the folder of the '
            'data, with the images and the files'
        )
    return found.relative_to(root).as_posix()


def splits_of_files(root: Path, labels: WeakLabelSet) -> dict[str, str]:
    """Return the split of each image by its id, by the names of the :func:`annotation_files`."""
    found: dict[str, str | None] = {}
    for file in annotation_files(root):
        names = [
            item['file_name'].replace('\\', '/') for item in load_json(file, 'COCO instance annotations')['images']
        ]
        folder = image_folder(root, file, names) if names else ''
        found |= {(PurePosixPath(folder) / name).as_posix(): split_of_name(file.stem) for name in names}
    splits = ((key, found.get(entry.file_name)) for key, entry in labels.images.items())
    return {key: split for key, split in splits if split}


def _children(folder: Path) -> list[Path]:
    """What is in a folder, hidden files left out; nothing if it cannot be read."""
    try:
        return sorted(path for path in folder.iterdir() if not path.name.startswith('.'))
    except OSError:
        return []
