"""Label sets with labels of every kind, as JSON and as Arrow."""

import numpy as np
from hypothesis import strategies as st
from PIL import Image

from mmseg_wsss.structures import ImageEntry, WeakAnnotations, WeakLabelSet, image_id

CLASSES = ('background', 'cat', 'dog')
PALETTE = ((0, 0, 0), (1, 2, 3), (4, 5, 6))
WIDTH, HEIGHT = 8, 6


def every_kind(mask=None):
    """Seven images: clicks, a scribble, boxes, tags, no tags, nothing, and all kinds with a mask."""
    kinds = {
        'a.jpg': WeakAnnotations(points=[[2, 1], [0.5, 5]], point_labels=[1, 0]),
        'b/c.png': WeakAnnotations(polylines=[[[0, 0], [3, 4]], [[1, 1]]], polyline_labels=[2, 0]),
        'd.jpg': WeakAnnotations(boxes=[[0, 0, 3, 3], [1, 2, 1, 2]], box_labels=[1, 2]),
        'e.x.jpg': WeakAnnotations(tags=(2, 1)),
        'f': WeakAnnotations(tags=()),
        'ü.jpg': WeakAnnotations(),
        'z.jpg': WeakAnnotations(
            points=[[7, 5]], point_labels=[2], polylines=[[[0, 0], [0, 5], [7, 5]]], polyline_labels=[1],
            boxes=[[0, 0, 7, 5]], box_labels=[0], tags=(1,), mask_path=mask,
        ),
    }  # fmt: skip
    sizes = {'d.jpg': (None, None), 'f': (None, None)}
    images = {
        image_id(name): ImageEntry(name, *sizes.get(name, (WIDTH, HEIGHT)), labels) for name, labels in kinds.items()
    }
    return WeakLabelSet(CLASSES, PALETTE, images)


def write_data_set(folder, photos, labels, size):
    """Photos of (height, width) and their labels as files; returns the config of their data set."""
    (folder / 'img').mkdir()
    entries = {}
    for (key, annotations), photo in zip(labels.items(), photos, strict=True):
        Image.fromarray(photo).save(folder / f'img/{key}.png')
        entries[key] = ImageEntry(f'{key}.png', size[1], size[0], annotations)
    WeakLabelSet(CLASSES, ((0, 0, 0), (200, 0, 0), (0, 200, 0)), entries).write(folder / 'weak.json')
    return {
        'type': 'WeakSegDataset',
        'weak_labels': str(folder / 'weak.json'),
        'data_prefix': {'img_path': str(folder / 'img')},
        'img_suffix': '.png',
    }


def read_picture(path):
    """The values of a picture."""
    with Image.open(path) as image:
        return np.array(image)


def same_labels(first, second):
    """Whether two sets of labels of an image are equal, in every value and type."""
    return first.to_dict() == second.to_dict() and (first.tags, first.mask_path) == (second.tags, second.mask_path)


# y from 2 on: a file whose coordinates are all below 1 is refused, as shares of the image
places = st.tuples(st.floats(0, WIDTH - 1), st.floats(2, HEIGHT - 1))
classes = st.integers(0, len(CLASSES) - 1)


def _lists(items):
    return st.lists(st.tuples(items, classes), max_size=3)


@st.composite
def annotations(draw):
    points = draw(_lists(places))
    lines = draw(_lists(st.lists(places, min_size=1, max_size=4)))
    corners = draw(_lists(st.tuples(places, places)))
    boxes = [[*map(min, a, b), *map(max, a, b)] for (a, b), _ in corners]
    return WeakAnnotations(
        points=[place for place, _ in points],
        point_labels=[label for _, label in points],
        polylines=[line for line, _ in lines],
        polyline_labels=[label for _, label in lines],
        boxes=boxes,
        box_labels=[label for _, label in corners],
        tags=draw(st.none() | st.lists(classes.filter(bool), unique=True).map(tuple)),
        mask_path=draw(st.none() | st.just('/masks/m.png')),
    )


NAMES = (
    'a.jpg',
    'a.b.jpg',
    'b',
    '.c.jpg',
    'd/e.png',
    'd/.f',
    'ü/ß.tif',
    'g h.jpg',
    'd./x',
    '/abs/k.jpg',
    'm.',
    'n.j-g',
)


@st.composite
def label_sets(draw):
    names = draw(st.lists(st.sampled_from(NAMES), unique_by=image_id, max_size=len(NAMES)))
    sizes = st.sampled_from([(WIDTH, HEIGHT), (None, None)])
    entries = [ImageEntry(name, *draw(sizes), draw(annotations())) for name in names]
    return WeakLabelSet(CLASSES, draw(st.sampled_from([None, PALETTE])), {image_id(e.file_name): e for e in entries})
