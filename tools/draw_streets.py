"""Draw street scenes of eight classes without a background, with their masks: ``python tools/draw_streets.py OUT``.

They are data for measurements that need no download (docs/results.md, "A loss that stays out of the way"). Picture
``i`` is the same everywhere; the last fifth of the pictures is listed in ``val.txt``.
"""

import argparse
from pathlib import Path

import numpy as np
import numpy.typing as npt
from PIL import Image
from scipy.ndimage import gaussian_filter
from skimage.draw import disk, polygon

CLASSES = ('sky', 'road', 'pavement', 'building', 'tree', 'car', 'person', 'pole')
COLOURS = ((150, 180, 215), (95, 95, 100), (140, 132, 128), (150, 115, 95), (75, 110, 60), (120, 60, 70), (90, 70, 95))
COLOURS += ((85, 88, 95),)
HEIGHT, WIDTH = 180, 240
Rng = np.random.Generator
Array = npt.NDArray[np.generic]


def draw_street(index: int) -> tuple[Array, Array]:
    """Return picture ``index``, (H, W, 3) uint8, and its mask of class ids, (H, W) uint8."""
    rng = np.random.default_rng(index)
    mask = np.zeros((HEIGHT, WIDTH), np.uint8)
    tone = np.zeros((HEIGHT, WIDTH, 3))
    horizon = int(rng.integers(60, 95))
    centre = rng.integers(90, 150)

    def paint(rows: Array, columns: Array, label: int, spread: float = 22.0) -> None:
        mask[rows, columns] = label
        tone[rows, columns] = rng.normal(0, spread, 3) * [1, 0.8, 1]

    def rectangle(top: float, left: float, bottom: float, right: float, label: int) -> None:
        paint(*polygon([top, top, bottom, bottom], [left, right, right, left], mask.shape), label)

    paint(*polygon([0, 0, horizon, horizon], [0, WIDTH, WIDTH, 0], mask.shape), 0)
    paint(*polygon([horizon, horizon, HEIGHT, HEIGHT], [0, WIDTH, WIDTH, 0], mask.shape), 2, 12)
    road = [centre - 8, centre + 8, centre + rng.integers(90, 140), centre - rng.integers(90, 140)]
    paint(*polygon([horizon, horizon, HEIGHT, HEIGHT], road, mask.shape), 1, 12)
    for _ in range(rng.integers(2, 6)):
        left, width = rng.integers(-20, WIDTH - 20), rng.integers(25, 70)
        rectangle(horizon - rng.integers(15, 60), left, horizon + rng.integers(0, 12), left + width, 3)
    for _ in range(rng.integers(0, 4)):
        column, radius = rng.integers(0, WIDTH), rng.integers(9, 22)
        rectangle(horizon - 10, column - 2, horizon + 14, column + 2, 4)
        paint(*disk((horizon - radius, column), radius, shape=mask.shape), 4)
    for _ in range(rng.integers(0, 4)):
        bottom = rng.integers(horizon + 12, HEIGHT - 8)
        size = 6 + 0.35 * (bottom - horizon)
        column = rng.integers(20, WIDTH - 20)
        rectangle(bottom - size, column - size, bottom, column + size, 5)
        rectangle(bottom - 1.6 * size, column - 0.6 * size, bottom - size, column + 0.6 * size, 5)
    for _ in range(rng.integers(0, 4)):
        bottom = rng.integers(horizon + 10, HEIGHT - 8)
        size = 8 + 0.4 * (bottom - horizon)
        column = rng.integers(5, WIDTH - 5)
        rectangle(bottom - size, column - size / 6, bottom, column + size / 6, 6)
        paint(*disk((bottom - size, column), size / 7, shape=mask.shape), 6)
    for _ in range(rng.integers(1, 4)):
        column = rng.integers(5, WIDTH - 5)
        rectangle(rng.integers(5, 40), column - 1.5, horizon + rng.integers(8, 40), column + 1.5, 7)
    texture = gaussian_filter(rng.normal(0, 60, (HEIGHT, WIDTH)), 1.5) + rng.normal(0, 9, (HEIGHT, WIDTH))
    light = rng.uniform(0.75, 1.2) * (1 + 0.15 * np.linspace(-1, 1, WIDTH)[None, :, None] * rng.uniform(-1, 1))
    image = (np.array(COLOURS)[mask] + tone + texture[..., None] * rng.uniform(0.7, 1.3)) * light
    return gaussian_filter(image, (0.6, 0.6, 0)).clip(0, 255).astype(np.uint8), mask


def main() -> None:
    """Write ``images``, ``masks``, ``classes.txt``, ``train.txt`` and ``val.txt`` into a new folder."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument('output', type=Path, help='the folder to write, which must not exist')
    parser.add_argument('--number', type=int, default=300, help='how many pictures')
    args = parser.parse_args()
    args.output.mkdir(parents=True)
    for folder in ('images', 'masks'):
        (args.output / folder).mkdir()
    names = [f'{index:04d}' for index in range(args.number)]
    for index, name in enumerate(names):
        for folder, pixels in zip(('images', 'masks'), draw_street(index), strict=True):
            Image.fromarray(pixels).save(args.output / folder / f'{name}.png')
    split = args.number - args.number // 5
    for file, lines in (('classes.txt', CLASSES), ('train.txt', names[:split]), ('val.txt', names[split:])):
        (args.output / file).write_text(''.join(f'{line}\n' for line in lines), encoding='utf-8')


if __name__ == '__main__':
    main()
