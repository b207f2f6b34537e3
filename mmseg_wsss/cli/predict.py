"""``wsss predict``: write masks of photos, under the names of the photos."""

from __future__ import annotations

import argparse
from pathlib import Path

from ._arguments import add_network_arguments, add_worker_arguments, check_paths, launched, load_config, tell


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the arguments of the command."""
    add_network_arguments(parser, output='the folder to write to', nargs='?')
    parser.add_argument('photos', nargs='+', help="folders, files, patterns such as 'photos/*.jpg', or videos")
    parser.add_argument(
        '--model',
        metavar='NAME',
        help='a trained network by its name, instead of config and checkpoint: "wsss zoo" lists them',
    )
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
    from ..checkpoints.work_dir import best_checkpoint
    from ..engine.start_errors import faults_of_parts
    from ..labelling.photo_masks import PhotoSettings, find_photos, write_photo_masks

    use_model(args)
    args.checkpoint = best_checkpoint(args.checkpoint)
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
        photos = find_photos(args.photos)
        cfg = load_config(args.config, args.cfg_options)
        with faults_of_parts(cfg):
            made = write_photo_masks(cfg, args.checkpoint, photos, args.output, settings)
        shares = ', '.join(f'{name} {share:.1%}' for name, share in made['share'].items() if share)
        tell(f'{args.output}: masks, confidence{"" if args.no_overlays else ", overlays"} of {made["images"]} photos')
        tell(f'shares of the classes: {shares}')


def use_model(args: argparse.Namespace) -> None:
    """Take config and checkpoint from the trained networks if ``--model`` names one.

    Raises:
        ValueError: If there is neither a model nor a config and a checkpoint.
    """
    if args.model is None:
        if args.checkpoint is None:
            raise ValueError('a config, a checkpoint and photos are needed, or --model NAME and photos')
        return
    import torch

    from ..checkpoints.zoo import choose_model, fetch_checkpoint, zoo_models
    from .config import config_root

    root = config_root()
    model = choose_model(args.model, zoo_models(root))
    args.photos = [str(given) for given in (args.config, args.checkpoint) if given is not None] + args.photos
    args.config = str(model.config)
    args.checkpoint = fetch_checkpoint(model, Path(torch.hub.get_dir()) / 'checkpoints', local=root.parent / 'zoo')
