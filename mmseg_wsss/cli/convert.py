"""``wsss convert``: other people's label files -> ``weak_labels.json``."""

from __future__ import annotations

import argparse
from dataclasses import replace
from zlib import crc32

import numpy as np

from mmseg_wsss.datasets.class_sets import CLASS_SETS
from mmseg_wsss.datasets.formats import read_labels
from mmseg_wsss.datasets.formats.files import listed_files, read_ids, relative_id
from mmseg_wsss.datasets.formats.index_png import load_index_image
from mmseg_wsss.datasets.simulate import cityscapes_clicks
from mmseg_wsss.structures import ImageEntry, WeakLabelSet, image_id

from ._labels import (
    add_class_argument,
    add_output_arguments,
    check_output,
    parse_classes,
    progress,
    summary,
    with_image_sizes,
)

INSTANCE_SUFFIX = '_gtFine_instanceIds.png'
IMAGE_SUFFIX = '_leftImg8bit.png'
TRAIN_CLASSES = (7, 8, 11, 12, 13, 17, 19, 20, 21, 22, 23, 24, 25, 26, 27, 28, 31, 32, 33)
"""Cityscapes label id of each train id; instance ids are label id * 1000 + number."""

READER_OPTIONS = {
    'whats_the_point': ('path', 'background', 'max_rank'),
    'scribblesup': ('path',),
    'index_png': ('path', 'unlabelled', 'suffix'),
    'voc_xml': ('path', 'boxes', 'tags'),
    'coco': ('path', 'boxes', 'tags', 'only_classes'),
}


def add_parser(subparsers: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add the command to ``wsss``."""
    parser = subparsers.add_parser(
        'convert',
        help='turn other label files into weak_labels.json',
        description="Other people's label files to weak_labels.json.",
    )
    formats = parser.add_subparsers(dest='format', required=True, metavar='FORMAT')

    points = _reader_parser(formats, 'whats_the_point', "clicks in What's the Point JSON", 'the JSON file of clicks')
    points.add_argument('--background', nargs='+', default=[], help='more files of clicks, e.g. on the background')
    points.add_argument('--max-rank', type=int, help='keep clicks up to this rank; 1: one per class and image')

    _reader_parser(formats, 'scribblesup', 'ScribbleSup XML', 'the folder of XML files')

    index = _reader_parser(formats, 'index_png', 'painted index PNGs', 'the folder of PNG files')
    index.add_argument('--unlabelled', type=int, nargs='+', default=[255], help='value(s) of unlabelled pixels')
    index.add_argument('--suffix', default='.png', help='what the names of the files end in')

    voc = _reader_parser(formats, 'voc_xml', 'PASCAL VOC XML boxes', 'the folder of XML files')
    coco = _reader_parser(formats, 'coco', 'COCO instance annotations', 'the JSON file')
    coco.add_argument('--only-classes', action='store_true', help='leave out categories that are no class')
    for boxes in (voc, coco):
        boxes.add_argument('--boxes', action=argparse.BooleanOptionalAction, default=True, help='keep the boxes')
        boxes.add_argument('--tags', action=argparse.BooleanOptionalAction, default=False, help='keep classes as tags')

    clicks = formats.add_parser('cityscapes-clicks', help='synthetic clicks as in the Gated CRF paper')
    clicks.add_argument('--gtfine', required=True, help=f'folder with *{INSTANCE_SUFFIX}, e.g. gtFine/train')
    clicks.add_argument('--seed', type=int, default=0)
    clicks.add_argument('--min-stuff-area', type=int, default=256, help='smallest clicked stuff component in pixels')
    clicks.add_argument('--nearest-fraction', type=float, default=0.025, help='see docs/formats.md')
    add_output_arguments(clicks)
    parser.set_defaults(run=run)


def _reader_parser(
    formats: argparse._SubParsersAction[argparse.ArgumentParser], name: str, title: str, path: str
) -> argparse.ArgumentParser:
    parser = formats.add_parser(name, help=title, description=title)
    parser.add_argument('path', help=path)
    add_class_argument(parser)
    parser.add_argument('--images', help='image folder: checks that labels fit the images and writes the sizes')
    parser.add_argument('--img-suffix', default='.jpg', help='suffix of the images')
    parser.add_argument('--split', help='text file with one image id a line; other images are left out')
    add_output_arguments(parser)
    return parser


def run(args: argparse.Namespace) -> int:
    """Convert and say what came out."""
    check_output(args)
    labels = _cityscapes(args) if args.format == 'cityscapes-clicks' else _read(args)
    labels.write(args.output)
    print(f'{args.output}: {summary(labels)}')
    return 0


def _read(args: argparse.Namespace) -> WeakLabelSet:
    classes, palette = parse_classes(args.classes)
    source = {key: getattr(args, key) for key in READER_OPTIONS[args.format]}
    labels = read_labels({'format': args.format, **source}, classes, img_suffix=args.img_suffix)
    if args.split is not None:
        labels = labels.subset(read_ids(args.split))
    if not labels.images:
        raise ValueError(f'no image is left: {args.split} and {args.path} have no image id in common')
    labels = replace(labels, palette=palette)
    return labels if args.images is None else with_image_sizes(labels, args.images, args.path)


def _cityscapes(args: argparse.Namespace) -> WeakLabelSet:
    root, files = listed_files(args.gtfine, INSTANCE_SUFFIX, 'the gtFine folder')
    train_ids = np.full(256, 255)
    train_ids[list(TRAIN_CLASSES)] = np.arange(len(TRAIN_CLASSES))
    images = {}
    for file in progress(files, 'clicking', len(files)):
        instances = load_index_image(file).astype(np.int64)
        name = relative_id(file, root, INSTANCE_SUFFIX)
        annotations = cityscapes_clicks(
            train_ids[np.where(instances >= 1000, instances // 1000, instances)],
            instances,
            np.random.default_rng([args.seed, crc32(name.encode())]),
            min_stuff_area=args.min_stuff_area,
            nearest_fraction=args.nearest_fraction,
        )
        height, width = instances.shape
        images[image_id(name + IMAGE_SUFFIX)] = ImageEntry(name + IMAGE_SUFFIX, width, height, annotations)
    known = CLASS_SETS['cityscapes']
    return WeakLabelSet(tuple(known['classes']), tuple((*colour,) for colour in known['palette']), images)
