"""``wsss export-labels``: write labels and predictions for an annotation tool, to correct them by hand."""

from __future__ import annotations

import argparse
from pathlib import Path

from ..datasets.formats import ReadReport
from ..datasets.writers import WRITERS, LabelWriter, WriteSettings, read_source
from ..datasets.writers.label_writer import SHAPES
from ..structures import WeakLabelSet
from ._arguments import add_output_arguments
from ._labels import (
    add_class_argument,
    add_report_argument,
    check_report,
    parse_classes,
    suffix_in,
    summary,
    tell_report,
)


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the arguments of the command."""
    titles = '; '.join(f'{name}: {writer.title}' for name, writer in WRITERS.items())
    parser.add_argument('format', choices=WRITERS, metavar='FORMAT', help=titles)
    parser.add_argument('source', help='weak_labels.json, or a folder of pseudo-labels, predictions or masks')
    add_output_arguments(parser, 'the file or folder to write', 'overwrite files')
    parser.add_argument(
        '--images', type=Path, help='image folder, for names and sizes that the source does not contain'
    )
    parser.add_argument(
        '--img-suffix', help='suffix of the images that belong to masks (default: that of the pictures in --images)'
    )
    add_class_argument(parser, required=False)
    parser.add_argument(
        '--shapes', choices=SHAPES, default=SHAPES[0], help='write masks as polygons, or as brushes, which are exact'
    )
    parser.add_argument(
        '--tolerance',
        type=float,
        default=0.4,
        help='largest distance of polygons from a mask, in pixels (default: %(default)s)',
    )
    parser.add_argument(
        '--min-area', type=int, default=1, help='leave out areas with fewer pixels (default: %(default)s)'
    )
    parser.add_argument(
        '--address',
        default=WriteSettings.address,
        help='prefix that Label Studio needs before the name of an image (default: %(default)s)',
    )
    add_report_argument(parser)


def run(args: argparse.Namespace) -> int:
    """Write the labels and print a summary."""
    writer = WRITERS[args.format]
    _check_kind(args, writer)
    report = ReadReport()
    settings = WriteSettings(
        shapes=args.shapes,
        tolerance=args.tolerance,
        min_area=args.min_area,
        images=args.images,
        address=args.address,
        report=report,
    )
    classes = None if args.classes is None else parse_classes(args.classes)[0]
    labels = read_source(args.source, classes, args.images, args.img_suffix or suffix_in(args.images))
    _check_targets(args, writer, labels)
    writer.write(labels, args.output, settings)
    print(f'{args.output}: {writer.title}')
    print(summary(labels))
    tell_report(report, args.report, {'format': args.format, 'source': str(args.source)})
    return 0


def _check_kind(args: argparse.Namespace, writer: LabelWriter) -> None:
    """Raise an error if -o is a file and has to be a folder, or the other way round, or has another suffix."""
    output: Path = args.output
    if writer.folder and output.exists() and not output.is_dir():
        raise ValueError(f'{output} is a file: {writer.name} needs a folder as -o')
    if not writer.folder and (output.suffix.lower() != writer.suffix or output.is_dir()):
        raise ValueError(f'{output}: {writer.name} is one file: -o must end in {writer.suffix}')
    check_report(args)


def _check_targets(args: argparse.Namespace, writer: LabelWriter, labels: WeakLabelSet) -> None:
    """Raise an error instead of overwriting the source and, without ``--force``, any other file."""
    read = {Path(args.source).resolve()}
    read |= {Path(mask).resolve() for entry in labels.images.values() if (mask := entry.annotations.mask_path)}
    targets = writer.targets(labels, args.output)
    for file in targets:
        if file.resolve() in read:
            raise ValueError(f'{file} belongs to the labels that are read: choose another -o')
    taken = [file for file in targets if file.exists()]
    if taken and not args.force:
        raise ValueError(
            f'{taken[0]} exists ({len(taken)} of {len(targets)} files do); choose another -o, or overwrite them with '
            '--force'
        )
