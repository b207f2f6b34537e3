"""Arguments and settings that several commands share."""

from __future__ import annotations

import argparse
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from mmengine.config import Config


TRUST_HELP = 'load the checkpoint even if it contains code, which is then run, in addition to weights'
MODEL_HELP = 'a trained network by its name, instead of config and checkpoint: "wsss zoo" lists them'


def load_config(path: str, options: list[str]) -> Config:
    """Read a config with the overrides of the command line, and register what it uses.

    Args:
        path: The file.
        options: ``key=value`` pairs.
    """
    from mmengine.registry import init_default_scope

    cfg = overridden_config(path, options)
    for key in ('train_dataloader', 'model'):
        if cfg.get(key) is None:
            raise ValueError(
                f'{path} has no {key}: expected the config of one training; for a training in stages use '
                'WORK_DIR/NN_STAGE/STAGE.py'
            )
    if cfg.model.get('data_preprocessor') is None:
        raise ValueError(f'{path} has no model.data_preprocessor, so its batches cannot be built')
    from .. import plugin  # noqa: F401  also for a config that forgot its custom_imports

    init_default_scope(cfg.get('default_scope', 'mmseg'))
    return cfg


def overridden_config(path: str, options: list[str]) -> Config:
    """Read a config with the overrides of the command line.

    Args:
        path: The file, or the name of a config that comes with the project.
        options: ``key=value`` pairs.
    """
    from ..engine.command_line import read_config
    from ..engine.overrides import parse_overrides
    from ..engine.recipes import config_file

    settings = parse_overrides(options)
    path = path if path.endswith('.py') else config_file(path)
    return read_config(path, settings)


def add_network_arguments(
    parser: argparse.ArgumentParser,
    output: str,
    force: str = 'write into a folder that already contains files',
) -> None:
    """Add the config and the checkpoint of a network, and the arguments of :func:`add_output_arguments`.

    Args:
        parser: The parser of the command.
        output: What is written.
        force: What ``--force`` does.
    """
    parser.add_argument('config', help='config file of the network')
    parser.add_argument('checkpoint', type=Path, help='its weights, or the folder of its training')
    add_trust_argument(parser)
    add_output_arguments(parser, output, force)
    add_cfg_options(parser)


def add_trust_argument(parser: argparse.ArgumentParser) -> None:
    """Add ``--trust-checkpoint``."""
    parser.add_argument('--trust-checkpoint', action='store_true', help=TRUST_HELP)


def add_worker_arguments(parser: argparse.ArgumentParser, *, launcher: bool = True) -> None:
    """Add ``--workers`` and, for work that is divided among processes, ``--launcher``."""
    parser.add_argument(
        '--workers', type=int, default=1, metavar='N', help='worker processes, which share the images; 0: one per core'
    )
    if launcher:
        parser.add_argument(
            '--launcher',
            choices=['none', 'pytorch', 'slurm', 'mpi'],
            default='none',
            help='divide the images among the processes of a launcher: torchrun --nproc-per-node N -m '
            'mmseg_wsss.cli.main ... --launcher pytorch',
        )


@contextmanager
def launched(args: argparse.Namespace) -> Iterator[None]:
    """Connect the processes of ``--launcher``, and disconnect them when all have ended without an error.

    Raises:
        ValueError: If ``--workers`` is negative.
    """
    from mmengine.config import Config

    from ..engine.processes import connect, disconnect

    check_workers(args)
    connect(Config({'launcher': args.launcher}))
    yield
    disconnect()


def check_workers(args: argparse.Namespace) -> None:
    """Raise an error for a negative number of workers."""
    if args.workers < 0:
        raise ValueError(f'--workers must be at least 0 (one for each core), got {args.workers}')


def tell(text: str) -> None:
    """Print a line, once if there are several processes."""
    from mmengine.dist import is_main_process

    if is_main_process():
        print(text)


def add_output_arguments(
    parser: argparse.ArgumentParser, output: str, force: str = 'overwrite the file if it exists'
) -> None:
    """Add ``-o`` and ``--force``.

    Args:
        parser: The parser of the command.
        output: What is written.
        force: What ``--force`` does.
    """
    parser.add_argument('-o', '--output', required=True, type=Path, help=output)
    parser.add_argument('--force', action='store_true', help=force)


def add_cfg_options(parser: argparse.ArgumentParser) -> None:
    """Add ``--cfg-options``, which :func:`overridden_config` reads."""
    parser.add_argument('--cfg-options', nargs='+', default=[], metavar='KEY=VALUE', help='settings to override')


def check_paths(args: argparse.Namespace) -> None:
    """Find the checkpoint of a run, and raise an error if it or, without ``--force``, the output cannot be used."""
    from ..checkpoints.loading import check_readable, trust_checkpoints
    from ..checkpoints.work_dir import best_checkpoint
    from ..engine.processes import agree

    trust_checkpoints(args.trust_checkpoint)
    args.checkpoint = best_checkpoint(args.checkpoint)
    check_readable(args.checkpoint)
    agree(lambda: _check_folder(args))


def _check_folder(args: argparse.Namespace) -> None:
    if args.output.exists() and not args.output.is_dir():
        raise ValueError(f'-o must be a folder, got the file {args.output}')
    if args.output.is_dir() and any(args.output.iterdir()) and not args.force:
        raise ValueError(f'{args.output} contains files: choose another -o, or overwrite them with --force')


def check_output(args: argparse.Namespace) -> None:
    """Raise an error instead of overwriting a file.

    Raises:
        ValueError: If the output exists and ``--force`` is not given.
    """
    check_new(args.output, '-o', force=args.force)


def check_new(path: Path | None, option: str, *, force: bool) -> None:
    """Raise an error instead of overwriting a file or a folder.

    Args:
        path: The file to write, or None.
        option: The option that names the file.
        force: Whether an existing file may be overwritten.

    Raises:
        ValueError: If there is a folder of that name, its folder would be below a file, or there is a file that may
            not be overwritten.
    """
    if path is not None and path.is_dir():
        raise ValueError(f'{option} must be a file, got the folder {path}')
    if path is not None and (file := next((parent for parent in path.parents if parent.is_file()), None)) is not None:
        raise ValueError(f'{option} {path} lies below {file}, which is a file and no folder: choose another')
    if path is not None and path.exists() and not force:
        raise ValueError(f'{path} exists; choose another {option}, or overwrite it with --force')
