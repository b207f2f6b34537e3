"""``wsss cams``: write the class activation maps of a network and, on request, evaluate them."""

from __future__ import annotations

import argparse

from ._arguments import add_network_arguments, add_worker_arguments, check_paths, launched, load_config, tell


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the arguments of the command."""
    add_network_arguments(parser, output='the folder to write to')
    parser.add_argument('--split', choices=['train', 'val', 'test'], default='train', help='which images')
    parser.add_argument(
        '--known-tags',
        action='store_true',
        help='write only maps of the classes that are in the weak labels of an image',
    )
    parser.add_argument('--evaluate', action='store_true', help='compare the maps with the true masks of these images')
    parser.add_argument(
        '--scales',
        type=float,
        nargs='+',
        default=[0.5, 1.0, 1.5, 2.0],
        metavar='S',
        help='scales of the views to average',
    )
    parser.add_argument('--no-flip', action='store_true', help='do not use mirrored views')
    parser.add_argument(
        '--overlays', action='store_true', help='also draw every map over its photo, into the folder overlays'
    )
    add_worker_arguments(parser)


def run(args: argparse.Namespace) -> None:
    """Write the maps and print the scores."""
    from ..engine.start_errors import faults_of_parts
    from ..labelling.cam_export import write_cam_folder
    from ..labelling.cam_threshold_sweep import CAMSettings

    with launched(args):
        check_paths(args)
        settings = CAMSettings(
            split=args.split,
            known_tags=args.known_tags,
            scales=tuple(args.scales),
            flip=not args.no_flip,
            evaluate=args.evaluate,
            workers=args.workers,
        )
        cfg = load_config(args.config, args.cfg_options)
        with faults_of_parts(cfg):
            summary = write_cam_folder(cfg, args.checkpoint, args.output, settings)
        tell(f'{args.output}: class activation maps of {summary.pop("images")} images of {summary.pop("split")}')
        for name, value in summary.items():
            tell(f'{name}: {value}')
        if args.overlays:
            from ..labelling.cam_overlays import FOLDER, write_cam_overlays

            count = write_cam_overlays(cfg, args.output, args.output, split=args.split, workers=args.workers)
            tell(f'{args.output / FOLDER}: {count} pictures')
