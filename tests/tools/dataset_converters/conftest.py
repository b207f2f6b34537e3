import importlib.util
import sys
from pathlib import Path

import pytest

FOLDER = Path(__file__).parents[3] / 'tools/dataset_converters'


@pytest.fixture
def load_converter(monkeypatch):
    """Load a program of tools/dataset_converters, which finds its neighbours as a script does."""
    monkeypatch.syspath_prepend(str(FOLDER))

    def load(name):
        spec = importlib.util.spec_from_file_location(name, FOLDER / f'{name}.py')
        module = importlib.util.module_from_spec(spec)
        monkeypatch.setitem(sys.modules, name, module)
        spec.loader.exec_module(module)
        return module

    return load
