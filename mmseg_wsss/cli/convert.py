"""``wsss convert``: convert label files of other tools and data sets to ``weak_labels.json``."""

from __future__ import annotations

import argparse
from dataclasses import replace
from zlib import crc32

import numpy as np

from ..datasets.class_sets import CLASS_SETS
from ..datasets.formats import read_labels
from ..datasets.formats.coco import write_coco_masks
from ..datasets.formats.files import listed_files, read_ids, relative_id
from ..datasets.formats.index_png import load_index_image
from ..datasets.formats.inria import cut_inria, list_inria
from ..datasets.simulate import CLICK_RULES, cityscapes_clicks, points_from_boxes
from ..structures import ImageEntry, WeakLabelSet, image_id
from ._arguments import check_output
from ._labels import (
    add_class_argument,
    add_output_arguments,
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
    'scribblesup': ('path', 'background_clicks'),
    'index_png': ('path', 'unlabelled', 'suffix'),
    'voc_xml': ('path', 'boxes', 'tags'),
    'citypersons': ('path', 'visible'),
    'craid': ('path', 'background', 'background_value'),
    'coco': ('path', 'boxes', 'tags', 'only_classes'),
}


def add_parser(subparsers: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add the command to ``wsss``."""
    parser = subparsers.add_parser(
        'convert',
        help='convert other label files to weak_labels.json',
        description='Convert label files of other tools and data sets to weak_labels.json.',
    )
    formats = parser.add_subparsers(dest='format', required=True, metavar='FORMAT')

    points = _reader_parser(formats, 'whats_the_point', "clicks in What's the Point JSON", 'the JSON file of clicks')
    points.add_argument(
        '--background', nargs='+', default=[], help='more files of clicks, such as clicks on the background'
    )
    points.add_argument(
        '--max-rank', type=int, help='keep clicks up to this rank; 1 keeps one click per class and image'
    )

    scribbles = _reader_parser(formats, 'scribblesup', 'ScribbleSup XML', 'the folder of XML files')
    scribbles.add_argument(
        '--background-clicks',
        type=float,
        nargs='?',
        const=0.5,
        metavar='SHARE',
        help='write only background clicks: both ends of the middle part of each background scribble; SHARE is its '
        'length (default: 0.5, as in the Gated CRF paper)',
    )

    index = _reader_parser(formats, 'index_png', 'painted index PNGs', 'the folder of PNG files')
    index.add_argument(
        '--unlabelled', type=int, nargs='+', default=[255], help='one or more values of unlabelled pixels'
    )
    index.add_argument('--suffix', default='.png', help='suffix of the files')

    voc = _reader_parser(formats, 'voc_xml', 'PASCAL VOC XML boxes', 'the folder of XML files')
    coco = _reader_parser(formats, 'coco', 'COCO instance annotations', 'the JSON file')
    coco.add_argument('--only-classes', action='store_true', help='leave out categories that are not in --classes')
    coco.add_argument('--masks', help='also write the masks to this folder as index PNGs (needs pycocotools)')
    for boxes in (voc, coco):
        boxes.add_argument('--boxes', action=argparse.BooleanOptionalAction, default=True, help='keep the boxes')
        boxes.add_argument(
            '--tags', action=argparse.BooleanOptionalAction, default=False, help='keep the classes of the boxes as tags'
        )
        _add_box_points(boxes)

    persons = _reader_parser(
        formats, 'citypersons', 'CityPersons JSON boxes', 'the folder of *_gtBboxCityPersons.json', '_leftImg8bit.png'
    )
    persons.add_argument(
        '--visible',
        action=argparse.BooleanOptionalAction,
        default=True,
        help='use the boxes of the visible parts of persons',
    )
    _add_box_points(persons)

    berries = _reader_parser(formats, 'craid', 'points of CRAID', 'the CSV file, or a folder of painted points', '.png')
    berries.add_argument('--background', help='the folder of painted points of the background')
    berries.add_argument('--background-value', type=int, help='value of painted points of the background (CRAID: 2)')

    clicks = formats.add_parser('cityscapes-clicks', help='synthetic clicks as in the Gated CRF paper')
    clicks.add_argument('--gtfine', required=True, help=f'folder with *{INSTANCE_SUFFIX}, such as gtFine/train')
    clicks.add_argument(
        '--rule',
        choices=CLICK_RULES,
        default=CLICK_RULES[0],
        help='where to click if a centroid is not on its object: as in the paper, or at random (docs/formats.md)',
    )
    clicks.add_argument('--seed', type=int, default=0, help='seed of the random clicks of --rule random')
    clicks.add_argument(
        '--min-stuff-area',
        type=int,
        default=256,
        help='area in pixels of the smallest stuff component that gets a click',
    )
    clicks.add_argument('--nearest-fraction', type=float, default=0.025, help='see docs/formats.md')
    add_output_arguments(clicks)

    tiles = formats.add_parser('inria', help='tiles and points of Inria Aerial Image Labeling')
    tiles.add_argument('path', help='the folder with images/*.tif and gt/*.tif, such as AerialImageDataset/train')
    tiles.add_argument('--tiles', required=True, help='the folder to write images, masks, train.txt and val.txt to')
    tiles.add_argument('--tile', type=int, default=500, help='side of a tile in pixels (configs/pmp: 384)')
    tiles.add_argument('--stride', type=int, help='pixels from one tile to the next (default: the side of a tile)')
    tiles.add_argument('--whole', action='store_true', help='do not write smaller tiles at the right and at the bottom')
    tiles.add_argument('--num-background', type=int, default=4, help='number of background clicks per building')
    tiles.add_argument('--seed', type=int, default=0)
    add_output_arguments(tiles)
    parser.set_defaults(run=run)


def _reader_parser(
    formats: argparse._SubParsersAction[argparse.ArgumentParser],
    name: str,
    title: str,
    path: str,
    img_suffix: str = '.jpg',
) -> argparse.ArgumentParser:
    parser = formats.add_parser(name, help=title, description=title)
    parser.add_argument('path', help=path)
    add_class_argument(parser)
    parser.add_argument('--images', help='image folder, to check that labels fit the images and to write the sizes')
    parser.add_argument('--img-suffix', default=img_suffix, help='suffix of the images')
    parser.add_argument('--split', help='text file with one image id per line; other images are left out')
    add_output_arguments(parser)
    return parser


def _add_box_points(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        '--box-centres',
        type=int,
        metavar='N',
        help='write points instead of boxes: the centre of each, and N points per box outside of all boxes (PMP: 4)',
    )
    parser.add_argument('--seed', type=int, default=0, help='seed of the points outside of all boxes (--box-centres)')


def run(args: argparse.Namespace) -> int:
    """Convert the labels and print a summary."""
    check_output(args)
    labels = {'cityscapes-clicks': _cityscapes, 'inria': _inria}.get(args.format, _read)(args)
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
        raise ValueError(f'there are no images to write: {args.split} and {args.path} have no image ids in common')
    if getattr(args, 'masks', None) is not None:
        count = write_coco_masks(args.path, args.masks, classes, only_classes=args.only_classes)
        print(f'{args.masks}: {count} masks')
    labels = replace(labels, palette=palette)
    labels = labels if args.images is None else with_image_sizes(labels, args.images, args.path)
    if getattr(args, 'box_centres', None) is None:
        return labels
    images = {key: _with_box_points(key, entry, args) for key, entry in labels.images.items()}
    return replace(labels, images=images)


def _with_box_points(key: str, entry: ImageEntry, args: argparse.Namespace) -> ImageEntry:
    if entry.size is None:
        raise ValueError(
            f'--box-centres needs the size of image {key!r}, which {args.path} does not give: add --images'
        )
    rng = np.random.default_rng([args.seed, crc32(key.encode())])
    points = points_from_boxes(entry.annotations, entry.size[::-1], rng, num_background=args.box_centres)
    return replace(entry, annotations=points.merged(entry.annotations.select(['tags'])))


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
            rule=args.rule,
            min_stuff_area=args.min_stuff_area,
            nearest_fraction=args.nearest_fraction,
        )
        height, width = instances.shape
        images[image_id(name + IMAGE_SUFFIX)] = ImageEntry(name + IMAGE_SUFFIX, width, height, annotations)
    known = CLASS_SETS['cityscapes']
    return WeakLabelSet(tuple(known['classes']), tuple((*colour,) for colour in known['palette']), images)


def _inria(args: argparse.Namespace) -> WeakLabelSet:
    pairs = list_inria(args.path)
    settings = {key: getattr(args, key) for key in ('tile', 'stride', 'whole', 'num_background', 'seed')}
    return cut_inria(progress(pairs, 'cutting', len(pairs)), args.tiles, **settings)
