"""``wsss export``: a trained network as an ONNX file."""

from __future__ import annotations

import argparse

from ._arguments import add_network_arguments, check_output, load_config


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the arguments of the command."""
    add_network_arguments(parser, output='the .onnx file to write', force='overwrite the file if it exists')
    parser.add_argument(
        '--size',
        type=int,
        nargs=2,
        default=[256, 256],
        metavar=('HEIGHT', 'WIDTH'),
        help='size of the image to trace with',
    )


def run(args: argparse.Namespace) -> None:
    """Write the file and print how far it is from PyTorch."""
    from ..checkpoints.loading import check_readable, trust_checkpoints
    from ..checkpoints.work_dir import best_checkpoint
    from ..engine.start_errors import faults_of_parts
    from ..labelling.onnx_file import write_onnx

    check_output(args)
    if args.output.suffix.lower() != '.onnx':
        raise ValueError(f'-o must end in .onnx, got {str(args.output)!r}')
    if min(args.size) < 32:
        raise ValueError(f'--size must be at least 32 pixels each, got {args.size}')
    trust_checkpoints(args.trust_checkpoint)
    checkpoint = best_checkpoint(args.checkpoint)
    check_readable(checkpoint)
    cfg = load_config(args.config, args.cfg_options)
    with faults_of_parts(cfg):
        summary = write_onnx(cfg, checkpoint, args.output, size=(args.size[0], args.size[1]))
    print(
        f'{args.output}: {summary["bytes"] / 2**20:.1f} MiB, probabilities within {summary["difference"]:.1e} of those '
        'of PyTorch'
    )
    if cfg.model.get('decision'):
        print('the decision of the config (pruning of classes, refiner) is not part of the file')
