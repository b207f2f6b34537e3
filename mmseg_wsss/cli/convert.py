"""``wsss convert``: convert label files of other tools and data sets to ``weak_labels.json``."""

from __future__ import annotations

import argparse
from collections.abc import Iterable
from contextlib import ExitStack
from dataclasses import replace
from pathlib import Path
from typing import Any
from zlib import crc32

import numpy as np

from ..datasets.formats import FORMATS, LabelFormat, ReadReport, read_labels, read_named_labels, recognise_format
from ..datasets.formats.arrow_table import write_labels
from ..datasets.formats.checks import clip_boxes, fit_to_images
from ..datasets.formats.label_format import Option
from ..datasets.simulate import points_from_boxes
from ..files import whole_folder
from ..structures import ImageEntry, WeakLabelSet
from ._dataset_labels import add_parsers
from ._labels import (
    add_class_argument,
    add_label_output,
    add_report_argument,
    check_label_output,
    check_report,
    image_sizes,
    parse_classes,
    split_off,
    suffix_in,
    suffix_of_files,
    summary,
    tell_report,
    with_masks_in,
)

AUTO = 'auto'
SIMPLE = ('.jpg', '.png', None)
"""Suffixes of formats that do not require one; the suffix of the images in ``--images`` is used instead."""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the arguments of the command."""
    formats = parser.add_subparsers(dest='format', required=True, metavar='FORMAT')
    every = {option.name: option for known in FORMATS.values() for option in known.options}
    _add_format(formats, AUTO, 'recognise which of these formats it is', 'the file or folder', every.values())
    for known in FORMATS.values():
        _add_format(formats, known.name, known.title, known.path, known.options, known.img_suffix)
    add_parsers(formats)


def _add_format(
    formats: argparse._SubParsersAction[argparse.ArgumentParser],
    name: str,
    title: str,
    path: str,
    options: Iterable[Option],
    img_suffix: str | None = None,
) -> None:
    parser = formats.add_parser(name, help=title, description=title)
    parser.add_argument('path', help=path)
    add_class_argument(parser, required=False)
    parser.add_argument('--images', help='image folder: check that labels fit the images, and write the sizes')
    parser.add_argument(
        '--img-suffix',
        type=suffix_of_files,
        help='suffix of the images (default: '
        f'{"that of the pictures in --images" if img_suffix in SIMPLE else img_suffix})',
    )
    parser.add_argument('--split', help='text file with one image id per line; other images are left out')
    for option in options:
        if option.name != 'images':  # every format has it
            _add_option(parser, option)
    parser.add_argument('--clip', action='store_true', help='clip boxes to the edges of their image')
    parser.add_argument(
        '--box-centres',
        type=int,
        metavar='N',
        help='write points instead of boxes: the centre of each, and N points per box outside of all boxes (PMP: 4)',
    )
    parser.add_argument('--seed', type=int, default=0, help='seed of the points outside all boxes')
    add_report_argument(parser)
    add_label_output(parser)
    parser.set_defaults(make=_read)


def _add_option(parser: argparse.ArgumentParser, option: Option) -> None:
    """Leave an option that is not given out of the arguments, so that the default of the reader applies."""
    settings: dict[str, Any] = {'help': option.help, 'default': argparse.SUPPRESS}
    if option.kind is bool:
        settings['action'] = argparse.BooleanOptionalAction
    else:
        settings['type'] = option.kind
    if option.several:
        settings['nargs'] = '+'
    if option.alone is not None:
        settings.update(nargs='?', const=option.alone)
    parser.add_argument(f'--{option.name.replace("_", "-")}', **settings)


def run(args: argparse.Namespace) -> int:
    """Convert the labels and print a summary."""
    check_label_output(args)
    if 'report' in args:
        check_report(args)
    with ExitStack() as folders:  # whose files appear when all is written
        labels = args.make(args, folders)
        write_labels(labels, args.output)
    print(f'{args.output}: {summary(labels)}')
    return 0


def _suffix(args: argparse.Namespace, known: LabelFormat) -> str:
    """Return the suffix of the images: that of the command line, of the format, or of the images that are there."""
    usual = known.img_suffix
    return args.img_suffix or (suffix_in(args.images, usual) if usual in SIMPLE else usual)


def _read(args: argparse.Namespace, folders: ExitStack) -> WeakLabelSet:
    known = recognise_format(args.path) if args.format == AUTO else FORMATS[args.format]
    if args.format == AUTO:
        print(f'{args.path}: {known.title} ({known.name})')
    report = ReadReport()
    source = {'format': known.name, 'path': args.path, **_settings(args, known)}
    hidden = folders.enter_context(whole_folder(source['masks'])) if 'masks' in source else None
    reading = source if hidden is None else {**source, 'masks': str(hidden)}
    suffix, palette = _suffix(args, known), None
    if args.classes is None:
        labels = read_named_labels(reading, img_suffix=suffix, report=report)
    else:
        classes, palette = parse_classes(args.classes)
        labels = read_labels(reading, classes, img_suffix=suffix, report=report)
    if hidden is not None:
        labels = with_masks_in(labels, hidden, source['masks'])
    labels = labels if args.split is None else split_off(labels, args.split, report)
    labels = replace(labels, palette=palette or labels.palette)
    if not labels.images:
        raise ValueError(f'{args.path} holds no image')
    labels = _fitted(labels, args, report)
    if args.box_centres is not None:
        if args.box_centres < 0:
            raise ValueError(f'--box-centres must not be negative, got {args.box_centres}')
        if not any(len(entry.annotations.boxes) for entry in labels.images.values()):
            raise ValueError(f'--box-centres writes points for boxes, and {args.path} has none')
        images = {key: _with_box_points(key, entry, args) for key, entry in labels.images.items()}
        labels = replace(labels, images=images)
    if 'masks' in source:
        count = sum(entry.annotations.mask_path is not None for entry in labels.images.values())
        print(f'{source["masks"]}: {count} masks')
    tell_report(report, args.report, source)
    return labels


def _fitted(labels: WeakLabelSet, args: argparse.Namespace, report: ReadReport) -> WeakLabelSet:
    """The labels, which are inside of their images if the size is known."""
    stated = {key: entry.size for key, entry in labels.images.items() if entry.size is not None}
    sizes = stated if args.images is None else image_sizes(labels, args.images, args.path)
    if args.clip:
        labels = clip_boxes(labels, sizes, report)
    labels = fit_to_images(labels, sizes, args.path)
    images = {
        key: replace(entry, width=sizes[key][0], height=sizes[key][1]) if key in sizes else entry
        for key, entry in labels.images.items()
    }
    return replace(labels, images=images)


def _settings(args: argparse.Namespace, known: LabelFormat) -> dict[str, Any]:
    """The options of the format that were given."""
    own = {option.name: option for option in known.options}
    given = {name for other in FORMATS.values() for option in other.options if (name := option.name) in args}
    given -= {'images'} if args.images is None or 'images' not in own else set()
    if foreign := sorted(given - own.keys()):
        raise ValueError(f'{args.path} is read as {known.name}, which has no --{foreign[0].replace("_", "-")}')
    settings = {name: getattr(args, name) for name in given}
    if 'masks' in settings:
        _check_masks(Path(settings['masks']), args)
    single = [name for name, value in settings.items() if isinstance(value, list) and not own[name].several]
    return {**settings, **{name: settings[name][0] for name in single}}


def _check_masks(masks: Path, args: argparse.Namespace) -> None:
    """Raise an error if masks would be written over files."""
    if masks.exists() and not masks.is_dir():
        raise ValueError(f'--masks must be a folder, got the file {masks}')
    read = [Path(path).resolve() for path in (args.path, args.images) if path is not None]
    if masks.resolve() in read:
        raise ValueError(f'--masks {masks} is the folder that is read; choose another')
    if masks.is_dir() and any(masks.iterdir()) and not args.force:
        raise ValueError(f'{masks} has files; choose another --masks, or overwrite them with --force')


def _with_box_points(key: str, entry: ImageEntry, args: argparse.Namespace) -> ImageEntry:
    if entry.size is None:
        raise ValueError(
            f'--box-centres needs the size of image {key!r}, which {args.path} does not give: add --images'
        )
    rng = np.random.default_rng([args.seed, crc32(key.encode())])
    points = points_from_boxes(entry.annotations, entry.size[::-1], rng, num_background=args.box_centres)
    return replace(entry, annotations=points.merged(entry.annotations.select(['tags'])))
