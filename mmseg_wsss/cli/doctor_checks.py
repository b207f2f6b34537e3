"""Checks of an installation, as pure functions of an :class:`Environment`.

OpenMMLab comes in two lines with the same import names: the maintained ``onedl-*`` distributions and the original ones.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

INSTALL_ONEDL = 'pip install onedl-mmengine onedl-mmcv onedl-mmsegmentation'
ONEDL = ('onedl-mmengine', 'onedl-mmcv', 'onedl-mmsegmentation', 'onedl-mmdetection')
ORIGINAL = ('mmengine', 'mmcv', 'mmcv-lite', 'mmcv-full', 'mmsegmentation', 'mmdet')


@dataclass(frozen=True)
class Environment:
    """The part of an installation that the checks need.

    Args:
        distributions: Versions by the name of the distribution in lower case.
        modules: Top-level modules that can be found.
        mmcv_ops: Whether the compiled operators of mmcv can be imported.
        cuda: Name of the GPU that torch can use, or None.
        plugin_error: The error that the import of the plugin raised, or None.
        registered: Names that the plugin registered, by registry.
    """

    distributions: Mapping[str, str]
    modules: frozenset[str] = frozenset()
    mmcv_ops: bool = True
    cuda: str | None = None
    plugin_error: str | None = None
    registered: Mapping[str, tuple[str, ...]] = field(default_factory=dict)

    def has(self, name: str, *, at_least: str = '0', below: str | None = None) -> bool:
        """Whether a distribution is installed in a version of this range."""
        if name not in self.distributions:
            return False
        version = release(self.distributions[name])
        return release(at_least) <= version and (below is None or version < release(below))

    @property
    def original_line(self) -> bool:
        """Whether mmengine or mmsegmentation belongs to the original line."""
        return self.has('mmengine') or self.has('mmsegmentation')


@dataclass(frozen=True)
class Fault:
    """A problem and how to solve it."""

    problem: str
    cure: str


Check = Callable[[Environment], Fault | None]
POOLED_HEADS = {
    'ASPPHead', 'DeepLabV3PlusHead', 'DepthwiseSeparableASPPHead', 'PSPHead', 'StochasticGateHead', 'UPerHead',
}  # fmt: skip
"""Heads with an image pooling; ``wsss check CONFIG`` inspects the network itself."""


BFLOAT16_FLAGS = ('avx512_bf16', 'amx_bf16')
"""Instructions of x86 processors that multiply in bfloat16."""


def release(version: str) -> tuple[int, ...]:
    """Return the release numbers of a version, without zeros at the end.

    Example:
        >>> release('2.13.0+cpu'), release('0.10.7rc1')
        ((2, 13), (0, 10, 7))
    """
    match = re.match(r'\d+(\.\d+)*', version)
    numbers = [int(number) for number in match.group().split('.')] if match else []
    while numbers and numbers[-1] == 0:
        numbers.pop()
    return tuple(numbers)


def describe_processor(cpuinfo: str) -> str:
    r"""Describe the support of a processor for ``--amp`` without a GPU, from the text of ``/proc/cpuinfo``.

    Example:
        >>> describe_processor('model name : Xeon\nflags : fpu avx512_bf16 amx_bf16')
        'Xeon, with avx512_bf16, amx_bf16: --amp (bfloat16) saves time on it, most with model.channels_last=True'
    """
    fields = dict(re.findall(r'^(model name|flags)\s*:\s*(.*)$', cpuinfo, flags=re.MULTILINE))
    found = [flag for flag in BFLOAT16_FLAGS if flag in fields.get('flags', '').split()]
    name = fields.get('model name', 'not known')
    if not found:
        return f'{name}, without {" and ".join(BFLOAT16_FLAGS)}: without a GPU, --amp (bfloat16) is slower than float32'
    return f'{name}, with {", ".join(found)}: --amp (bfloat16) saves time on it, most with model.channels_last=True'


def check_one_line(env: Environment) -> Fault | None:
    """Check that only one line is installed: each overwrites the other's files."""
    maintained = [name for name in ONEDL if env.has(name)]
    original = [name for name in ORIGINAL if env.has(name)]
    if not (maintained and original):
        return None
    return Fault(
        f'both lines of OpenMMLab are installed ({", ".join(maintained)} and {", ".join(original)}); they overwrite '
        "each other's files",
        f'pip uninstall -y {" ".join([*maintained, *original])}, then {INSTALL_ONEDL}',
    )


def check_required(env: Environment) -> Fault | None:
    """Check that torch, mmengine, mmcv and mmseg are installed."""
    missing = [name for name in ('torch', 'mmengine', 'mmcv', 'mmseg') if name not in env.modules]
    if not missing:
        return None
    return Fault(f'not installed: {", ".join(missing)}', f'pip install torch, then {INSTALL_ONEDL}')


def check_mmcv_ops(env: Environment) -> Fault | None:
    """Check that the original mmcv has its compiled operators, which heads of mmseg import."""
    complete = env.mmcv_ops or not env.has('mmcv')
    if env.has('onedl-mmcv') or (complete and not env.has('mmcv-lite')):
        return None
    found = 'mmcv-lite' if env.has('mmcv-lite') else f'mmcv {env.distributions["mmcv"]}'
    return Fault(
        f'{found} has no compiled operators, which mmsegmentation imports',
        "pip uninstall -y mmcv-lite mmcv; pip install 'setuptools<80' wheel; "
        'MMCV_WITH_OPS=1 pip install --no-build-isolation mmcv==2.1.0 (needs a compiler and some minutes; the onedl '
        f'line needs neither: {INSTALL_ONEDL})',
    )


def check_mmcv_version(env: Environment) -> Fault | None:
    """Check the version of mmcv: the original mmsegmentation raises an error for newer ones when it is imported."""
    if not env.has('mmsegmentation', below='1.2.3'):
        return None
    if not (env.has('mmcv', at_least='2.2.0') or env.has('mmcv', below='2.0.0')):
        return None
    return Fault(
        f'mmsegmentation {env.distributions["mmsegmentation"]} needs mmcv >= 2.0.0 and < 2.2.0, found '
        f'{env.distributions["mmcv"]}',
        "pip install 'setuptools<80' wheel; MMCV_WITH_OPS=1 pip install --no-build-isolation mmcv==2.1.0",
    )


def check_pkg_resources(env: Environment) -> Fault | None:
    """Check that pkg_resources exists: the original line imports it, and setuptools 82 no longer has it."""
    if not env.original_line or 'pkg_resources' in env.modules:
        return None
    found = env.distributions.get('setuptools')
    return Fault(
        f'pkg_resources is missing ({f"setuptools {found}" if found else "no setuptools"}); the original OpenMMLab '
        'line imports it',
        "pip install 'setuptools<80'",
    )


def check_ftfy(env: Environment) -> Fault | None:
    """Check for two packages that the original mmsegmentation imports but does not require."""
    missing = [name for name in ('ftfy', 'regex') if name not in env.modules]
    if not env.has('mmsegmentation') or not missing:
        return None
    return Fault(f'mmsegmentation imports {" and ".join(missing)} without requiring it', 'pip install ftfy regex')


def check_numpy(env: Environment) -> Fault | None:
    """Check the version of numpy: torch before 2.3 was compiled for numpy 1."""
    if not (env.has('numpy', at_least='2') and env.has('torch', below='2.3')):
        return None
    return Fault(
        f'torch {env.distributions["torch"]} was built for numpy 1, found numpy {env.distributions["numpy"]}',
        "pip install 'numpy<2'",
    )


def check_plugin(env: Environment) -> Fault | None:
    """Check that the plugin, which registers all parts, can be imported."""
    if env.plugin_error is None:
        return None
    return Fault(f'import mmseg_wsss.plugin fails: {env.plugin_error}', 'solve the problems above, or report this line')


CHECKS: tuple[Check, ...] = (
    check_one_line,
    check_required,
    check_mmcv_ops,
    check_mmcv_version,
    check_pkg_resources,
    check_ftfy,
    check_numpy,
    check_plugin,
)


def check_config(settings: Mapping[str, Any], env: Environment) -> list[Fault]:
    """Find settings that cannot run in this environment.

    Args:
        settings: The config as plain dicts and lists.
        env: The environment.
    """
    types = _types(settings)
    faults = []
    if env.cuda is None and 'SyncBN' in types:
        faults.append(Fault('the config has SyncBN, which fails without a GPU', "set norm_cfg=dict(type='BN')"))
    pooled = sorted(types & POOLED_HEADS)
    if (settings.get('train_dataloader') or {}).get('batch_size') == 1 and pooled and 'BN' in types:
        faults.append(
            Fault(
                f'{", ".join(pooled)} normalises a map that is pooled to one pixel, and a batch of one image gives '
                'batch normalisation one value per channel ("Expected more than 1 value per channel when training")',
                'set train_dataloader.batch_size to 2 or more',
            )
        )
    if env.cuda is None and 'AmpOptimWrapper' in types:
        faults.append(
            Fault(
                'the config has AmpOptimWrapper, which needs a GPU', "set type='BFloat16OptimWrapper' or 'OptimWrapper'"
            )
        )
    return faults


def _types(node: Any) -> set[str]:
    """Return every value of a key ``type`` in nested dicts and lists."""
    if isinstance(node, Mapping):
        own = {node['type']} if isinstance(node.get('type'), str) else set()
        return own.union(*map(_types, node.values()))
    if isinstance(node, (list, tuple)):
        return set().union(*map(_types, node))
    return set()
