"""``wsss pseudo-labels``: write the predictions of a trained network as labels for the next one."""

from __future__ import annotations

import argparse
from pathlib import Path

from ._arguments import add_checkpoint_arguments, add_worker_arguments, check_paths, launched, load_config, tell


def add_parser(subparsers: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add the subcommand."""
    parser = subparsers.add_parser('pseudo-labels', help='write predictions as labels to train the next network on')
    parser.add_argument('config', help='the config file of the network')
    add_checkpoint_arguments(parser)
    parser.add_argument('-o', '--output', required=True, type=Path, help='the folder to write to')
    parser.add_argument('--split', choices=['train', 'val', 'test'], default='train', help='which images')
    parser.add_argument(
        '--known-tags', action='store_true', help='predict only the classes that are in the weak labels of an image'
    )
    parser.add_argument(
        '--unsure-below', type=float, default=0.0, metavar='P', help='set pixels with a lower confidence to 255'
    )
    parser.add_argument('--coco-rle', action='store_true', help='also write coco_rle.json (needs pycocotools)')
    add_worker_arguments(parser)
    parser.add_argument('--force', action='store_true', help='write into a folder that already contains files')
    parser.add_argument('--cfg-options', nargs='+', default=[], metavar='KEY=VALUE', help='settings to override')


def run(args: argparse.Namespace) -> None:
    """Write the labels and print how many pixels are unsure."""
    from ..labelling.predictions import PredictionSettings, write_pseudo_labels

    with launched(args):
        check_paths(args)
        settings = PredictionSettings(
            split=args.split,
            known_tags=args.known_tags,
            unsure_below=args.unsure_below,
            coco_rle=args.coco_rle,
            workers=args.workers,
        )
        cfg = load_config(args.config, args.cfg_options)
        made = write_pseudo_labels(cfg, args.checkpoint, args.output, settings)
        tell(f'{args.output}: {made["images"]} images of {args.split}, {made["unsure"]:.2%} of the pixels unsure')
