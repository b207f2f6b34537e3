"""Draw photographs that no network was trained on beside the predictions of four trainings, for the README.

``python tools/draw_photographs.py CLICKS GATED_CRF SECOND FULL -o docs/pictures/photographs.jpg`` with the work dirs of
partial cross-entropy, Gated CRF, a second network on its pseudo-labels, and full masks. Scores are those of the last
validation of each training; the photographs are two that come with scikit-image (public domain).
"""

import argparse
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path

import cv2
import numpy as np
import skimage.data
from mmengine.config import Config
from PIL import Image

from mmseg_wsss.datasets.class_sets import CLASS_SETS
from mmseg_wsss.engine.run_facts import read_run
from mmseg_wsss.labelling.photo_masks import write_photo_masks
from mmseg_wsss.visualization.panels import contact_sheet, draw_panels

NAMES = ('cross-entropy', 'Gated CRF', 'second network', 'full masks')
SIDE = 224
# Photo, its square (rows, columns), the click of an annotator (x, y) in the square, and the class.
PHOTOS = {
    'cat': (skimage.data.chelsea, (slice(0, 300), slice(60, 360)), (170, 150), 'cat'),
    'astronaut': (skimage.data.astronaut, (slice(0, 512), slice(0, 512)), (230, 140), 'person'),
}


def predicted(folder: Path, photos: Mapping[str, Path]) -> dict[str, np.ndarray]:
    """Return the masks of the last network of a work dir."""
    cfg = Config.fromfile(next(folder.glob('*.py')))
    with tempfile.TemporaryDirectory() as out:
        write_photo_masks(cfg, (folder / 'last_checkpoint').read_text(), photos, out)
        return {name: np.asarray(Image.open(Path(out, f'masks/{name}.png'))) for name in photos}


def draw(folders: Sequence[Path]) -> np.ndarray:
    """Return the sheet, a photograph in each row."""
    with tempfile.TemporaryDirectory() as temporary:
        files, clicks = {}, {}
        for name, (photo, square, (x, y), label) in PHOTOS.items():
            image = photo()[square]
            files[name] = Path(temporary, f'{name}.png')
            Image.fromarray(cv2.resize(image, (SIDE, SIDE), interpolation=cv2.INTER_AREA)).save(files[name])
            clicks[name] = np.full((SIDE, SIDE), 255, np.uint8)
            scale = SIDE / image.shape[0]
            clicks[name][int(y * scale), int(x * scale)] = CLASS_SETS['voc']['classes'].index(label)
        steps = {}
        for name, folder in zip(NAMES, folders, strict=True):
            steps[f'{name}: {read_run(folder).scores["mIoU_subset"]:.1f} mIoU'] = predicted(folder, files)
        rows = []
        for name, file in files.items():
            maps = {title: masks[name] for title, masks in steps.items()}
            image = np.asarray(Image.open(file))
            colours = {key: CLASS_SETS['voc'][key] for key in ('classes', 'palette')}
            rows.append(draw_panels(image, clicks[name], steps=maps, titles={'weak labels': 'click'}, **colours))
        return contact_sheet(rows)


def main() -> None:
    """Write the picture."""
    parser = argparse.ArgumentParser(description='Draw photographs beside predictions')
    parser.add_argument('folders', nargs=len(NAMES), type=Path, metavar='WORK_DIR', help=', '.join(NAMES))
    parser.add_argument('-o', '--output', required=True, type=Path, help='JPEG file to write')
    args = parser.parse_args()
    Image.fromarray(draw(args.folders)).save(args.output, quality=88, optimize=True)


if __name__ == '__main__':
    main()
