"""Find the images that label files name without a suffix or size, or do not name at all."""

from __future__ import annotations

import unicodedata
from pathlib import Path

from PIL import Image

from ...structures import WeakAnnotations, WeakLabelSet
from .collecting import ImageCollector
from .files import listed_files, nearest, relative_id
from .label_format import ReadReport
from .tool_labels import Size

SUFFIXES = ('.jpg', '.jpeg', '.png', '.bmp', '.tif', '.tiff', '.webp', '.jp2', '.gif')


def picture_name(name: str, img_suffix: str) -> str:
    """Return the name of an image that may be written without its suffix, which may not be all that follows a dot.

    Example:
        >>> picture_name('a.TIF', '.jpg'), picture_name('plot_1.5', '.jpg')
        ('a.TIF', 'plot_1.5.jpg')
    """
    return name if Path(name).suffix.lower() in Image.registered_extensions() else name + img_suffix


def find_image(folder: Path, key: str, where: str) -> Path:
    """Return the image of an id, with any suffix and in any Unicode form; the id may have the suffix.

    Raises:
        FileNotFoundError: If there is no such image.
        ValueError: If there are several such images.
    """
    parent, stem = (folder / key).parent, unicodedata.normalize('NFC', Path(key).name)
    beside = sorted(parent.iterdir()) if parent.is_dir() else []
    pictures = [file for file in beside if file.suffix.lower() in SUFFIXES]
    found = [
        file for file in pictures if stem in (unicodedata.normalize('NFC', name) for name in (file.stem, file.name))
    ]
    if not found:
        stems = [file.stem for file in pictures]
        hint = f' {nearest(stem, stems[:10])}.' if stems else ''
        raise FileNotFoundError(f'{where}: there is no image {key!r} in {folder}.{hint}')
    if len(found) > 1:
        raise ValueError(f'{where}: several images have the name {key!r}: {", ".join(file.name for file in found)}')
    return found[0]


def header_size(image: Path) -> Size:
    """Return (width, height) of an image as it is shown.

    Raises:
        FileNotFoundError: If the file does not exist.
        ValueError: If it is not an image.
    """
    from ..image_checks import image_size  # it reads index images with this package

    try:
        return image_size(image)
    except FileNotFoundError:
        raise
    except OSError as error:
        raise ValueError(f'{image} cannot be read: {error}') from error


def unlabelled_images(folder: str, suffix: str, classes: tuple[str, ...], report: ReadReport) -> WeakLabelSet:
    """Return the images of a folder, without labels.

    Args:
        folder: The folder; subfolders are included.
        suffix: What the names end in, in upper or lower case.
        classes: Class names by id.
        report: Counts hidden files, which are left out.

    Raises:
        FileNotFoundError: If there is no such image.
        ValueError: If two images would have the same id.
    """
    root, files = listed_files(folder, suffix, 'the image folder', report)
    images = ImageCollector(folder)
    for file in files:
        key = relative_id(file, root, suffix)
        images.add(file.relative_to(root).as_posix(), (None, None), WeakAnnotations(), key=key)
    return images.label_set(classes)
