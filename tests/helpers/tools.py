"""The programs of the folder tools, as modules."""

import importlib.util
from pathlib import Path
from types import ModuleType

TOOLS = Path(__file__).parents[2] / 'tools'


def load_tool(name: str) -> ModuleType:
    """Return the module of ``tools/NAME.py``, newly executed."""
    spec = importlib.util.spec_from_file_location(f'tool_{name}', TOOLS / f'{name}.py')
    tool = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(tool)
    return tool
