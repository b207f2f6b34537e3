"""``wsss doctor``: find what is wrong with an installation and how to fix it."""

from __future__ import annotations

import argparse
import importlib
import importlib.util
import platform
from importlib import metadata
from pathlib import Path

from .doctor_checks import CHECKS, ONEDL, ORIGINAL, Environment, check_config, describe_processor

_SHOWN = ('torch', 'numpy', 'scipy', 'scikit-image', 'setuptools', *ONEDL, *ORIGINAL)
CPUINFO = Path('/proc/cpuinfo')
"""The description of the processor, on Linux."""
_OPTIONAL = {
    'triton': 'the fast kernels on a GPU',
}


def inspect_environment() -> Environment:
    """Return what is installed here."""
    distributions = {dist.metadata['Name'].lower().replace('_', '-'): dist.version for dist in metadata.distributions()}
    wanted = ('torch', 'mmengine', 'mmcv', 'mmseg', 'pkg_resources', 'ftfy', 'regex', *_OPTIONAL)
    modules = frozenset(name for name in wanted if importlib.util.find_spec(name))
    error, registered = _import_plugin()
    return Environment(
        distributions=distributions,
        modules=modules,
        mmcv_ops=_has_mmcv_ops(),
        cuda=_gpu_name() if 'torch' in modules else None,
        plugin_error=error,
        registered=registered,
    )


def _has_mmcv_ops() -> bool:
    """Look for the compiled module without an import of mmcv, which may fail."""
    spec = importlib.util.find_spec('mmcv')
    folders = spec.submodule_search_locations if spec else ()
    return any(list(Path(folder).glob('_ext.*')) for folder in folders or ())


def _gpu_name() -> str | None:
    import torch

    return f'{torch.cuda.get_device_name()}, CUDA {torch.version.cuda}' if torch.cuda.is_available() else None


def _import_plugin() -> tuple[str | None, dict[str, tuple[str, ...]]]:
    try:
        importlib.import_module('mmseg_wsss.plugin')
    except Exception as error:  # report whatever a broken installation raises
        return f'{type(error).__name__}: {error}', {}
    from mmseg import registry

    registered = {}
    for name in ('MODELS', 'DATASETS', 'TRANSFORMS', 'HOOKS', 'METRICS', 'DATA_SAMPLERS'):
        classes = getattr(registry, name).module_dict
        registered[name] = tuple(
            sorted(key for key, part in classes.items() if part.__module__.startswith('mmseg_wsss.'))
        )
    return None, registered


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the arguments of the command."""
    parser.add_argument('config', nargs='?', help='a config to check, too: can it run here?')


def run(args: argparse.Namespace) -> int:
    """Print versions, faults and cures, and return 1 if there are faults."""
    env = inspect_environment()
    print('(lines above on OneDL, NMS or MultiScaleDeformableAttention come from mmcv and mmdet: ignore them)')
    print(f'python {platform.python_version()} on {platform.platform()}')
    for name in _SHOWN:
        if env.has(name):
            print(f'{name} {env.distributions[name]}')
    print(f'GPU: {env.cuda or "none (SyncBN and AmpOptimWrapper need one; our configs use BN)"}')
    if CPUINFO.is_file():
        print(f'processor: {describe_processor(CPUINFO.read_text())}')
    for registry, names in env.registered.items():
        print(f'{registry}: {", ".join(names) or "-"}')
    for name, purpose in _OPTIONAL.items():
        if name not in env.modules:
            print(f'optional: {name} is not installed ({purpose})')
    faults = [fault for check in CHECKS if (fault := check(env)) is not None]
    if args.config is not None:
        from mmengine.config import Config

        settings = Config.fromfile(args.config, import_custom_modules=False).to_dict()
        faults += check_config(settings, env)
        print(f'for its labels, images and network: wsss check {args.config}')
    for fault in faults:
        print(f'FAULT: {fault.problem}\n  cure: {fault.cure}')
    print('all checks passed' if not faults else f'{len(faults)} fault(s)')
    return 1 if faults else 0
