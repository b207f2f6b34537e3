"""Find the folders of images, labels and masks in a data set."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from PIL import Image

from ..formats.coco_folders import annotation_files
from ..formats.files import existing
from ..formats.foreign import foreign_format
from ..formats.picture_files import PICTURE_ERRORS, picture_fits, unlimited
from ..formats.split_names import SPLITS, split_of_name
from ..image_checks import spread
from . import nnunet
from .reading import formats_of_tools

SUFFIXES = ('.bmp', '.jpeg', '.jpg', '.png', '.tif', '.tiff', '.webp')
"""Suffixes of pictures, in lower case."""
IMAGE_NAMES = ('images', 'image', 'imgs', 'img', 'photos', 'jpegimages', 'img_dir', 'pictures', 'leftimg8bit')
MASK_NAMES = ('masks', 'mask', 'segmentationclass', 'ann_dir', 'gt', 'gtfine', 'ground_truth', 'annotations', 'labels')
OF_MASKS = re.compile(
    r'(.*?)[_-]?(?:masks?|labels?|annot(?:ations?)?|gt|masks_of_classes|masks_of_outlines)', re.IGNORECASE
)
"""Names of folders of masks beside those of images, such as ``train_labels`` and ``trainannot`` beside ``train``; the
last two are those that an earlier ``wsss init`` wrote."""
LABEL_NAMES = ('weak_labels.json', 'annotations', 'labels', 'scribbles', 'points', 'clicks', 'boxes')
ARCHIVES = ('.zip', '.tar', '.gz', '.tgz', '.rar', '.7z')
NO_MASKS = ('_gtFine_color', '_gtFine_instanceIds', '_gtFine_instanceTrainIds')
"""Ends of the names of other pictures beside the masks of Cityscapes."""
LOSSY = ('.jpg', '.jpeg', '.webp')
MASK_MODES = ('1', 'L', 'P', 'I', 'I;16')
FEW_VALUES = 64
"""A picture with one band and fewer different values than this is a mask of class ids."""


@dataclass(frozen=True)
class Folders:
    """Folders of a data set.

    Args:
        images: The folder of the images.
        suffix: The suffix of their names.
        labels: The file or folder of the labels; None if there are only masks.
        masks: The folder of index PNGs, or None.
    """

    images: Path
    suffix: str
    labels: Path | None
    masks: Path | None


def find_folders(
    root: Path | None, images: Path | None = None, labels: Path | None = None, masks: Path | None = None
) -> Folders:
    """Find images, labels and masks below a folder; paths that are given are used.

    Args:
        root: The folder of the data set; None if all paths are given.
        images: The folder of the images.
        labels: The file or folder of the labels.
        masks: The folder of the masks.

    Raises:
        FileNotFoundError: If a given path does not exist, or images or labels are not found.
        ValueError: If the data is an archive.
    """
    if root is not None and root.suffix.lower() in ARCHIVES and root.is_file():
        raise ValueError(
            f'{root} is an archive: unpack it'
            + (f', for example with "unzip {root} -d {root.stem}",' if root.suffix.lower() == '.zip' else '')
            + ' and give the folder'
        )
    if root is not None and root.is_file():
        raise ValueError(f'the data must be a folder, got the file {root}')
    for path, what in ((root, 'the data'), (images, 'the images'), (labels, 'the labels'), (masks, 'the masks')):
        if path is not None:
            existing(path, what)
    children = [] if root is None else sorted(path for path in root.iterdir() if not path.name.startswith('.'))
    folders = [path for path in children if path.is_dir() and path not in (labels, masks)]
    if root is not None and images is None and labels is None:
        splits = [path for path in folders if path.name.lower() in SPLITS]
        labelled = [path for path in splits if _has_labels(path)]
        if masks is None and (found := _images_with_masks(splits, folders)):
            file = root / LABEL_NAMES[0]
            beside = root if labelled and formats_of_tools(root) else None
            return Folders(root, common_suffix(found), file if file.is_file() else beside, root)
        if not labelled and annotation_files(root):
            first = next((path for path in _by_name(children, LABEL_NAMES) if not is_mask_folder(path)), None)
            labelled = [root] if first is None or first.name.lower() == 'annotations' else []
        if labelled:
            return Folders(root, common_suffix(labelled[0]), root, masks)
    if images is None:
        images = _image_folder(root, folders)
    if masks is None:
        named = [path for path in _by_name(folders, MASK_NAMES) if path != images]
        masks = next((path for path in [*named, *folders] if path != images and is_mask_folder(path)), None)
    if labels is None:
        choices = [path for path in _by_name(children, LABEL_NAMES) if path not in (images, masks)]
        loose = [path for path in children if path.suffix in ('.json', '.xml', '.csv') and path not in choices]
        if [path.name for path in loose] == ['_classes.csv'] and masks_beside_images(images):
            loose = []  # the names of the values, as Roboflow writes them
        loose = [path for path in loose if path.name != nnunet.NAME or not nnunet.is_dataset(path.parent)]
        choices += loose if len(loose) == 1 else [path.parent for path in loose[:1]]  # one file per image
        # a folder of index PNGs in addition to that of the masks contains painted labels
        labels = next(
            (path for path in choices if path.is_file() or masks or path == root or not is_mask_folder(path)), None
        )
        if labels is None and any(images.rglob('*.json')):
            labels = images  # next to the pictures, as LabelMe writes them
    labels = _only_file(labels) if labels is not None and labels != images else labels
    if labels is None and masks is None:
        named = [path for path in _by_name(folders, MASK_NAMES) if path != images]
        reason = why_no_masks(named[0]) if named else masks_beside_images(images)
        reason = f'{reason}. Expected' if reason else 'expected'
        raise FileNotFoundError(
            f'no labels beside {images}: {reason} weak_labels.json, files of an annotation tool, or a folder of index '
            'PNGs; name them with --labels or --masks'
        )
    return Folders(images, common_suffix(images), labels, masks)


def _images_with_masks(splits: Sequence[Path], folders: Sequence[Path]) -> Path | None:
    """Return the images of the first split with masks, which are in ``train/masks`` or in ``train_masks``."""
    for split in splits:
        children = sorted(path for path in split.iterdir() if path.is_dir())
        images = [path for path in _by_name(children, IMAGE_NAMES) if pictures_in(path)]
        if images and any(map(is_mask_folder, _by_name(children, MASK_NAMES))):
            return images[0]
        beside = (path for path in folders if (name := OF_MASKS.fullmatch(path.name)) and name[1] == split.name)
        if any(map(is_mask_folder, beside)):
            return split
    return None


def _has_labels(folder: Path) -> bool:
    """Whether the folder of a split has images and labels: in folders of their own, or side by side."""
    if (folder / 'images').is_dir() and (folder / 'labels').is_dir():
        return not is_mask_folder(folder / 'labels')
    return bool(files_in(folder, ('.json', '.xml'), deep=False) and files_in(folder, SUFFIXES, deep=False))


def _only_file(labels: Path) -> Path:
    """Return the only file of a folder, such as ``annotations/instances.json``; otherwise the path itself."""
    files = (
        [path for path in labels.rglob('*') if path.is_file() and not path.name.startswith('.')]
        if labels.is_dir()
        else []
    )
    return files[0] if len(files) == 1 and files[0].suffix in ('.json', '.csv') else labels


def pictures_in(folder: Path) -> list[Path]:
    """Return the pictures of a folder and its subfolders, without hidden ones such as ``._a.png`` of macOS."""
    return files_in(folder, SUFFIXES)


def files_in(folder: Path, suffixes: Sequence[str], *, deep: bool = True) -> list[Path]:
    """Return the files of a folder and its subfolders with one of these suffixes in lower case, without hidden ones."""
    places = folder.rglob('*') if deep else folder.iterdir()
    found = (path for path in places if path.suffix.lower() in suffixes and path.is_file())
    return sorted(path for path in found if not any(part.startswith('.') for part in path.relative_to(folder).parts))


def common_suffix(folder: Path) -> str:
    """Return the most frequent suffix of the pictures in a folder.

    Raises:
        FileNotFoundError: If there are no pictures.
    """
    suffixes = Counter(path.suffix for path in pictures_in(folder))
    if not suffixes:
        raise FileNotFoundError(f'{folder} has no picture: expected files that end in {", ".join(SUFFIXES)}')
    return suffixes.most_common(1)[0][0]


def is_mask_folder(folder: Path) -> bool:
    """Whether the pictures of a folder are masks of class ids: one band with few values, not JPEG."""
    files = pictures_in(folder) if folder.is_dir() else []
    files = [path for path in files if path.suffix.lower() not in LOSSY and not path.stem.endswith(NO_MASKS)]
    return bool(files) and all(picture_fits(path, _is_mask) for path in spread(files, 5))


def _is_mask(image: Image.Image) -> bool:
    return image.mode in MASK_MODES and len(np.unique(np.asarray(image))) < FEW_VALUES


def why_no_masks(folder: Path) -> str:
    """Return why the pictures of a folder are not masks of class ids, in one sentence."""
    files = pictures_in(folder)
    if not files:
        found = sorted({path.suffix for path in folder.rglob('*') if path.is_file()})
        return f'{folder} holds no picture, but files that end in {", ".join(found) or "nothing"}'
    wrong = [path for path in spread(files, 5) if not picture_fits(path, _is_mask)]
    path = (wrong or files)[0]
    if path.suffix.lower() in LOSSY:
        return f'{path} is a JPEG or WebP, which changes the values of masks: save masks as PNG'
    try:
        with unlimited(), Image.open(path) as image:
            mode, count = image.mode, len(np.unique(np.asarray(image)))
    except PICTURE_ERRORS as error:
        return f'{path} cannot be read: {error}'
    if mode not in MASK_MODES:
        return (
            f'{path} has mode {mode!r}, and masks have one channel of class ids: wsss convert colour_png reads colours '
            'with a table of their classes'
        )
    return (
        f'{path} holds {count} different values, and masks hold few: class ids without smooth edges (anti-aliasing, '
        'resizing with interpolation)'
    )


def masks_beside_images(folder: Path) -> str:
    """Return that a folder holds masks beside the images, such as ``a.jpg`` and ``a_mask.png``; otherwise nothing."""
    files = {path.stem: path for path in files_in(folder, SUFFIXES, deep=False)}
    ends = Counter(
        stem[place:] for stem in files for place, sign in enumerate(stem) if sign == '_' and stem[:place] in files
    )
    if not ends:
        return ''
    end, number = ends.most_common(1)[0]
    mask = next(path for stem, path in files.items() if stem.endswith(end) and stem.removesuffix(end) in files)
    if 2 * number < len(files) or not picture_fits(mask, _is_mask):
        return ''
    image = files[mask.stem.removesuffix(end)]
    return (
        f'{folder} holds masks beside the images, such as {mask.name} beside {image.name}: move the masks to a folder '
        f'of their own, without the ending {end!r} in their names, and name it with --masks'
    )


def _by_name(paths: list[Path], names: tuple[str, ...]) -> list[Path]:
    """Return the paths with one of these names, in the order of the names."""
    return sorted(
        (path for path in paths if path.name.lower() in names), key=lambda path: names.index(path.name.lower())
    )


def _image_folder(root: Path | None, folders: list[Path]) -> Path:
    if root is None:
        raise FileNotFoundError('where are the images? Name the folder of the data, or --images')
    if any(path.suffix.lower() in SUFFIXES for path in root.iterdir()):
        return root
    named = [path for path in _by_name(folders, IMAGE_NAMES) if pictures_in(path)]
    others = [path for path in folders if pictures_in(path) and not is_mask_folder(path)]
    if not named and not others:
        for path in folders:
            if reason := masks_beside_images(path):
                raise ValueError(reason)
        looks = foreign_format(root)
        raise FileNotFoundError(
            f'no images below {root}: expected a folder such as {root}/images with files that end in '
            f'{", ".join(SUFFIXES)}; name it with --images' + (f'. {root} looks like {looks}' if looks else '')
        )
    return [*named, *sorted(others, key=lambda path: (_is_of_test(path), -len(pictures_in(path))))][0]


def _is_of_test(folder: Path) -> bool:
    return split_of_name(folder.name) == 'test' or folder.name.endswith('Ts')  # the latter as in nnU-Net
