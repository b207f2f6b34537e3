"""``wsss config``: write a config of this project as one file, without a clone."""

from __future__ import annotations

import argparse
from pathlib import Path

from ..engine.recipes import choose_config, config_root, find_configs, long_names


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the arguments of the command."""
    parser.add_argument(
        'name',
        nargs='?',
        help='name of the config, such as gated_crf/deeplabv3plus_r34_voc_clicks or one of the long names',
    )
    parser.add_argument('-o', '--output', type=Path, help='the file to write (default: the name of the config)')
    parser.add_argument('-l', '--list', action='store_true', help='list the short and long names of all configs')
    parser.add_argument('--force', action='store_true', help='overwrite the file if it exists')


def run(args: argparse.Namespace) -> None:
    """List the configs or write one of them."""
    root = config_root()
    configs, long = find_configs(root), long_names(root)
    if args.list:
        print(table(list(configs), long))
        return
    if args.name is None:
        raise ValueError('the name of a config is missing: "wsss config --list" shows the names')
    source = choose_config(args.name, configs, long)
    output = args.output or Path(source.name)
    if output.suffix != '.py':
        raise ValueError(f'the file must end in .py, got {output}')
    texts = {output: flatten_config(source)}
    texts |= {output.parent / path.name: flatten_config(path) for path in stage_configs(source)}
    for path, text in texts.items():
        if path.exists() and not args.force and path.read_text(encoding='utf-8') != text:
            raise ValueError(f'{path} exists: choose another name or folder with -o, or overwrite it with --force')
    output.parent.mkdir(parents=True, exist_ok=True)
    for path, text in texts.items():
        path.write_text(text, encoding='utf-8')
        print(f'wrote {path}')


def table(names: list[str], long: dict[str, str]) -> str:
    """Return the list of the configs: a line for each, with its long name if it has one."""
    of_short = {short: name for name, short in long.items()}
    width = max(map(len, names))
    return '\n'.join(f'{name:{width}}  {of_short.get(name, "")}'.rstrip() for name in names)


def flatten_config(source: Path) -> str:
    """Return a config merged with its bases, with its opening comment; stages keep their order.

    Args:
        source: The config file.
    """
    from mmengine.config import Config

    lines = source.read_text(encoding='utf-8').splitlines()
    opening = []
    for line in lines:
        if not line.startswith('#'):
            break
        opening.append(line)
    cfg = Config.fromfile(source, import_custom_modules=False)
    order = [] if 'type' in cfg.get('stages', ()) else list(cfg.get('stages', ()))  # a part lists its stages itself
    in_order = f'stages = {{name: stages[name] for name in {order}}}  # their order is that of the training\n'
    return '\n'.join([*opening, cfg.pretty_text]) + (in_order if order else '')


def stage_configs(source: Path) -> list[Path]:
    """Return the config files in the same folder that the stages of this config name.

    Args:
        source: The config file.
    """
    from mmengine.config import Config

    from ..engine.stages.config import listed_stages

    cfg = Config.fromfile(source, import_custom_modules=False)
    stages = listed_stages(cfg).values() if 'stages' in cfg else ()
    names = [stage if isinstance(stage, str) else stage.get('config') for stage in stages]
    return [source.parent / name for name in dict.fromkeys(names) if name]
