"""Pictures of the inputs of a loss: photo, weak labels, prediction and ground truth side by side.

Shape letters: H x W one picture. Images are RGB uint8; label maps contain class ids, 255 where unlabelled.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, TypedDict, TypeVar

import cv2
import numpy as np
import numpy.typing as npt
from scipy import ndimage
from skimage.morphology import disk

Image = npt.NDArray[np.uint8]
LabelMap = npt.NDArray[np.integer]
SoftMaps = npt.NDArray[np.floating]
Scalar = TypeVar('Scalar', bound=np.generic)

PANEL_SIZE = 224  # smaller pictures are enlarged, so that clicks and text can be read
_TITLE_HEIGHT = 20
_LEGEND_HEIGHT = 18
_GAP = 4
_FONT = cv2.FONT_HERSHEY_SIMPLEX
_MARK_RADIUS = 3


class ClassColours(TypedDict):
    """The arguments of :func:`draw_panels` for the classes."""

    classes: Sequence[str]
    palette: Sequence[Sequence[int]]


class Panels(TypedDict, total=False):
    """The arguments of :func:`draw_panels` for the maps next to the photo."""

    weak_labels: LabelMap
    prediction: LabelMap
    truth: LabelMap
    steps: Mapping[str, LabelMap | SoftMaps]
    valid: npt.NDArray[Any]
    titles: Mapping[str, str]


def draw_panels(
    image: Image,
    weak_labels: LabelMap | None = None,
    prediction: LabelMap | None = None,
    truth: LabelMap | None = None,
    *,
    palette: Sequence[Sequence[int]],
    classes: Sequence[str],
    steps: Mapping[str, LabelMap | SoftMaps] | None = None,
    valid: npt.NDArray[Any] | None = None,
    titles: Mapping[str, str] | None = None,
    ignore_index: int = 255,
) -> Image:
    """Draw one row: photo | weak labels | steps | prediction | truth, as far as given, above a legend of the classes.

    Clicks and thin strokes are enlarged and have a white rim. In the other maps, unlabelled pixels are hatched; in all
    panels, the area outside the original image is crossed out.

    Args:
        image: RGB, (H, W, 3) uint8.
        weak_labels: Class ids, (H, W).
        prediction: Class ids, (H, W).
        truth: Class ids, (H, W).
        palette: One RGB colour per class.
        classes: The names of the classes.
        steps: Further maps by title, such as the pseudo-labels of the model: class ids, (H, W), or soft maps in [0, 1]
            of every class, (C, H, W), where a pixel has the colour of its highest class, paler for lower values.
        valid: Non-zero inside the original image, (H, W).
        titles: Other titles for ``photo``, ``weak labels``, ``prediction``, ``truth``.
        ignore_index: The value of unlabelled pixels.

    Raises:
        ValueError: If a map and the image differ in size, or a class id has no colour.
    """
    named: dict[str, LabelMap | SoftMaps | None]
    named = {'weak labels': weak_labels, **(steps or {}), 'prediction': prediction, 'truth': truth}
    maps = {name: np.asarray(labels) for name, labels in named.items() if labels is not None}
    if len(palette) != len(classes):
        raise ValueError(f'expected one colour per class, got {len(palette)} colours for {len(classes)} classes')
    _check(image, {**maps, **({} if valid is None else {'valid': np.asarray(valid)})}, len(palette))
    present = _present_classes([m for m in maps.values() if m.ndim == 2], len(palette), ignore_index)
    scale = panel_scale(image)
    photo = enlarged(image, scale)
    colours = np.zeros((256, 3), dtype=np.uint8)
    colours[: len(palette)] = palette
    drawn = {'photo': photo}
    for name, labels in maps.items():
        if labels.ndim == 3:
            drawn[name] = _enlarge(_draw_soft(labels, colours[: len(palette)]), scale)
            continue
        ids = _enlarge(labels.astype(np.uint8), scale)
        if name == 'weak labels':
            drawn[name] = _draw_marks(photo, ids, colours, ignore_index)
        else:
            drawn[name] = _draw_dense(photo, ids, colours, ignore_index)
    outside = None if valid is None else _enlarge(np.asarray(valid) == 0, scale)
    row = []
    for name, panel in drawn.items():
        if outside is not None:
            panel = np.where(outside[..., None], _hatched(photo.shape[:2], crossed=True), panel)
        row.append(with_title(panel, (titles or {}).get(name, name)))
        row.append(np.full((row[0].shape[0], _GAP, 3), 255, dtype=np.uint8))
    strip = np.concatenate(row[:-1], axis=1)
    return np.concatenate([strip, _legend(strip.shape[1], present, colours, classes)])


def panel_scale(image: Image) -> int:
    """Return how many times a picture is enlarged, so that clicks and text can be read."""
    return max(1, round(PANEL_SIZE / image.shape[1]))


def enlarged(image: Image, scale: int) -> Image:
    """Return a photo of ``scale`` times the size."""
    return np.asarray(cv2.resize(image, None, fx=scale, fy=scale, interpolation=cv2.INTER_LINEAR), dtype=np.uint8)


def contact_sheet(panels: Sequence[Image], columns: int = 1) -> Image:
    """Arrange pictures of any size on a white sheet, row by row.

    Args:
        panels: RGB pictures.
        columns: Pictures per row.

    Raises:
        ValueError: If there are no pictures or no columns.
    """
    if not len(panels) or columns < 1:
        raise ValueError(f'expected at least one picture and one column, got {len(panels)} and {columns}')
    columns = min(columns, len(panels))
    heights = [max(p.shape[0] for p in panels[start : start + columns]) for start in range(0, len(panels), columns)]
    widths = [max(p.shape[1] for p in panels[column::columns]) for column in range(columns)]
    tops, lefts = (np.cumsum([0, *sides]) + _GAP * np.arange(len(sides) + 1) for sides in (heights, widths))
    sheet = np.full((tops[-1], lefts[-1], 3), 255, dtype=np.uint8)
    for number, panel in enumerate(panels):
        top, left = tops[number // columns], lefts[number % columns]
        sheet[top : top + panel.shape[0], left : left + panel.shape[1]] = panel
    return sheet


def grow_marks(labels: LabelMap, radius: int, ignore_index: int = 255) -> LabelMap:
    """Enlarge clicks and strokes: each pixel within ``radius`` gets the nearest label.

    Connected regions that are already wider than the enlarged marks, such as masks, do not change.

    Args:
        labels: Class ids, (H, W).
        radius: Radius in pixels.
        ignore_index: The value of unlabelled pixels.
    """
    labelled = labels != ignore_index
    components, _ = ndimage.label(labelled, structure=np.ones((3, 3)))
    wide = np.unique(components[ndimage.binary_opening(labelled, disk(radius))])
    thin = labelled & ~np.isin(components, wide)
    if not thin.any():
        return labels
    distance, (rows, columns) = ndimage.distance_transform_edt(~thin, return_indices=True)
    return np.where(~labelled & (distance <= radius), labels[rows, columns], labels)


def _check(image: Image, maps: Mapping[str, npt.NDArray[Any]], num_classes: int) -> None:
    if image.ndim != 3 or image.shape[2] != 3 or image.dtype != np.uint8:
        raise ValueError(f'expected an RGB image (H, W, 3) of uint8, got {image.shape} of {image.dtype}')
    for name, labels in maps.items():
        if labels.ndim == 3 and len(labels) != num_classes:
            raise ValueError(f'{name} must have one soft map per class ({num_classes}), got {len(labels)}')
        if labels.shape[-2:] != image.shape[:2]:
            raise ValueError(f'{name} must have the size of the image {image.shape[:2]}, got {labels.shape}')


def _present_classes(maps: Sequence[npt.NDArray[np.number]], num_classes: int, ignore_index: int) -> list[int]:
    present = sorted({int(label) for labels in maps for label in np.unique(labels)} - {ignore_index})
    strange = [label for label in present if not 0 <= label < num_classes]
    if strange:
        raise ValueError(f'class ids {strange} have no colour: the palette has {num_classes}')
    return present


def _enlarge(labels: npt.NDArray[Scalar], scale: int) -> npt.NDArray[Scalar]:
    return labels.repeat(scale, axis=0).repeat(scale, axis=1)


def _draw_marks(photo: Image, labels: LabelMap, colours: Image, ignore_index: int) -> Image:
    grown = grow_marks(labels, _MARK_RADIUS, ignore_index)
    marked = grown != ignore_index
    pale = photo // 2 + 100
    pale[ndimage.binary_dilation(marked) & ~marked] = 255
    return np.where(marked[..., None], colours[grown], pale)


def _draw_dense(photo: Image, labels: LabelMap, colours: Image, ignore_index: int) -> Image:
    grey = photo.mean(axis=2, keepdims=True)
    blended = (0.3 * grey + 0.7 * colours[labels]).astype(np.uint8)
    return np.where((labels == ignore_index)[..., None], _hatched(labels.shape, crossed=False), blended)


def _draw_soft(maps: npt.NDArray[np.number], colours: Image) -> Image:
    strength = maps.max(axis=0).clip(0, 1)[..., None]
    drawn: Image = np.rint(strength * colours[maps.argmax(axis=0)] + (1 - strength) * 255).astype(np.uint8)
    return drawn


def _hatched(size: tuple[int, ...], *, crossed: bool) -> Image:
    rows, columns = np.indices(size[:2])
    lines = (rows + columns) % 8 == 0
    if crossed:
        lines |= (rows - columns) % 8 == 0
    grey = np.where(lines, 110, 200).astype(np.uint8)
    return np.stack([grey] * 3, axis=2)


def with_title(panel: Image, title: str) -> Image:
    """Return a picture with a line of text above it."""
    bar = np.full((_TITLE_HEIGHT, panel.shape[1], 3), 255, dtype=np.uint8)
    cv2.putText(bar, title, (3, 14), _FONT, 0.42, (0, 0, 0), 1, cv2.LINE_AA)
    return np.concatenate([bar, panel])


def _legend(width: int, present: Sequence[int], colours: Image, classes: Sequence[str]) -> Image:
    """Draw a swatch and a name per class, in as many lines as necessary."""
    places, left, line = [], 3, 0
    for label in present:
        needed = 22 + cv2.getTextSize(classes[label], _FONT, 0.4, 1)[0][0]
        if left + needed > width and left > 3:
            left, line = 3, line + 1
        places.append((label, left, line * _LEGEND_HEIGHT))
        left += needed + 8
    legend = np.full(((line + 1) * _LEGEND_HEIGHT, width, 3), 255, dtype=np.uint8)
    for label, left, top in places:
        legend[top + 3 : top + 15, left : left + 16] = colours[label]
        cv2.putText(legend, classes[label], (left + 20, top + 13), _FONT, 0.4, (0, 0, 0), 1, cv2.LINE_AA)
    return legend
