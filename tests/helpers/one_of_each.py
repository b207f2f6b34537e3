"""A small data set of one's own with every kind of label, as docs/your_own_data.md asks for."""

import json
from pathlib import Path

import numpy as np
from PIL import Image

CLASSES = ('background', 'crop', 'weed')
COLOURS = ([0, 0, 0], [0, 160, 0], [200, 0, 0])
LABELS = {
    'clicks': {'points': [{'x': 20, 'y': 20, 'class': 1}, {'x': 3, 'y': 4, 'class': 0}]},
    'scribbles': {'scribbles': [{'points': [[12, 20], [40, 22]], 'class': 2}]},
    'boxes': {'boxes': [{'box': [10, 10, 49, 39], 'class': 1}]},
    'tags': {'tags': [2]},
    'masks': {'mask': 'masks/masks.png'},
}


def write_own_data(root: Path, kinds=tuple(LABELS), suffix='.jpg') -> Path:
    """One training image for each kind, named after it, and one validation image."""
    rng = np.random.default_rng(0)
    for folder in ('images', 'masks'):
        (root / folder).mkdir(parents=True, exist_ok=True)
    images = []
    for number, key in enumerate((*kinds, 'val')):
        mask = np.zeros((48, 64), np.uint8)
        mask[10:40, 10:50] = 1 + number % 2
        photo = rng.integers(0, 120, (48, 64, 3)) + 60 * mask[..., None]
        Image.fromarray(photo.astype(np.uint8)).save(root / f'images/{key}{suffix}')
        if key in ('val', 'masks'):
            Image.fromarray(mask).save(root / f'masks/{key}.png')
        if key != 'val':
            images.append({'file_name': f'{key}{suffix}', 'width': 64, 'height': 48, **LABELS[key]})
    classes = [{'name': name, 'color': colour} for name, colour in zip(CLASSES, COLOURS, strict=True)]
    (root / 'weak_labels.json').write_text(json.dumps({'version': 1, 'classes': classes, 'images': images}))
    (root / 'train.txt').write_text(''.join(f'{key}\n' for key in kinds))
    (root / 'val.txt').write_text('val\n')
    return root
