"""``wsss pseudo-labels``: write the predictions of a trained network as labels for the next one."""

from __future__ import annotations

import argparse

from ._arguments import add_network_arguments, add_worker_arguments, check_paths, launched, load_config, tell


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the arguments of the command."""
    add_network_arguments(parser, output='the folder to write to')
    parser.add_argument('--split', choices=['train', 'val', 'test'], default='train', help='which images')
    parser.add_argument(
        '--known-tags', action='store_true', help='predict only the classes that are in the weak labels of an image'
    )
    parser.add_argument(
        '--known-boxes',
        action='store_true',
        help='with --known-tags: predict a class only inside its boxes, in images with boxes',
    )
    parser.add_argument(
        '--unsure-below', type=float, default=0.0, metavar='P', help='set pixels with a lower confidence to 255'
    )
    parser.add_argument('--coco-rle', action='store_true', help='also write coco_rle.json (needs pycocotools)')
    add_worker_arguments(parser)


def run(args: argparse.Namespace) -> None:
    """Write the labels and print how many pixels are unsure."""
    from ..engine.start_errors import faults_of_parts
    from ..labelling.predictions import PredictionSettings, write_pseudo_labels

    with launched(args):
        check_paths(args)
        settings = PredictionSettings(
            split=args.split,
            known_tags=args.known_tags,
            known_boxes=args.known_boxes,
            unsure_below=args.unsure_below,
            coco_rle=args.coco_rle,
            workers=args.workers,
        )
        cfg = load_config(args.config, args.cfg_options)
        with faults_of_parts(cfg):
            made = write_pseudo_labels(cfg, args.checkpoint, args.output, settings)
        tell(f'{args.output}: {made["images"]} images of {args.split}, {made["unsure"]:.2%} of the pixels unsure')
