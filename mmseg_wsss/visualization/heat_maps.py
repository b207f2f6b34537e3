"""Maps of one number per pixel as colours, alone or over the photo.

Shape letters: H x W one picture. Images are RGB uint8.
"""

from __future__ import annotations

from collections.abc import Mapping

import cv2
import numpy as np
import numpy.typing as npt

from .panels import Image, contact_sheet, enlarged, panel_scale, with_title

HeatMap = npt.NDArray[np.floating]


def heat_colours(heat: HeatMap) -> Image:
    """Return the colours of a map, from dark blue (0) through green (0.5) to dark red (1), (H, W, 3).

    Args:
        heat: Numbers in [0, 1], (H, W); values out of range are clipped.

    Raises:
        ValueError: If the map does not have two axes.
    """
    heat = np.asarray(heat)
    if heat.ndim != 2:
        raise ValueError(f'expected a heat map (H, W), got the shape {heat.shape}')
    levels = np.rint(255 * np.clip(np.nan_to_num(heat), 0, 1)).astype(np.uint8)
    return np.ascontiguousarray(cv2.applyColorMap(levels, cv2.COLORMAP_JET)[..., ::-1])


def overlay_heat_map(image: Image, heat: HeatMap, opacity: float = 0.5) -> Image:
    """Blend the colours of a map with a photo.

    Args:
        image: RGB, (H, W, 3) uint8.
        heat: Numbers in [0, 1], of any size, which are resized bilinearly.
        opacity: Share of the colours, in [0, 1].

    Raises:
        ValueError: If the opacity is out of range or the image has another form.
    """
    if image.ndim != 3 or image.shape[2] != 3 or image.dtype != np.uint8:
        raise ValueError(f'expected an RGB image (H, W, 3) of uint8, got {image.shape} of {image.dtype}')
    if not 0 <= opacity <= 1:
        raise ValueError(f'opacity must be in [0, 1], got {opacity}')
    heat = np.asarray(heat, dtype=np.float32)
    if heat.shape != image.shape[:2]:
        heat = resized(heat, image, cv2.INTER_LINEAR)
    return np.rint((1 - opacity) * image + opacity * heat_colours(heat)).astype(np.uint8)


def resized(heat: HeatMap, image: Image, interpolation: int) -> HeatMap:
    """Return a map at the size of an image, as OpenCV interpolates it."""
    size = (image.shape[1], image.shape[0])
    return np.asarray(cv2.resize(heat.astype(np.float32), size, interpolation=interpolation), dtype=np.float32)


def draw_heat_maps(
    image: Image, heats: Mapping[str, HeatMap], *, opacity: float = 0.5, columns: int = 6, with_photo: bool = True
) -> Image:
    """Draw a photo and maps over it side by side, with titles.

    Args:
        image: RGB, (H, W, 3) uint8; a small image is enlarged.
        heats: Maps in [0, 1] by title, of any size.
        opacity: Opacity of the maps. With 1 they are drawn without the photo and without interpolation.
        columns: Number of pictures per row.
        with_photo: Whether the first picture is the photo.
    """
    photo = enlarged(image, panel_scale(image))
    drawn = {'photo': photo} if with_photo else {}
    for title, heat in heats.items():
        if opacity == 1:
            heat = resized(heat, photo, cv2.INTER_NEAREST)
        drawn[title] = overlay_heat_map(photo, heat, opacity)
    return contact_sheet([with_title(picture, title) for title, picture in drawn.items()], columns=columns)
