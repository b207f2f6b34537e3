"""``wsss zoo``: list the trained networks, and get one of them with its config."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import TYPE_CHECKING

from ..engine.recipes import config_root
from .config import flatten_config

if TYPE_CHECKING:
    from ..checkpoints.zoo import ZooModel


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the arguments of the command."""
    parser.add_argument('name', nargs='?', help='name of a network; without it, the networks are listed')
    parser.add_argument('-o', '--output', type=Path, default=Path('.'), help='folder to write to (default: this one)')
    parser.add_argument('--force', action='store_true', help='overwrite another config of that name')


def run(args: argparse.Namespace) -> None:
    """List the networks, or write one."""
    from ..checkpoints.zoo import choose_model, fetch_checkpoint, zoo_models

    root = config_root()
    models = zoo_models(root)
    if args.name is None:
        print(table(list(models.values())))
        return
    model = choose_model(args.name, models)
    config = args.output / model.config.name
    text = flatten_config(model.config)
    if config.exists() and not args.force and config.read_text(encoding='utf-8') != text:
        raise ValueError(f'{config} exists: choose another folder with -o, or overwrite it with --force')
    checkpoint = fetch_checkpoint(model, args.output, local=root.parent / 'zoo')
    config.write_text(text, encoding='utf-8')
    print(f'wrote {config} and {checkpoint}\n{description(model)}')


def zoo_network(name: str) -> tuple[str, Path]:
    """Return the config and the checkpoint of a network; the checkpoint is downloaded once if it is not here.

    Args:
        name: Name of the network.

    Raises:
        ValueError: If no network has this name.
    """
    import torch

    from ..checkpoints.zoo import choose_model, fetch_checkpoint, zoo_models

    root = config_root()
    model = choose_model(name, zoo_models(root))
    folder = Path(torch.hub.get_dir()) / 'checkpoints'
    return str(model.config), fetch_checkpoint(model, folder, local=root.parent / 'zoo')


def table(models: list[ZooModel]) -> str:
    """Return the list of the networks."""
    from prettytable import PrettyTable

    lines = PrettyTable(['network', 'method', 'labels', 'scores (%)', 'data of the scores'], align='l')
    for model in models:
        lines.add_row([model.name, model.method, model.metadata['Labels'], scores(model), model.dataset])
    return f'{lines.get_string()}\nwsss predict --model NAME PHOTOS -o OUT uses one; wsss zoo NAME writes its files'


def scores(model: ZooModel) -> str:
    """Return the scores of a network in one line."""
    return ', '.join(f'{name} {value}' for name, value in model.metrics.items())


def description(model: ZooModel) -> str:
    """Return what a network was trained on, and the terms of that data."""
    return f'{model.dataset}: {scores(model)}\n' + '\n'.join(f'{key}: {text}' for key, text in model.metadata.items())
