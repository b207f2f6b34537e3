"""Pictures of textured shapes with exact masks, drawn from a seed.

Each class has a form, a hue and two textures that it shares with other classes, so no single cue identifies it. Clutter
(blobs and strokes in any hue and texture) is background. Textures are the PNG photographs inside scikit-image's wheel:
nothing is downloaded, and image ``index`` of ``seed`` is the same everywhere.

Shape letters: H x W the picture. Positions are (row, column).
"""

from __future__ import annotations

import colorsys
from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
import numpy.typing as npt
import skimage.data
from scipy.ndimage import gaussian_filter
from skimage.color import rgb2gray, rgba2rgb
from skimage.draw import polygon
from skimage.transform import downscale_local_mean
from skimage.util import img_as_float32

FloatArray = npt.NDArray[np.floating]
Mask = npt.NDArray[np.bool_]
Rng = np.random.Generator
Outline = tuple[list[FloatArray], list[FloatArray]]  # polygons that add, polygons that cut out; unit radius

CLASSES = ('background', 'disk', 'box', 'triangle', 'star', 'ring', 'cross')
PALETTE = ((0, 0, 0), (230, 60, 60), (240, 170, 40), (90, 190, 70), (50, 190, 200), (80, 100, 230), (200, 80, 200))

_HUES = (0.0, 0.11, 0.3, 0.48, 0.63, 0.83)
_HUE_SPREAD = 0.045
_CLASS_TEXTURES = (
    ('gravel', 'coins'),
    ('brick', 'page'),
    ('grass', 'chelsea'),
    ('immunohistochemistry', 'gravel'),
    ('coffee', 'brick'),
    ('page', 'grass'),
)
_SCENERY = ('grass', 'gravel', 'brick', 'chelsea', 'coffee', 'astronaut', 'camera', 'immunohistochemistry')
_MAX_OVERLAP = 0.3
_MIN_PIXELS = 40


@dataclass(frozen=True, eq=False)
class Scene:
    """One picture and its ground truth.

    Args:
        image: RGB, (H, W, 3) uint8.
        mask: Class ids, (H, W) uint8.
        instances: Number of the object, or 0 for the background, (H, W) int64.
    """

    image: npt.NDArray[np.uint8]
    mask: npt.NDArray[np.uint8]
    instances: npt.NDArray[np.int64]


@lru_cache(maxsize=2048)
def draw_scene(seed: int, index: int, size: tuple[int, int]) -> Scene:
    """Draw picture ``index`` of the stream ``seed``: background, clutter, two to four objects, strokes in front.

    Args:
        seed: Seed of the sequence; two sequences have no picture in common.
        index: Position in the sequence.
        size: (height, width).

    Returns:
        A scene that later calls return again: copy its arrays before changing them.
    """
    rng = np.random.default_rng((seed, index))
    picture = _background(rng, size)
    for _ in range(rng.integers(2, 5)):
        _paint(picture, _clutter(rng, size), _clutter_colour(rng, size))
    mask = np.zeros(size, dtype=np.uint8)
    instances = np.zeros(size, dtype=np.int64)
    for number in range(1, rng.integers(2, 5) + 1):
        label = int(rng.integers(1, len(CLASSES)))
        inside = _place_object(rng, label, instances)
        if inside is not None:
            _paint(picture, inside, _object_colour(rng, label, size))
            mask[inside], instances[inside] = label, number
    if rng.random() < 0.4:
        inside = _stroke(rng, size)
        _paint(picture, inside, _clutter_colour(rng, size))
        mask[inside] = instances[inside] = 0
    image = _as_photo(rng, picture)
    for array in (image, mask, instances):
        array.flags.writeable = False
    return Scene(image, mask, instances)


def _paint(picture: FloatArray, inside: Mask, colour: FloatArray) -> None:
    """Blend ``colour`` into ``picture`` with soft edges as in a photo; the mask itself stays exact."""
    alpha = gaussian_filter(inside.astype(np.float32), 0.5)[..., None]
    picture += alpha * (colour - picture)


def _as_photo(rng: Rng, picture: FloatArray) -> npt.NDArray[np.uint8]:
    """Add a light that falls off to one side, a colour cast and noise."""
    rows, columns = np.mgrid[-1 : 1 : picture.shape[0] * 1j, -1 : 1 : picture.shape[1] * 1j]
    slope = rng.uniform(-0.2, 0.2, 2)
    light = rng.uniform(0.85, 1.15) * (1 + slope[0] * rows + slope[1] * columns)
    picture = picture * light[..., None] * rng.uniform(0.92, 1.08, 3) + rng.normal(0, 0.015, picture.shape)
    return np.rint(np.clip(picture, 0, 1) * 255).astype(np.uint8)


# --- textures


@lru_cache(maxsize=32)
def _photograph(name: str, shrink: int) -> tuple[FloatArray, FloatArray]:
    """Return the standardised brightness (h, w, 1) and the remaining colour (h, w, 3) of a bundled photograph."""
    photo = img_as_float32(getattr(skimage.data, name)())
    if photo.ndim == 2:
        photo = np.repeat(photo[..., None], 3, axis=2)
    elif photo.shape[2] == 4:
        photo = rgba2rgb(photo)
    photo = downscale_local_mean(photo, (shrink, shrink, 1))
    grey = rgb2gray(photo)[..., None]
    return (grey - grey.mean()) / grey.std(), photo - grey


def _texture(rng: Rng, name: str, size: tuple[int, int], *, tint: FloatArray, contrast: float) -> FloatArray:
    """Cut a random piece of a photograph and colour it, (H, W, 3)."""
    brightness, colour = _photograph(name, int(rng.integers(1, 3)))
    index = []
    for length, wanted in zip(brightness.shape, size, strict=False):
        start = rng.integers(max(length - wanted, 0) + 1)
        index.append((start + np.arange(wanted)) % length)
    piece = np.ix_(*index)
    flip = (slice(None, None, rng.choice((-1, 1))), slice(None, None, rng.choice((-1, 1))))
    texture: FloatArray = np.clip(tint + contrast * brightness[piece].clip(-2, 2) + 0.25 * colour[piece], 0, 1)[flip]
    return texture


def _tint(rng: Rng, hue: float, saturation: tuple[float, float], value: tuple[float, float]) -> FloatArray:
    return np.array(colorsys.hsv_to_rgb(hue % 1, rng.uniform(*saturation), rng.uniform(*value)))


def _object_colour(rng: Rng, label: int, size: tuple[int, int]) -> FloatArray:
    tint = _tint(rng, rng.normal(_HUES[label - 1], _HUE_SPREAD), (0.35, 0.75), (0.5, 0.85))
    name = str(rng.choice(_CLASS_TEXTURES[label - 1]))
    return _texture(rng, name, size, tint=tint, contrast=rng.uniform(0.04, 0.09))


def _clutter_colour(rng: Rng, size: tuple[int, int]) -> FloatArray:
    tint = _tint(rng, rng.random(), (0.1, 0.6), (0.25, 0.9))
    return _texture(rng, str(rng.choice(_SCENERY)), size, tint=tint, contrast=rng.uniform(0.03, 0.1))


def _background(rng: Rng, size: tuple[int, int]) -> FloatArray:
    """Draw two textured grounds that meet in a crooked line."""
    grounds = []
    for _ in range(2):
        tint = _tint(rng, rng.random(), (0.0, 0.3), (0.3, 0.75))
        name = str(rng.choice(_SCENERY))
        grounds.append(_texture(rng, name, size, tint=tint, contrast=rng.uniform(0.04, 0.12)))
    blob = _fill([_blob(rng)], [], size, centre=rng.uniform(0, 1, 2) * size, radius=0.6 * min(size))
    _paint(grounds[0], blob, grounds[1])
    return grounds[0]


# --- forms


def _place_object(rng: Rng, label: int, instances: npt.NDArray[np.int64]) -> Mask | None:
    """Find a place where the object covers little of the others, or None after ten tries."""
    size = (instances.shape[0], instances.shape[1])
    for _ in range(10):
        adds, cuts = _FORMS[label - 1](rng)
        if rng.random() < 0.5:
            adds = [*adds, _handle(rng)]
        turn = _rotation(rng.uniform(0, 2 * np.pi)) * rng.uniform(0.8, 1.0, (1, 2))
        adds, cuts = [part @ turn for part in adds], [part @ turn for part in cuts]
        centre = rng.uniform(0.12, 0.88, 2) * size
        inside = _fill(adds, cuts, size, centre=centre, radius=rng.uniform(0.13, 0.26) * min(size))
        hidden = np.bincount(instances[inside], minlength=instances.max() + 1)[1:]
        areas = np.bincount(instances.ravel(), minlength=len(hidden) + 1)[1:]
        if inside.sum() >= _MIN_PIXELS and (hidden <= _MAX_OVERLAP * areas).all():
            return inside
    return None


def _fill(
    adds: list[FloatArray], cuts: list[FloatArray], size: tuple[int, int], *, centre: FloatArray, radius: float
) -> Mask:
    inside = np.zeros(size, dtype=bool)
    for parts, value in ((adds, True), (cuts, False)):
        for part in parts:
            rows, columns = (part * radius + centre).T
            inside[polygon(rows, columns, size)] = value
    return inside


def _circle(radius: float = 1.0) -> FloatArray:
    angles = np.linspace(0, 2 * np.pi, 48, endpoint=False)
    return radius * np.stack([np.sin(angles), np.cos(angles)], axis=1)


def _bar(top: float, bottom: float, half_width: float) -> FloatArray:
    return np.array([[top, -half_width], [top, half_width], [bottom, half_width], [bottom, -half_width]])


def _rotation(angle: float) -> FloatArray:
    return np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])


def _handle(rng: Rng) -> FloatArray:
    """A thin bar from the centre to outside of the form."""
    return _bar(0.0, rng.uniform(1.4, 2.0), rng.uniform(0.06, 0.11)) @ _rotation(rng.uniform(0, 2 * np.pi))


def _disk(rng: Rng) -> Outline:
    return [_circle()], []


def _box(rng: Rng) -> Outline:
    return [_bar(-0.9, 0.9, rng.uniform(0.5, 0.9))], []


def _triangle(rng: Rng) -> Outline:
    return [np.array([[-1.1, rng.uniform(-0.4, 0.4)], [0.8, -1.0], [0.8, 1.0]])], []


def _star(rng: Rng) -> Outline:
    spikes = int(rng.integers(5, 8))
    angles = np.arange(2 * spikes) * np.pi / spikes
    outline = np.stack([np.sin(angles), np.cos(angles)], axis=1) * 1.25
    outline[1::2] *= rng.uniform(0.3, 0.42)
    return [outline], []


def _ring(rng: Rng) -> Outline:
    return [_circle(1.05)], [_circle(rng.uniform(0.55, 0.72))]


def _cross(rng: Rng) -> Outline:
    half_width = rng.uniform(0.2, 0.33)
    return [_bar(-1.1, 1.1, half_width), _bar(-1.1, 1.1, half_width)[:, ::-1]], []


_FORMS: tuple[Callable[[Rng], Outline], ...] = (_disk, _box, _triangle, _star, _ring, _cross)


def _blob(rng: Rng) -> FloatArray:
    """An irregular closed curve around the origin."""
    angles = np.linspace(0, 2 * np.pi, 48, endpoint=False)
    waves = sum(rng.uniform(0, 0.25) * np.cos(k * angles + rng.uniform(0, 2 * np.pi)) for k in (1, 2, 3, 5))
    curve: FloatArray = _circle() * (0.8 + waves)[:, None]
    return curve


def _stroke(rng: Rng, size: tuple[int, int]) -> Mask:
    """A bent line of two to four pixels across the picture."""
    steps = np.linspace(0, 1, 24)[:, None]
    start, bend, end = rng.uniform(-0.1, 1.1, (3, 2)) * size
    line = (1 - steps) ** 2 * start + 2 * steps * (1 - steps) * bend + steps**2 * end
    along = np.gradient(line, axis=0)
    across = along[:, ::-1] * (1, -1) / np.maximum(np.linalg.norm(along, axis=1, keepdims=True), 1e-6)
    half_width = rng.uniform(1.0, 2.2) * min(size) / 128
    outline = np.concatenate([line + half_width * across, (line - half_width * across)[::-1]])
    return _fill([outline], [], size, centre=np.zeros(2), radius=1.0)


def _clutter(rng: Rng, size: tuple[int, int]) -> Mask:
    if rng.random() < 0.5:
        return _stroke(rng, size)
    return _fill([_blob(rng)], [], size, centre=rng.uniform(0, 1, 2) * size, radius=rng.uniform(0.06, 0.2) * min(size))
