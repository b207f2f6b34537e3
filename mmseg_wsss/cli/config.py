"""``wsss config``: write a config of this project as one file, without a clone."""

from __future__ import annotations

import argparse
import difflib
from pathlib import Path

PACKAGE = Path(__file__).parents[1]


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the arguments of the command."""
    parser.add_argument('name', nargs='?', help='name of the config, such as gated_crf/deeplabv3plus_r34_voc_clicks')
    parser.add_argument('-o', '--output', type=Path, help='the file to write (default: the name of the config)')
    parser.add_argument('-l', '--list', action='store_true', help='list the names of all configs')
    parser.add_argument('--force', action='store_true', help='overwrite the file if it exists')


def run(args: argparse.Namespace) -> None:
    """List the configs or write one of them."""
    configs = find_configs(config_root())
    if args.list:
        print('\n'.join(configs))
        return
    if args.name is None:
        raise ValueError('the name of a config is missing: "wsss config --list" shows the names')
    source = choose_config(args.name, configs)
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


def config_root(package: Path = PACKAGE) -> Path:
    """Return the folder of the configs, which is next to the package in a clone and inside it in a wheel.

    Args:
        package: The folder of the package.

    Raises:
        FileNotFoundError: If the folder does not exist.
    """
    candidates = (package.parent / 'configs', package / '.mim' / 'configs')
    for root in candidates:
        # a folder "configs" next to an installed package may belong to another package
        if (root / '_base_' / 'default_runtime.py').is_file():
            return root
    raise FileNotFoundError(f'no configs in {" or ".join(map(str, candidates))}: install the package again')


def find_configs(root: Path) -> dict[str, Path]:
    """Return the configs without the bases by name, which is the path below ``root`` without ``.py``."""
    paths = sorted(path.relative_to(root) for path in root.rglob('*.py') if '_base_' not in path.parts)
    return {path.with_suffix('').as_posix(): root / path for path in paths}


def choose_config(name: str, configs: dict[str, Path]) -> Path:
    """Find a config by its name, with or without folder and ``.py``.

    Args:
        name: The name that the user gave.
        configs: The paths by name.

    Raises:
        ValueError: If no config or more than one has this name; similar names are suggested.
    """
    wanted = name.removeprefix('configs/').removesuffix('.py')
    matches = [known for known in configs if wanted in (known, known.rpartition('/')[2])]
    if len(matches) == 1:
        return configs[matches[0]]
    if matches:
        raise ValueError(f'{name!r} is the name of several configs: {", ".join(matches)}')
    spellings = {spelling: known for known in configs for spelling in (known.rpartition('/')[2], known)}
    near = {spellings[match]: None for match in difflib.get_close_matches(wanted, spellings, cutoff=0.5)}
    hint = f'did you mean {" or ".join(near)}?' if near else '"wsss config --list" shows the names'
    raise ValueError(f'there is no config {name!r}: {hint}')


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
