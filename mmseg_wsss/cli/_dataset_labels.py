"""``wsss convert cityscapes-clicks`` and ``inria``: make labels from the masks of a data set."""

from __future__ import annotations

import argparse
from contextlib import ExitStack
from zlib import crc32

import numpy as np

from ..datasets.class_sets import CLASS_SETS
from ..datasets.formats.files import listed_files, relative_id
from ..datasets.formats.index_png import load_index_image
from ..datasets.formats.inria import cut_inria, list_inria
from ..datasets.simulate import CLICK_RULES, cityscapes_clicks
from ..files import whole_folder
from ..structures import ImageEntry, WeakLabelSet, image_id
from ._labels import add_label_output, progress

INSTANCE_SUFFIX = '_gtFine_instanceIds.png'
IMAGE_SUFFIX = '_leftImg8bit.png'
TRAIN_CLASSES = (7, 8, 11, 12, 13, 17, 19, 20, 21, 22, 23, 24, 25, 26, 27, 28, 31, 32, 33)
"""Cityscapes label id of each train id; instance ids are label id * 1000 + number."""


def add_parsers(formats: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add both to ``wsss convert``."""
    clicks = formats.add_parser('cityscapes-clicks', help='synthetic clicks as in the Gated CRF paper')
    clicks.add_argument('--gtfine', required=True, help=f'folder with *{INSTANCE_SUFFIX}, e.g. gtFine/train')
    clicks.add_argument(
        '--rule',
        choices=CLICK_RULES,
        default=CLICK_RULES[0],
        help='where to click if the centroid is outside of its object: as in the paper, or at random (docs/formats.md)',
    )
    clicks.add_argument('--seed', type=int, default=0, help='seed of --rule random')
    clicks.add_argument('--min-stuff-area', type=int, default=256, help='smallest clicked stuff component in pixels')
    clicks.add_argument('--nearest-fraction', type=float, default=0.025, help='see docs/formats.md')
    add_label_output(clicks)

    tiles = formats.add_parser('inria', help='tiles and points of Inria Aerial Image Labeling')
    tiles.add_argument('path', help='the folder with images/*.tif and gt/*.tif, e.g. AerialImageDataset/train')
    tiles.add_argument('--tiles', required=True, help='folder to write images, masks, train.txt and val.txt to')
    tiles.add_argument('--tile', type=int, default=500, help='side of a tile in pixels (configs/pmp: 384)')
    tiles.add_argument('--stride', type=int, help='pixels from one tile to the next; by default the side of a tile')
    tiles.add_argument('--whole', action='store_true', help='leave out smaller tiles at the right and at the bottom')
    tiles.add_argument('--num-background', type=int, default=4, help='background clicks per building')
    tiles.add_argument('--seed', type=int, default=0)
    add_label_output(tiles)
    clicks.set_defaults(make=_cityscapes)
    tiles.set_defaults(make=_inria)


def _cityscapes(args: argparse.Namespace, folders: ExitStack) -> WeakLabelSet:
    root, files = listed_files(args.gtfine, INSTANCE_SUFFIX, 'the gtFine folder')
    train_ids = np.full(256, 255)
    train_ids[list(TRAIN_CLASSES)] = np.arange(len(TRAIN_CLASSES))
    images = {}
    for file in progress(files, 'clicking', len(files)):
        instances = load_index_image(file).astype(np.int64)
        if instances.min() < -1 or instances.max() >= 256_000:
            raise ValueError(f'{file}: expected ids of labels (-1..33) or instances (id * 1000 + number)')
        name = relative_id(file, root, INSTANCE_SUFFIX)
        annotations = cityscapes_clicks(
            train_ids[np.where(instances >= 1000, instances // 1000, instances)],
            instances,
            np.random.default_rng([args.seed, crc32(name.encode())]),
            rule=args.rule,
            min_stuff_area=args.min_stuff_area,
            nearest_fraction=args.nearest_fraction,
        )
        height, width = instances.shape
        images[image_id(name + IMAGE_SUFFIX)] = ImageEntry(name + IMAGE_SUFFIX, width, height, annotations)
    known = CLASS_SETS['cityscapes']
    return WeakLabelSet(tuple(known['classes']), tuple((*colour,) for colour in known['palette']), images)


def _inria(args: argparse.Namespace, folders: ExitStack) -> WeakLabelSet:
    pairs = list_inria(args.path)
    settings = {key: getattr(args, key) for key in ('tile', 'stride', 'whole', 'num_background', 'seed')}
    tiles = str(folders.enter_context(whole_folder(args.tiles)))
    return cut_inria(progress(pairs, 'cutting', len(pairs)), tiles, **settings)
