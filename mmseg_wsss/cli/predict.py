"""``wsss predict``: write masks of photos, under the names of the photos."""

from __future__ import annotations

import argparse
from pathlib import Path

from ._arguments import add_checkpoint_arguments, add_worker_arguments, check_paths, launched, load_config, tell


def add_parser(subparsers: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add the subcommand."""
    parser = subparsers.add_parser('predict', help='write masks of photos, with overlays and confidences')
    parser.add_argument('config', help='config file of the network')
    add_checkpoint_arguments(parser)
    parser.add_argument('photos', nargs='+', help="folders, files, or patterns such as 'photos/*.jpg'")
    parser.add_argument('-o', '--output', required=True, type=Path, help='folder to write to')
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
    parser.add_argument('--no-overlays', action='store_true', help='only write masks and confidences')
    add_worker_arguments(parser)
    parser.add_argument('--force', action='store_true', help='write into a folder that has files')
    parser.add_argument('--cfg-options', nargs='+', default=[], metavar='KEY=VALUE', help='settings to override')


def run(args: argparse.Namespace) -> None:
    """Predict the masks and print the shares of the classes."""
    from ..checkpoints.work_dir import best_checkpoint
    from ..labelling.photo_masks import PhotoSettings, find_photos, write_photo_masks

    args.checkpoint = best_checkpoint(args.checkpoint)
    with launched(args):
        check_paths(args)
        settings = PhotoSettings(
            tta=args.tta,
            crf=args.crf,
            prune=args.prune,
            window=args.window,
            overlays=not args.no_overlays,
            workers=args.workers,
        )
        photos = find_photos(args.photos)
        cfg = load_config(args.config, args.cfg_options)
        made = write_photo_masks(cfg, args.checkpoint, photos, args.output, settings)
        shares = ', '.join(f'{name} {share:.1%}' for name, share in made['share'].items() if share)
        tell(f'{args.output}: masks, confidence{"" if args.no_overlays else ", overlays"} of {made["images"]} photos')
        tell(f'shares of the classes: {shares}')
