"""A small folder of pseudo-labels with its images."""

import numpy as np
from PIL import Image

from mmseg_wsss.datasets.index_file import FolderIndex
from mmseg_wsss.datasets.pseudo_label_files import write_index, write_pseudo_label

PALETTE = ((0, 0, 0), (200, 0, 0), (0, 100, 50))
SIZES = {'a': (12, 10), 'sub/b': (9, 14)}


def maps(key):
    width, height = SIZES[key]
    rng = np.random.default_rng(width)
    labels = rng.choice([0, 1, 2, 255], (height, width))
    return labels, rng.random((height, width))


def write_folder(tmp_path):
    """Write images and their pseudo-labels."""
    images = {}
    for key, (width, height) in SIZES.items():
        path = tmp_path / 'img' / f'{key}.jpg'
        path.parent.mkdir(parents=True, exist_ok=True)
        Image.fromarray(np.full((height, width, 3), 90, dtype=np.uint8)).save(path)
        write_pseudo_label(tmp_path / 'labels', key, *maps(key), PALETTE)
        images[key] = {'file_name': f'{key}.jpg', 'width': width, 'height': height}
    index = FolderIndex(('background', 'cat', 'dog'), PALETTE, images, {'checkpoint': 'x.pth'})
    write_index(tmp_path / 'labels', index)
    return tmp_path
