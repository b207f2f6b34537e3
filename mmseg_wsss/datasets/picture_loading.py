"""Check what the loader of a pipeline makes of pictures by loading some of them."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
from mmcv.transforms import LoadImageFromFile
from PIL import Image

from .findings import ERROR, NOTE, WARNING, Finding
from .formats.picture_files import PICTURE_ERRORS
from .picture_headers import ORIENTATION, SIDEWAYS, PictureHeader, num_pages, opened, read_header
from .transforms.load_deep_image import LoadDeepImage, read_bands

BOMB = 178_956_970
"""Number of pixels above which Pillow does not decode a picture."""
MOST_PIXELS = 2**30
"""Number of pixels above which OpenCV does not decode a picture."""
LEVELS = (ERROR, WARNING, NOTE)
FEW_LEVELS, MANY_LEVELS = 32, 64
WITH_EXIF = {'JPEG': '.jpg', 'MPO': '.jpg', 'PNG': '.png', 'TIFF': '.tif', 'WEBP': '.webp', 'AVIF': '.avif'}
UNTURNED = "color_type='color_ignore_orientation' of LoadImageFromFile leaves them as they are"
_turns: dict[tuple[str, str], bool] = {}


def image_loader(steps: Iterable[Any]) -> Any:
    """Return the transform of a pipeline that loads image files; mmcv's with its defaults if there is none."""
    return next((step for step in steps if isinstance(step, LoadImageFromFile | LoadDeepImage)), LoadImageFromFile())


def turns(loader: Any, format_name: str) -> bool:
    """Return whether a loader applies the EXIF orientation of pictures of a format; this is tried out."""
    key = (repr(loader), format_name)
    suffix = WITH_EXIF.get(format_name)
    if suffix is None:
        return False
    if key not in _turns:
        exif = Image.Exif()
        exif[ORIENTATION] = 6
        with tempfile.TemporaryDirectory() as folder:
            path = os.path.join(folder, f'turned{suffix}')
            try:
                Image.new('RGB', (24, 16)).save(path, exif=exif)
                _turns[key] = load(loader, path).shape[:2] == (24, 16)
            except (ValueError, OSError, KeyError):
                _turns[key] = False
    return _turns[key]


def load(loader: Any, path: str) -> npt.NDArray[Any]:
    """Return a picture as a loader returns it.

    Raises:
        ValueError: If it cannot be loaded.
    """
    try:
        image = loader.transform({'img_path': path})['img']
    # A loader may be of any class, and decoders share no error: cv2.error, zlib.error, RuntimeError of AVIF, ...
    except Exception as error:
        text = str(error).splitlines()[0] if str(error) else type(error).__name__
        raise ValueError(text) from error
    array: npt.NDArray[Any] = image
    return array


def size_of(header: PictureHeader, loader: Any) -> tuple[int, int]:
    """Return (width, height) of a picture as a loader returns it."""
    sideways = header.orientation in SIDEWAYS and turns(loader, header.format)
    return (header.height, header.width) if sideways else (header.width, header.height)


def check_orientations(
    paths: Mapping[str, str], headers: Mapping[str, PictureHeader], loader: Any, settled: Iterable[str]
) -> list[Finding]:
    """Report whether EXIF orientations are applied, if sizes do not show to which orientation labels belong.

    Args:
        paths: Image files by image id.
        headers: Headers of the files.
        loader: The transform that loads them.
        settled: Images whose labels state the size that the loader returns.
    """
    settled = set(settled)
    found = []
    for turned in (True, False):
        keys = [
            key
            for key, header in headers.items()
            if header.orientation != 1
            and turns(loader, header.format) == turned
            and not (header.orientation in SIDEWAYS and key in settled)
        ]
        if not keys:
            continue
        first = headers[keys[0]].orientation
        which = f'{len(keys)} images have an EXIF orientation (first: {paths[keys[0]]}, orientation {first})'
        text = f'{which}, by which {type(loader).__name__} turns them, while masks are not turned'
        cure = (
            'labels and masks must be in pixels of the picture as it is shown, after turning; if yours are in pixels '
        )
        if not turned:
            text = f'{which}, which {type(loader).__name__} ignores'
            cure = (
                'labels and masks must be in pixels of the file; if yours are in pixels of the picture as it is shown'
            )
            asked_for = 'ignore_orientation' in getattr(loader, 'color_type', '')
            found.append(Finding(NOTE if asked_for else WARNING, text, f'{cure}, turn the files first'))
        else:
            found.append(Finding(WARNING, text, f'{cure}of the file, {UNTURNED}'))
    return found


def check_loading(paths: Mapping[str, str], headers: Mapping[str, PictureHeader], loader: Any) -> list[Finding]:
    """Load one picture of every kind (format, depth, bands) and report what happens to it.

    Args:
        paths: Image files by image id.
        headers: Headers of the files.
        loader: The transform that loads them.
    """
    found, channels = [], {}
    kinds: dict[tuple[Any, ...], list[str]] = {}
    for key, header in headers.items():
        if header.width * header.height <= BOMB:
            kinds.setdefault(header.signature, []).append(key)
    for keys in kinds.values():
        key, header = keys[0], headers[keys[0]]
        where = f'{len(keys)} images (first: {paths[key]}), {header}'
        try:
            image = load(loader, paths[key])
        except ValueError as error:
            found.append(Finding(ERROR, f'{where}: {type(loader).__name__} cannot load it ({error})', _cure(header)))
            continue
        found += _left_out(where, paths[key], header, loader)
        channels[1 if image.ndim == 2 else image.shape[2]] = paths[key]
        size = size_of(header, loader)
        if image.shape[1::-1] != size:
            given = f'{image.shape[1]} x {image.shape[0]}'
            found.append(Finding(ERROR, f'{where}: the loader gives {given} pixels, not {size[0]} x {size[1]}'))
        if header.deep or isinstance(loader, LoadDeepImage):
            some = [paths[other] for other in keys[:: max(1, len(keys) // 3)]]
            found.append(_worst_depth(len(keys), some, header, loader))
    if len(channels) > 1:
        given = ', '.join(f'{number} ({path})' for number, path in channels.items())
        found.append(
            Finding(ERROR, f'images are loaded with different numbers of channels: {given}', "set color_type='color'")
        )
    return [*found, *_huge(paths, headers, loader)]


def require_kept(paths: Mapping[str, str], loader: Any) -> None:
    """Check that a trained network gets pictures as it learned from: of a depth and bands that its loader keeps.

    Args:
        paths: Image files by name.
        loader: The transform that loads them.

    Raises:
        ValueError: If a file is not an image, or values of a picture become black or white when it is loaded.
    """
    findings = check_loading(paths, {key: read_header(path) for key, path in paths.items()}, loader)
    errors = [finding.text for finding in findings if finding.level == ERROR]
    if errors:
        raise ValueError(f'{errors[0]}. The network learned from others: convert these to their depth and bands')


def _left_out(where: str, path: str, header: PictureHeader, loader: Any) -> Iterator[Finding]:
    """Report the pages and bands of a picture that a loader leaves out."""
    if (pages := num_pages(path)) > 1:
        yield Finding(NOTE, f'{where}: it has {pages} pages or frames, and only the first is loaded')
    if header.format == 'TIFF' and header.bands == 2 and not isinstance(loader, LoadDeepImage):
        cure = 'LoadDeepImage(range=(low, high), bands=(0, 1, 0)) loads both'
        yield Finding(WARNING, f'{where}: {type(loader).__name__} loads the first band alone', cure)


def _cure(header: PictureHeader) -> str:
    if header.bands not in (1, 3, 4):
        return (
            f'{header.bands} bands: only 1, 3 or 4 can be loaded; LoadDeepImage(range=(low, high), bands=(0, 1, 2)) '
            'takes three of them, in the order red, green, blue'
        )
    if header.deep:
        return 'LoadDeepImage(range=(low, high)) loads it, instead of LoadImageFromFile'
    return 'is it damaged, or still a pointer of Git LFS? wsss check --decode reads every image'


def _raw(path: str) -> npt.NDArray[Any] | None:
    """Return the values of a deep picture, or None if they cannot be read."""
    try:
        return read_bands(Path(path).read_bytes(), path)
    except ValueError:
        return None


def _worst_depth(number: int, paths: Sequence[str], header: PictureHeader, loader: Any) -> Finding:
    """Report what a loader keeps of deep pictures of one kind, for the one that loses most."""
    found = []
    for path in paths:
        where = f'{number} images (such as {path}), {header}'
        try:
            found.append(_depth(where, header, _raw(path), load(loader, path), type(loader).__name__))
        except ValueError as error:
            text = f'{path}: {type(loader).__name__} cannot load it ({error})'
            found.append(Finding(ERROR, text, _cure(header)))
    return min(found, key=lambda finding: LEVELS.index(finding.level))


def _depth(
    where: str, header: PictureHeader, raw: npt.NDArray[Any] | None, image: npt.NDArray[Any], name: str
) -> Finding:
    """Report what a loader keeps of a picture with more than 8 bits."""
    if raw is None:
        return Finding(NOTE, f'{where}: its values could not be compared with those that {name} gives')
    low, high = np.nanmin(raw), np.nanmax(raw)
    values = f'{where}, values {low:.6g} to {high:.6g}'
    place = '' if name == 'LoadDeepImage' else f' instead of {name}, in all pipelines'
    cure = f"dict(type='LoadDeepImage', range=({low:.6g}, {high:.6g})){place}, with the range of the whole data set"
    if image.dtype != np.uint8 and image.max() <= 255 and np.issubdtype(image.dtype, np.floating):
        whole = np.rint(image)
        image = whole.astype(np.uint8) if (whole == image).all() else image  # with to_float32=True
    if image.dtype != np.uint8:
        text = f'{values}: {name} gives {image.dtype}, and losses that look at colours expect 0 to 255'
        return Finding(WARNING, text, cure)
    levels = len(np.unique(image))
    white, black = (
        float((image == end).mean() - (raw == extreme).mean()) for end, extreme in ((255, high), (0, low))
    )  # the clipped part
    if len(np.unique(raw)) <= levels:
        return Finding(NOTE, f'{values}: {name} keeps all of them')
    spoilt = levels <= FEW_LEVELS or max(white, black) > 0.5
    left = f'leaves {levels} grey levels, {image.min()} to {image.max()} of 255'
    if max(white, black) > 0.01:
        share, colour = (white, 'white (255)') if white >= black else (black, 'black (0)')
        left += f', and {share:.1%} of the values became {colour}'
    level = ERROR if spoilt else NOTE if levels >= MANY_LEVELS and max(white, black) <= 0.05 else WARNING
    return Finding(level, f'{header.bits}-bit images: {values}: {name} {left}', cure)


def decode(key: str, path: str, loader: Any) -> Finding | None:
    """Load an image and return a description of the problem, or None.

    Args:
        key: Id of the image.
        path: Path of the file.
        loader: The transform that loads it.
    """
    if not os.path.isfile(path):  # reading a named pipe would wait
        return Finding(ERROR, f'image {key!r}: {path} is not a file', 'copy it again, or leave it out')
    try:
        load(loader, path)
    except ValueError as error:
        return Finding(ERROR, f'image {key!r}: {path} cannot be loaded ({error})', 'copy it again, or leave it out')
    try:
        with opened(path) as image:
            try:
                image.load()
            except PICTURE_ERRORS as error:  # from a decoder that is stricter than the loader
                text = f'image {key!r}: {path} is damaged ({error}); the loader fills in what is missing'
                return Finding(WARNING, text, 'copy it again')
    except ValueError:
        return None  # a kind of file that Pillow cannot read
    return None


def _huge(paths: Mapping[str, str], headers: Mapping[str, PictureHeader], loader: Any) -> list[Finding]:
    """Report pictures that are too large to be loaded completely for every crop."""
    keys = [key for key, header in headers.items() if header.width * header.height > BOMB]
    if not keys:
        return []
    header = headers[keys[0]]
    pillow = getattr(loader, 'imdecode_backend', 'cv2') == 'pillow'
    refused = pillow or any(headers[key].width * headers[key].height > MOST_PIXELS for key in keys)
    text = f'{len(keys)} images are very large (first: {paths[keys[0]]}, {header.width} x {header.height} pixels): ' + (
        'the loader refuses such pictures' if refused else 'each is loaded whole for every crop'
    )
    return [Finding(ERROR if refused else WARNING, text, 'cut images and labels into tiles')]
