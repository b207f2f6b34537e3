"""Arguments that training and testing share, and the config that they describe."""

from __future__ import annotations

import argparse
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from mmengine.config import Config

from .overrides import Overrides, override
from .recipes import config_file
from .start_errors import faults_of_reading


def add_run_arguments(parser: argparse.ArgumentParser, work_dir: str, trust: str) -> None:
    """Add the arguments of a run, with mmengine's conventions.

    Args:
        parser: The parser of the command.
        work_dir: What is written to ``--work-dir``.
        trust: What ``--trust-checkpoint`` does.
    """
    parser.add_argument('--work-dir', help=f'folder for {work_dir} (default: work_dirs/<config name>)')
    parser.add_argument('--trust-checkpoint', action='store_true', help=trust)
    parser.add_argument(
        '--cfg-options', nargs='+', action=Overrides, help='settings to override, such as model.losses.x.radius=3'
    )
    parser.add_argument('--launcher', choices=['none', 'pytorch', 'slurm', 'mpi'], default='none')
    parser.add_argument('--local_rank', '--local-rank', type=int, default=0)


def read_run_config(args: argparse.Namespace) -> Config:
    """Read the config of a run, with the settings of the command line and the folder of its results.

    Args:
        args: The arguments of :func:`add_run_arguments`, and ``config``.

    Raises:
        StartError: If it cannot be read.
        SystemExit: If the file does not exist and no recipe has this name.
    """
    os.environ.setdefault('LOCAL_RANK', str(args.local_rank))
    try:
        args.config = config_file(args.config)
    except ValueError as error:
        raise SystemExit(str(error)) from error
    cfg = read_config(args.config, args.cfg_options or {})
    cfg.launcher = args.launcher
    work_dir = args.work_dir or cfg.get('work_dir') or Path('work_dirs') / Path(args.config).stem
    cfg.work_dir = str(Path(work_dir).expanduser())
    return cfg


def read_config(path: str, overrides: Mapping[str, Any]) -> Config:
    """Read a config with the settings that override it, and fill in the variables of a recipe for own data.

    Args:
        path: The file, or the name of a recipe.
        overrides: Settings by key, such as ``{'model.losses.x.radius': 3}``.

    Raises:
        StartError: If it cannot be read.
    """
    with faults_of_reading(path):
        cfg = Config.fromfile(path)
        override(cfg, overrides)
    return cfg
