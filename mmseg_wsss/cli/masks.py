"""``wsss masks``: make masks from boxes, clicks and scribbles, as labels to train on."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any

from ._arguments import add_output_arguments
from ._labels import suffix_in

PROMPTED = 'sam'
METHODS = ('filled', 'grabcut', 'dense_crf', PROMPTED)
COUNTS = ('boxes', 'boxes_filled', 'boxes_unsure', 'prompts')
EMPTY = {'error': False, 'background': True, 'skip': 'skip'}


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the arguments of the command."""
    parser.description = (
        'Make masks from boxes (filled, GrabCut, dense CRF), or from boxes, clicks and scribbles by a promptable '
        'network (sam), as labels to train on (PseudoLabelDataset).'
    )
    parser.add_argument('labels', metavar='LABELS', help='weak_labels.json')
    parser.add_argument('--images', required=True, help='image folder')
    add_output_arguments(parser, 'the folder to write to', 'write into a folder that already contains files')
    parser.add_argument('--method', choices=METHODS, default='grabcut', help='how masks are made (default: grabcut)')
    parser.add_argument('--split', default='', help='text file with one image id per line; other images are left out')
    parser.add_argument(
        '--img-suffix', help='suffix of images that are only named in the split file (default: that in --images)'
    )
    parser.add_argument(
        '--empty-images', choices=EMPTY, default='error', help='what to do with images without such labels'
    )
    parser.add_argument('--unsure-border', type=int, default=0, metavar='PIXELS', help='width of 255 along outlines')
    parser.add_argument(
        '--unsegmented',
        choices=['filled', 'unsure'],
        help='boxes that GrabCut cannot segment: filled, or 255 (default: filled)',
    )
    sam = parser.add_argument_group('--method sam (needs the extra sam)')
    sam.add_argument('--model', help='folder of a SAM model, or its name on the Hugging Face Hub')
    sam.add_argument('--min-score', type=float, metavar='S', help='leave out masks with a lower score (default: 0.5)')
    sam.add_argument('--no-negative', action='store_true', help='clicks of other classes are not negative prompts')
    sam.add_argument(
        '--rest',
        choices=['background', 'unlabelled'],
        help='pixels outside of all objects (default: background in images with boxes)',
    )
    parser.add_argument(
        '--resume', action='store_true', help='keep the masks that an interrupted run with the same settings has made'
    )


def run(args: argparse.Namespace) -> None:
    """Write the masks and print how many pixels are unsure."""
    from mmengine.registry import init_default_scope

    from .. import plugin  # noqa: F401  registers the data set
    from ..labelling.box_masks import BoxSettings, write_box_labels
    from ..labelling.prompted_masks import PromptSettings, write_prompted_labels

    given = {
        '--model': args.model,
        '--min-score': args.min_score,
        '--no-negative': args.no_negative,
        '--rest': args.rest,
    }
    others = [name for name, value in given.items() if value not in (None, False)]
    if args.method != PROMPTED and others:
        raise ValueError(f'{others[0]} is an option of --method {PROMPTED}, but --method is {args.method}')
    if args.method != 'grabcut' and args.unsegmented:
        raise ValueError(f'--unsegmented is an option of --method grabcut, but --method is {args.method}')
    if args.method == PROMPTED and args.model is None:
        raise ValueError('--method sam needs --model, such as facebook/sam-vit-base or a folder with such a model')
    if not Path(args.labels).is_file():
        raise FileNotFoundError(f'{args.labels} is not a file: expected weak_labels.json')
    if args.output.is_dir() and any(args.output.iterdir()) and not (args.force or args.resume):
        raise ValueError(f'{args.output} contains files: choose another -o, continue with --resume, or use --force')
    init_default_scope('mmseg')
    dataset = {
        'type': 'WeakSegDataset',
        'weak_labels': args.labels,
        'ann_file': str(Path(args.split).resolve()) if args.split else '',
        'data_prefix': {'img_path': args.images},
        'img_suffix': args.img_suffix or suffix_in(args.images if args.split else None),
    }
    shared: dict[str, Any] = {'empty_images': EMPTY[args.empty_images], 'unsure_border': args.unsure_border}
    if args.method == PROMPTED:
        score = {} if args.min_score is None else {'min_score': args.min_score}
        prompts = PromptSettings(model=args.model, negative=not args.no_negative, rest=args.rest, **score, **shared)
        summary = write_prompted_labels(dataset, args.output, prompts, keep=args.resume)
    else:
        boxes = BoxSettings(method=args.method, unsegmented=args.unsegmented or 'filled', **shared)
        summary = write_box_labels(dataset, args.output, boxes, keep=args.resume)
    counts = ', '.join(f'{summary[key]} {key.replace("_", " ")}' for key in COUNTS if key in summary)
    print(f'{args.output}: {summary["images"]} images, {counts}, {summary["unsure"]:.2%} of the pixels unsure')
