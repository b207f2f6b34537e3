"""``wsss predict``: write masks of photos, under the names of the photos."""

from __future__ import annotations

import argparse
from pathlib import Path

from ._arguments import (
    MODEL_HELP,
    add_cfg_options,
    add_output_arguments,
    add_trust_argument,
    add_worker_arguments,
    check_paths,
    launched,
    load_config,
    tell,
)


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the arguments of the command."""
    parser.usage = 'wsss predict [options] (CONFIG CHECKPOINT | --model NAME) PHOTOS ... -o OUTPUT'
    parser.add_argument(
        'paths',
        nargs='+',
        metavar='PATH',
        help='config file of the network, its weights, and what to predict: folders, files, patterns such as '
        "'photos/*.jpg', or videos",
    )
    parser.add_argument('--model', metavar='NAME', help=MODEL_HELP)
    add_trust_argument(parser)
    add_output_arguments(parser, 'the folder to write to', 'write into a folder that already contains files')
    add_cfg_options(parser)
    parser.add_argument('--tta', action='store_true', help='average the views of tta_pipeline')
    parser.add_argument('--crf', action='store_true', help='refine the masks by a dense CRF (needs the extra crf)')
    parser.add_argument(
        '--prune',
        type=float,
        metavar='T',
        help='leave out classes with a score for the whole photo of at most T; for networks that learn from tags',
    )
    parser.add_argument(
        '--window',
        type=int,
        metavar='PIXELS',
        help='side of the windows in which large photos are predicted; 0: the whole photo at once',
    )
    parser.add_argument('--every', type=int, default=1, metavar='N', help='every N-th frame of videos (default: all)')
    parser.add_argument('--no-overlays', action='store_true', help='only write masks and confidences')
    add_worker_arguments(parser)


def run(args: argparse.Namespace) -> None:
    """Predict the masks and print the shares of the classes."""
    from ..engine.start_errors import faults_of_parts
    from ..labelling.photo_files import find_photos
    from ..labelling.photo_masks import PhotoSettings, write_photo_masks

    args.config, args.checkpoint, sources = network_and_photos(args)
    with launched(args):
        check_paths(args)
        settings = PhotoSettings(
            tta=args.tta,
            crf=args.crf,
            prune=args.prune,
            window=args.window,
            overlays=not args.no_overlays,
            every=args.every,
            workers=args.workers,
        )
        photos = find_photos(sources)
        cfg = load_config(args.config, args.cfg_options)
        with faults_of_parts(cfg):
            made = write_photo_masks(cfg, args.checkpoint, photos, args.output, settings)
        shares = ', '.join(f'{name} {share:.1%}' for name, share in made['share'].items() if share)
        tell(f'{args.output}: masks, confidence{"" if args.no_overlays else ", overlays"} of {made["images"]} photos')
        tell(f'shares of the classes: {shares}')


def network_and_photos(args: argparse.Namespace) -> tuple[str, Path, list[str]]:
    """Return the config, the checkpoint, and the places of the photos.

    Raises:
        ValueError: If one of them is missing, or no model has this name.
    """
    if args.model is None:
        if len(args.paths) < 3:
            raise ValueError(
                f'expected CONFIG CHECKPOINT PHOTOS, or --model NAME PHOTOS, got only {" ".join(args.paths)}'
            )
        config, checkpoint, *photos = args.paths
        return config, Path(checkpoint), photos
    from .zoo import zoo_network

    return *zoo_network(args.model), args.paths
