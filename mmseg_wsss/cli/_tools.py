"""The programs in ``tools/``, as subcommands."""

from __future__ import annotations

import argparse
import importlib.util
import traceback
from types import ModuleType

from ..engine.recipes import config_root


def load_tool(name: str) -> ModuleType:
    """Load ``tools/<name>.py``, which is next to the configs in a clone and in a wheel.

    Args:
        name: ``'train'`` or ``'test'``.

    Raises:
        FileNotFoundError: If the file does not exist.
    """
    path = config_root().parent / 'tools' / f'{name}.py'
    if not path.is_file():
        raise FileNotFoundError(f'no {path}: install the package again')
    spec = importlib.util.spec_from_file_location(f'wsss_tool_{name}', path)
    if spec is None or spec.loader is None:
        raise FileNotFoundError(f'{path} cannot be loaded: install the package again')
    tool = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(tool)
    return tool


def run_tool(name: str, args: argparse.Namespace) -> None:
    """Run a tool. Errors after the first iteration are printed with a traceback."""
    from mmengine.logging import MessageHub

    try:
        load_tool(name).run(args)
    except (ValueError, TypeError, OSError, ImportError):
        if MessageHub.get_current_instance().get_info('iter', 0):
            traceback.print_exc()
        raise
