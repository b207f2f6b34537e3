"""The configs that come with the project, by their names: short ones, and long ones as OpenMMLab has them."""

from __future__ import annotations

import difflib
from collections.abc import Mapping
from pathlib import Path

PACKAGE = Path(__file__).parents[1]


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


def long_names(root: Path) -> dict[str, str]:
    """Return the names that say method, network, batch, schedule, data and crop, with the short names that they mean.

    ``gated-crf_deeplabv3plus-r34_1xb48-90k_voc-clicks-256x256`` is ``gated_crf/deeplabv3plus_r34_voc_clicks``. They are
    the names of the models in ``metafile.yml``.

    Args:
        root: The folder of the configs.
    """
    import yaml

    entries = [
        entry
        for path in sorted(root.glob('*/metafile.yml'))
        for entry in yaml.safe_load(path.read_text(encoding='utf-8'))['Models']
    ]
    return {entry['Name']: entry['Config'].removeprefix('configs/').removesuffix('.py') for entry in entries}


def choose_config(name: str, configs: Mapping[str, Path], long: Mapping[str, str] | None = None) -> Path:
    """Find a config by its name, with or without folder and ``.py``.

    Args:
        name: The name that the user gave.
        configs: The paths by name.
        long: Further names, and the name in ``configs`` of each.

    Raises:
        ValueError: If no config or more than one has this name; similar names are suggested.
    """
    wanted = name.removeprefix('configs/').removesuffix('.py')
    wanted = (long or {}).get(wanted, wanted)
    matches = [known for known in configs if wanted in (known, known.rpartition('/')[2])]
    if len(matches) == 1:
        return configs[matches[0]]
    if matches:
        raise ValueError(f'{name!r} is the name of several configs: {", ".join(matches)}')
    spellings = {spelling: known for known in configs for spelling in (known.rpartition('/')[2], known)}
    spellings |= {spelling: spelling for spelling in long or {}}
    near = {spellings[match]: None for match in difflib.get_close_matches(wanted, spellings, cutoff=0.5)}
    hint = f'did you mean {" or ".join(near)}?' if near else '"wsss config --list" shows the names'
    raise ValueError(f'{name!r} is not the name of a config: {hint}')


def config_file(name: str) -> str:
    """Return the file of a config that is given by its path, or by the name of one that comes with the project.

    A name that ends in ``.py`` is a path.

    Args:
        name: What the user gave.

    Raises:
        ValueError: If the file does not exist, or no config has this name; similar names are suggested.
    """
    if Path(name).is_file():
        return name
    if name.endswith('.py'):
        raise ValueError(f'{name}: the config file does not exist')
    root = config_root()
    return str(choose_config(name, find_configs(root), long_names(root)))
