"""Images with known masks for the networks of the zoo: photographs of scikit-image and drawn heart slices."""

import numpy as np
from scipy.ndimage import gaussian_filter
from skimage import data
from skimage.draw import polygon2mask

OUTLINES = {
    # x, y, x, y ..: drawn by eye
    'chelsea': '40 0 398 0 352 72 363 130 350 180 320 215 320 260 300 300 0 300 0 135 35 105 32 50',
    'astronaut': '155 75 180 35 215 15 260 20 298 60 300 110 270 135 300 200 340 260 360 350 '
    '310 375 285 430 278 512 25 512 25 400 50 290 115 200 115 170 185 150 165 120',
}
LABELS = {'chelsea': 8, 'astronaut': 15}  # cat and person of VOC


def photographs():
    """Return image and mask by name."""
    found = {}
    for name, outline in OUTLINES.items():
        image = getattr(data, name)()
        inside = polygon2mask(image.shape[:2], np.array(outline.split(), int).reshape(-1, 2)[:, ::-1])
        found[name] = image, inside * LABELS[name]
    return found


def heart_slices():
    """Return image and mask by name: discs in the greys of a body, lungs, a heart and its muscle."""
    y, x = np.mgrid[:256, :216]
    found = {}
    for name, (cy, cx) in {'middle': (128, 112), 'left': (122, 104), 'low': (136, 116)}.items():
        grey = np.full(y.shape, 20.0)
        grey[((y - 128) / 105) ** 2 + ((x - 108) / 98) ** 2 < 1] = 60
        for side in (45, 165):
            grey[((y - 120) / 60) ** 2 + ((x - side) / 28) ** 2 < 1] = 25
        radius, mask = np.hypot(y - cy, x - cx), np.zeros(y.shape, np.uint8)
        mask[np.hypot(y - cy + 4, (x - cx + 24) * 0.9) < 26] = 1  # right ventricle
        mask[radius < 28], mask[radius < 18] = 2, 3  # the muscle around the left ventricle
        for label, value in {1: 150, 2: 70, 3: 165}.items():
            grey[mask == label] = value
        found[name] = gaussian_filter(grey, 1.2).astype(np.uint8), mask
    return found
