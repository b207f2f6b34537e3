"""The images that label files name without a suffix or a size."""

from __future__ import annotations

from pathlib import Path

from .files import nearest
from .tool_labels import Size

SUFFIXES = ('.jpg', '.jpeg', '.png', '.bmp', '.tif', '.tiff', '.webp', '.jp2', '.gif')


def find_image(folder: Path, key: str, where: str) -> Path:
    """Return the image of an id, whatever its suffix.

    Raises:
        FileNotFoundError: If there is none.
        ValueError: If there are several.
    """
    parent, stem = (folder / key).parent, Path(key).name
    beside = sorted(parent.iterdir()) if parent.is_dir() else []
    found = [file for file in beside if file.stem == stem and file.suffix.lower() in SUFFIXES]
    if not found:
        stems = [file.stem for file in beside if file.suffix.lower() in SUFFIXES]
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
    from ..image_checks import image_size  # which reads index images with this package

    try:
        return image_size(image)
    except FileNotFoundError:
        raise
    except OSError as error:
        raise ValueError(f'{image} cannot be read: {error}') from error
