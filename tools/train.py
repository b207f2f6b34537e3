"""Train a model: ``python tools/train.py CONFIG [--work-dir DIR] [--resume [CHECKPOINT]] [--amp]``."""

import argparse

from mmseg_wsss.checkpoints.loading import trust_checkpoints
from mmseg_wsss.engine.command_line import add_run_arguments, read_run_config
from mmseg_wsss.engine.optimizers import with_mixed_precision
from mmseg_wsss.engine.processes import disconnect
from mmseg_wsss.engine.start_errors import NAMED, StartError
from mmseg_wsss.engine.training import train


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the arguments, with mmengine's conventions."""
    parser.add_argument('config', help='config file')
    parser.add_argument(
        '--resume',
        nargs='?',
        const='auto',
        help='resume from this checkpoint, or from the newest readable one in the work dir',
    )
    parser.add_argument(
        '--allow-missing',
        action='store_true',
        help='load only the matching parts of a checkpoint, and start a new optimizer if the old one does not match',
    )
    parser.add_argument('--amp', action='store_true', help='mixed precision: float16 on a GPU, bfloat16 on a CPU')
    add_run_arguments(
        parser,
        work_dir='logs and checkpoints',
        trust='load checkpoints even if they contain code, which is then run, in addition to weights',
    )


def main() -> None:
    """Read the command line and run."""
    parser = argparse.ArgumentParser(description='Train a segmentation model')
    add_arguments(parser)
    run(parser.parse_args())


def run(args: argparse.Namespace) -> None:
    """Build the runner that the config asks for and train."""
    try:
        cfg = read_run_config(args)
        if args.amp:
            if 'stages' in cfg:
                cfg.amp = True  # of every training
            else:
                cfg.optim_wrapper = with_mixed_precision(cfg.optim_wrapper.to_dict())
        if args.allow_missing:
            cfg.allow_missing = True
        trust_checkpoints(args.trust_checkpoint)
        train(cfg, args.resume)
        disconnect()
    except (StartError, *NAMED) as error:
        raise SystemExit(str(error)) from error


if __name__ == '__main__':
    main()
