"""``wsss export-labels``: write labels and predictions for an annotation tool, to correct them by hand."""

from __future__ import annotations

import argparse
import json
from pathlib import Path

from ..datasets.formats import ReadReport
from ..datasets.writers import WRITERS, LabelWriter, WriteSettings, read_source
from ..datasets.writers.label_writer import SHAPES
from ..files import whole_file
from ._labels import add_class_argument, parse_classes, summary


def add_parser(subparsers: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add the command to ``wsss``."""
    parser = subparsers.add_parser(
        'export-labels',
        help='write labels or predictions for an annotation tool',
        description='Write labels or predictions for an annotation tool, to correct them by hand and train on them.',
    )
    titles = '; '.join(f'{name}: {writer.title}' for name, writer in WRITERS.items())
    parser.add_argument('format', choices=WRITERS, metavar='FORMAT', help=titles)
    parser.add_argument('source', help='weak_labels.json, or a folder of pseudo-labels, predictions or masks')
    parser.add_argument('-o', '--output', required=True, type=Path, help='the file to write, or the folder')
    parser.add_argument('--images', type=Path, help='image folder: for names and sizes that the source does not have')
    parser.add_argument('--img-suffix', default='.jpg', help='suffix of the images of masks (default: %(default)s)')
    add_class_argument(parser, required=False)
    parser.add_argument(
        '--shapes', choices=SHAPES, default=SHAPES[0], help='what masks become: polygons, or brushes, which are exact'
    )
    parser.add_argument(
        '--tolerance', type=float, default=0.4, help='how far polygons may lie from a mask, in pixels (%(default)s)'
    )
    parser.add_argument(
        '--min-area', type=int, default=1, help='leave out areas of fewer pixels than that (default: %(default)s)'
    )
    parser.add_argument(
        '--address',
        default=WriteSettings.address,
        help='what Label Studio needs before the name of an image (default: %(default)s)',
    )
    parser.add_argument('--report', type=Path, metavar='FILE', help='a JSON file that lists all that was left out')
    parser.add_argument('--force', action='store_true', help='overwrite files')
    parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> int:
    """Write the labels and print a summary."""
    writer = WRITERS[args.format]
    _check_output(args, writer)
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
    labels = read_source(args.source, classes, args.images, args.img_suffix)
    writer.write(labels, args.output, settings)
    print(f'{args.output}: {writer.title}')
    print(summary(labels))
    for line in report.lines():
        print(line)
    if args.report is not None:
        with whole_file(args.report) as file:
            content = {'format': args.format, 'source': str(args.source), **report.to_dict()}
            file.write(json.dumps(content, indent=1).encode())
    return 0


def _check_output(args: argparse.Namespace, writer: LabelWriter) -> None:
    """Raise an error for a file of another kind and, without ``--force``, instead of overwriting one."""
    output: Path = args.output
    if writer.output == 'folder':
        if output.exists() and not output.is_dir():
            raise ValueError(f'{output} is a file: {writer.name} needs a folder as -o')
        taken = output.is_dir() and any(output.iterdir())
    else:
        if output.suffix.lower() != writer.output or output.is_dir():
            raise ValueError(f'{output}: {writer.name} is one file: -o must end in {writer.output}')
        taken = output.exists() or output.with_suffix('.config.xml').exists()
    if taken and not args.force:
        raise ValueError(f'{output} exists and has content; choose another -o, or overwrite it with --force')
    if args.report is not None and args.report.exists() and not args.force:
        raise ValueError(f'{args.report} exists; choose another --report, or overwrite it with --force')
