"""The heart slices of docs/results.md, from the files of WSL4MIS.

.. code-block:: bash

    pip install h5py
    python tools/dataset_converters/acdc_scribble.py WSL4MIS/data/ACDC/ACDC_training_slices -o data/acdc_scribble
    python tools/dataset_converters/acdc_scribble.py --check data/acdc_scribble

docs/how_to/sample_data.md names the source.
"""

import argparse
import re
from pathlib import Path

import numpy as np
from _files import report, save_labels
from PIL import Image

SUMS = Path(__file__).parent / 'acdc_scribble'
UNLABELLED = 4  # in the scribbles of the source
VALIDATION = range(1, 21)  # patients
PALETTE = [0, 0, 0, 220, 50, 50, 50, 200, 50, 60, 90, 230, *[255, 255, 0] * 252]


def main() -> None:
    """Read the command line, then write or check the folder."""
    parser = argparse.ArgumentParser(description='Lay out the heart slices of docs/results.md')
    parser.add_argument('slices', nargs='?', type=Path, help='data/ACDC/ACDC_training_slices of WSL4MIS')
    parser.add_argument('-o', '--output', type=Path, help='folder to write, for ACDC_ROOT')
    parser.add_argument('--check', type=Path, metavar='FOLDER', help='only check the sums of a folder')
    args = parser.parse_args()
    if args.check:
        report(args.check, SUMS)
        return
    if None in (args.slices, args.output):
        parser.error('the folder of slices and -o are needed, or --check')
    files = sorted(args.slices.glob('*.h5'))
    if not files:
        parser.error(f'{args.slices} has no .h5 files: give data/ACDC/ACDC_training_slices of WSL4MIS')
    for file in files:
        write_slice(file, args.output)
    report(args.output, SUMS)


def write_slice(source: Path, output: Path) -> None:
    """Write the image, the mask and the scribbles of one slice."""
    import h5py

    split = split_of(source.stem)
    with h5py.File(source) as file:
        image, labels, scribbles = (file[key][:] for key in ('image', 'label', 'scribble'))
    path = output / f'img_dir/{split}/{source.stem}.jpg'
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(to_grey(image)).save(path, quality=92)
    save_labels(output / f'ann_dir/{split}/{source.stem}.png', labels, PALETTE)
    painted = np.where(scribbles == UNLABELLED, 255, scribbles)
    save_labels(output / f'scribble_dir/{split}/{source.stem}.png', painted, PALETTE)


def split_of(name: str) -> str:
    """Return the part that a patient belongs to.

    >>> split_of('patient020_frame01_slice_0'), split_of('patient021_frame01_slice_0')
    ('val', 'train')
    """
    number = re.match(r'patient(\d+)_', name)
    if number is None:
        raise SystemExit(f'{name}.h5: expected a name such as patient001_frame01_slice_0.h5')
    return 'val' if int(number[1]) in VALIDATION else 'train'


def to_grey(image: np.ndarray) -> np.ndarray:
    """Return grey values from 0 at the minimum to 255 at the 99.8th percentile.

    >>> to_grey(np.array([[0.0, 0.5], [1.0, 1.0]])).tolist()
    [[0, 127], [255, 255]]
    """
    low, high = image.min(), np.percentile(image, 99.8)
    return (np.clip((image - low) / max(high - low, 1e-8), 0, 1) * 255).astype(np.uint8)


if __name__ == '__main__':
    main()
