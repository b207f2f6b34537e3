"""Imports point one way, and only the plugin has side effects."""

import ast
import subprocess
import sys
from pathlib import Path

import pytest

PACKAGE = Path(__file__).parents[1] / 'mmseg_wsss'
# What each layer may import, besides itself.
BASE = {'functional', 'structures', 'files', 'openmmlab', 'renamed'}
PARTS = BASE | {'ops', 'checkpoints'}
LABELS = PARTS | {'models', 'datasets', 'evaluation', 'visualization'}
ALLOWED = {
    'functional': set(),
    'files': set(),
    'openmmlab': set(),
    'renamed': set(),
    'structures': {'functional', 'files'},
    'ops': {'functional'},
    'checkpoints': BASE,
    'models': PARTS,
    'datasets': PARTS,
    'evaluation': PARTS,
    'visualization': PARTS,
    'labelling': LABELS,
    'engine': LABELS | {'labelling'},
    'plugin': LABELS | {'labelling', 'engine'},
    'cli': LABELS | {'labelling', 'engine', 'plugin'},
    '__init__': set(),
}
PURE = {'functional', 'ops'}
FILES = sorted(PACKAGE.rglob('*.py'))
TESTS = Path(__file__).parent
OF_SEVERAL_MODULES = {
    'cli/test_label_commands.py',  # simulate, convert and check, each on what the one before wrote
    'datasets/test_formats.py',  # the readers, on the same pictures
    'datasets/formats/test_fuzz.py',  # damaged files of all readers
    'datasets/formats/test_public_cases.py',  # files as users report them
}
"""Tests in a mirrored folder that are of no single module; those of several folders lie beside this file."""


def layer(path):
    return path.relative_to(PACKAGE).with_suffix('').parts[0]


def imported_modules(path):
    """Absolute names of all imports, those inside functions too."""
    package = ('mmseg_wsss', *path.relative_to(PACKAGE).parts[:-1])
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            base = package[: len(package) - node.level + 1] if node.level else ()
            prefix = '.'.join((*base, *([node.module] if node.module else [])))
            yield from (f'{prefix}.{alias.name}' for alias in node.names)


@pytest.mark.parametrize('path', FILES, ids=lambda path: str(path.relative_to(PACKAGE)))
def test_arrows_point_one_way(path):
    own = layer(path)
    wrong = []
    for name in imported_modules(path):
        parts = name.split('.')
        if parts[0] == 'mmseg_wsss' and len(parts) > 1:
            target = parts[1]
            if target in ALLOWED and target != own and target not in ALLOWED[own]:
                wrong.append(name)
        elif own in PURE and parts[0] in {'mmengine', 'mmcv', 'mmseg', 'mmdet', 'torchvision'}:
            wrong.append(name)
    assert wrong == []


def test_every_layer_is_known():
    assert {layer(path) for path in FILES} <= set(ALLOWED)


def test_every_test_is_where_its_module_is():
    folders = {path.name for path in PACKAGE.iterdir() if path.is_dir()}
    tests = {path.relative_to(TESTS) for path in TESTS.rglob('test_*.py')}
    lost = [
        path.as_posix()
        for path in sorted(tests)
        if path.parts[0] in folders and path.as_posix() not in OF_SEVERAL_MODULES and not modules_named_in(path)
    ]
    assert lost == []


def modules_named_in(test):
    """The module that a test has its name from; one that starts with an underscore may lose it."""
    name = test.name.removeprefix('test_')
    places = (PACKAGE / test.parent / name, PACKAGE / test.parent / f'_{name}')
    return [place for place in places if place.is_file()]


def test_torchvision_is_needed_nowhere():
    users = [path for path in FILES if any(name.split('.')[0] == 'torchvision' for name in imported_modules(path))]
    assert users == []


def test_functional_imports_without_openmmlab():
    script = (
        'import sys, mmseg_wsss.functional, mmseg_wsss.ops;'
        "print([m for m in sys.modules if m.split('.')[0] in ('mmengine', 'mmcv', 'mmseg', 'mmdet')])"
    )
    printed = subprocess.run(
        [sys.executable, '-c', script], capture_output=True, text=True, check=True, cwd=PACKAGE.parent
    )
    assert printed.stdout.strip() == '[]'


def test_the_plugin_is_imported_without_a_word():
    script = 'import mmseg_wsss.plugin, mmseg_wsss.engine.training'
    done = subprocess.run(
        [sys.executable, '-c', script], capture_output=True, text=True, check=True, cwd=PACKAGE.parent
    )
    assert done.stdout + done.stderr == ''
