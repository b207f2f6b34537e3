"""``wsss simulate``: make weak labels from full masks, as an annotator might have given them."""

from __future__ import annotations

import argparse
from dataclasses import replace
from pathlib import Path
from typing import NamedTuple
from zlib import crc32

import numpy as np

from ..datasets._regions import small_objects
from ..datasets.formats.arrow_table import write_labels
from ..datasets.formats.class_names import BACKGROUND
from ..datasets.formats.collecting import ImageCollector
from ..datasets.formats.files import existing, listed_files, read_ids, relative_id
from ..datasets.formats.index_png import check_foreground, distinct, hint_of_values, load_index_image
from ..datasets.formats.label_format import ReadReport
from ..datasets.simulate import KINDS, POINT_RULES, simulate_weak_annotations
from ..datasets.workers import each
from ..files import path_inside
from ..structures import WeakAnnotations, WeakLabelSet
from ._arguments import add_worker_arguments, check_workers
from ._labels import (
    add_class_argument,
    add_label_output,
    check_label_output,
    parse_classes,
    suffix_in,
    suffix_of_files,
    summary,
    with_image_sizes,
)


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the arguments of the command."""
    parser.add_argument('--masks', required=True, help='folder of index PNG masks')
    parser.add_argument('--images', required=True, help='image folder; images and masks must have the same size')
    add_class_argument(parser)
    parser.add_argument('--kinds', default='points', help=f'comma-separated: {",".join(KINDS)}')
    parser.add_argument('--seed', type=int, default=0, help='the same seed gives an image the same labels')
    parser.add_argument(
        '--instances', help='folder of instance PNGs, 0 where there is none (default: connected components)'
    )
    parser.add_argument('--num-per-object', type=int, default=1, help='number of clicks per object')
    parser.add_argument(
        '--points',
        choices=POINT_RULES,
        default=POINT_RULES[0],
        help='where clicks fall: on objects and background, or at the centre of each box and at four points outside',
    )
    parser.add_argument(
        '--jitter',
        type=float,
        default=0.5,
        help='position of clicks: from 0, the innermost pixel, to 1, anywhere inside',
    )
    parser.add_argument(
        '--length', type=float, default=0.7, help='length of scribbles as a fraction of the middle line'
    )
    parser.add_argument('--min-area', type=int, default=64, help='leave out objects with fewer pixels')
    parser.add_argument(
        '--no-background',
        action='store_true',
        help='class 0 of the masks is not a background: add one to all ids, so that class 0 is empty',
    )
    parser.add_argument('--ignore-index', type=int, default=255, help='value of unlabelled mask pixels')
    parser.add_argument(
        '--img-suffix', type=suffix_of_files, help='suffix of the images (default: that of the pictures in --images)'
    )
    parser.add_argument('--mask-suffix', type=suffix_of_files, default='.png', help='suffix of the masks')
    parser.add_argument('--split', help='text file with one image id per line; other images are left out')
    add_worker_arguments(parser, launcher=False)
    add_label_output(parser)


def run(args: argparse.Namespace) -> int:
    """Simulate the labels and print a summary."""
    check_label_output(args)
    check_workers(args)
    classes, palette = parse_classes(args.classes)
    if args.no_background:
        if BACKGROUND in classes:
            raise ValueError(
                f'--no-background adds {BACKGROUND!r}: leave it out of --classes, got {", ".join(classes)}'
            )
        classes = (BACKGROUND, *classes)
        palette = None if palette is None else ((0, 0, 0), *palette)
    if args.num_per_object < 1 or args.min_area < 0:
        raise ValueError(
            f'--num-per-object must be at least 1 and --min-area not below 0, got {args.num_per_object} and '
            f'{args.min_area}'
        )
    if args.seed < 0 or not 0 < args.length <= 1:
        raise ValueError(f'--seed must not be negative and --length in (0, 1], got {args.seed} and {args.length}')
    args.img_suffix = args.img_suffix or suffix_in(args.images)
    report = ReadReport()
    names = _masks(args, report)
    if not names:
        raise ValueError(f'{args.split} names no image')
    values: set[int] = set()
    images = ImageCollector(args.masks)

    def simulate(key: str) -> tuple[str, Simulated]:
        return key, _simulate(args, key, names[key], len(classes))

    for key, made in each(simulate, list(names), workers=args.workers, title='simulating'):
        values.update(made.values)
        for label in made.left_out:
            report.leave_out(f'objects of fewer than {args.min_area} pixels (--min-area)', f'class {label} of {key}')
        images.add(key + args.img_suffix, made.size, made.annotations, str(names[key]))
    check_foreground(values, len(classes), args.masks)
    labels = replace(images.label_set(classes), palette=palette)
    labels = with_image_sizes(labels, args.images, args.masks)
    write_labels(labels, args.output)
    _warn_of_background(labels)
    print('\n'.join([*report.lines(), f'{args.output}: {summary(labels)}']))
    return 0


def _warn_of_background(labels: WeakLabelSet) -> None:
    """Warn that class 0 gets as many labels as all other classes if it may not be a background."""
    ids = [label for entry in labels.images.values() for label in entry.annotations.point_labels.tolist()]
    share = ids.count(0) / max(len(ids), 1)
    if labels.classes[0] != BACKGROUND and share > 0.3:
        print(
            f'class 0 is taken for the background: {share:.0%} of the clicks are on {labels.classes[0]!r}. If it is a '
            'class as the others are, use --no-background'
        )


def _masks(args: argparse.Namespace, report: ReadReport) -> dict[str, Path]:
    """The masks by image id."""
    if args.split is None:
        root, files = listed_files(args.masks, args.mask_suffix, 'the folder of masks', report)
        return {relative_id(file, root, args.mask_suffix): file for file in files}
    return {
        key: existing(path_inside(args.masks, key + args.mask_suffix), f'the mask of image {key!r}')
        for key in read_ids(args.split)
    }


class Simulated(NamedTuple):
    """The labels of a mask, the classes of objects that were too small, its size (width, height) and its values."""

    annotations: WeakAnnotations
    left_out: list[int]
    size: tuple[int, int]
    values: list[int]


def _simulate(args: argparse.Namespace, key: str, file: Path, num_classes: int) -> Simulated:
    mask = load_index_image(file)
    if args.no_background:
        mask = np.where(mask == args.ignore_index, args.ignore_index, mask.astype(np.int64) + 1)
    values = distinct(mask)
    instances = None
    if args.instances is not None:
        instances = load_index_image(
            existing(path_inside(args.instances, f'{key}.png'), f'the instances of image {key!r}')
        )
    try:
        annotations = simulate_weak_annotations(
            mask,
            np.random.default_rng([args.seed, crc32(key.encode())]),
            kinds=[kind.strip() for kind in args.kinds.split(',')],
            num_classes=num_classes,
            ignore_index=args.ignore_index,
            instances=instances,
            num_per_object=args.num_per_object,
            jitter=args.jitter,
            length=args.length,
            min_area=args.min_area,
            points=args.points,
        )
        small = small_objects(mask, args.min_area, instances=instances, ignore_index=args.ignore_index)
    except ValueError as error:
        hint = hint_of_values(values, num_classes, args.ignore_index)
        raise ValueError(f'{file}: {error}{hint and f".{hint}"}') from error
    return Simulated(annotations, [region.label for region in small], (mask.shape[1], mask.shape[0]), values)
