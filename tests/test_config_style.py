"""Configs are data: no programs, little that is written twice, at most two levels of inheritance, all documented."""

import ast
import collections
import re
from pathlib import Path

import pytest
import yaml

ROOT = Path(__file__).parents[1]
CONFIGS = sorted((ROOT / 'configs').rglob('*.py'))
LEAVES = [path for path in CONFIGS if '_base_' not in path.parts]
OWN_DATA = ROOT / 'configs/own_data'
"""Recipes for data that is not published."""
WINDOW = 8
ENVIRONMENT = {
    'ACDC_POINTS',
    'ACDC_ROOT',
    'CITYSCAPES_ROOT',
    'COCO_ROOT',
    'CRAID_ROOT',
    'INRIA_ROOT',
    'MBV2_CHECKPOINT',
    'PSEUDO_LABEL_ROOT',
    'VGG16_CHECKPOINT',
    'VOC_ROOT',
    'VOC_WEAK_ROOT',
    'WRN38_CHECKPOINT',
}
PROGRAMS = (
    ast.AsyncFunctionDef,
    ast.Attribute,
    ast.AugAssign,
    ast.Call,
    ast.ClassDef,
    ast.Delete,
    ast.DictComp,
    ast.For,
    ast.FunctionDef,
    ast.GeneratorExp,
    ast.If,
    ast.IfExp,
    ast.Import,
    ast.ImportFrom,
    ast.Lambda,
    ast.ListComp,
    ast.NamedExpr,
    ast.SetComp,
    ast.Try,
    ast.While,
    ast.With,
)
HEADER = ('Paper:', 'Expected', 'Cost', 'Command:')
METHODS_OF_PAPERS = ('gated_crf', 'importance_sampling', 'lpg', 'pmp', 'single_stage')
SMALL = ('mbv2', 'shapes', 'acdc', 'r18gn')
"""Words in the names of the recipes that are sized for a CPU: a metafile has those that were measured."""


def code_lines(text):
    """The lines of a config without comments, blank lines and indentation."""
    lines = (line.split('  #')[0].strip() for line in text.splitlines() if not line.lstrip().startswith('#'))
    return [line for line in lines if line]


def repeated_share(texts):
    """The share of lines in windows of eight that stand in more than one place."""
    files = [code_lines(text) for text in texts]
    places = collections.defaultdict(list)
    for number, lines in enumerate(files):
        for start in range(len(lines) - WINDOW + 1):
            places[tuple(lines[start : start + WINDOW])].append((number, start))
    repeated = {
        (number, start + line)
        for found in places.values()
        if len(found) > 1
        for number, start in found
        for line in range(WINDOW)
    }
    return len(repeated) / sum(map(len, files))


def bases(path):
    """The files that a config names as its bases."""
    for node in ast.parse(path.read_text()).body:
        if isinstance(node, ast.Assign) and ast.unparse(node.targets[0]) == '_base_':
            value = ast.literal_eval(node.value)
            return [(path.parent / base).resolve() for base in ([value] if isinstance(value, str) else value)]
    return []


def depth(path):
    """The number of levels below a config."""
    return max((1 + depth(base) for base in bases(path)), default=0)


def programs(text):
    """What a config has that is not data, with its lines; ``dict(...)`` and parts of ``_base_`` are data."""
    found = []
    for node in ast.walk(ast.parse(text)):
        if isinstance(node, ast.Call) and ast.unparse(node.func) == 'dict':
            continue
        if isinstance(node, ast.Attribute) and re.match(r'_base_\.', ast.unparse(node)):
            continue
        targets = node.targets if isinstance(node, ast.Assign) else []
        if isinstance(node, PROGRAMS) or any(not isinstance(target, ast.Name) for target in targets):
            found.append(f'line {node.lineno}: {ast.unparse(node)}')
    return found


def test_share_of_repeated_windows_is_measured():
    block = '\n'.join(f'a{number} = {number}' for number in range(WINDOW))
    other = '\n'.join(f'b{number} = {number}' for number in range(WINDOW))
    assert repeated_share([block, other]) == 0
    assert repeated_share([f'{block}\n{other}', f'# A comment.\n\n{block}  # and one more\nc = 1']) == 16 / 25
    assert repeated_share([f'{block}\n{other}\n{block}']) == 16 / 24


def test_little_is_written_twice():
    assert repeated_share([path.read_text() for path in CONFIGS]) <= 0.12


@pytest.mark.parametrize(
    'text',
    [
        'def f(): return 1',
        'a = lambda: 1',
        'for i in (1, 2): pass',
        'while True: break',
        'if True: a = 1',
        'import os',
        'from os import environ',
        "a = __import__('os')",
        'a = [dict(scale=s) for s in (1, 2)]',
        'a = [1]\na.append(2)',
        "a = _base_.a\na.insert(0, dict(type='A'))",
        "a = path.glob('*')",
        'a = _base_.a.pop(0)',
        'a = _base_.a\na[0].type = 1',
        'a = [1]\na += [2]',
        "a = open('x')",
        'a = 1 if b else 2',
    ],
)
def test_programs_are_found(text):
    assert programs(text)


def test_data_is_not_a_program():
    assert not programs(
        "_base_ = ['./a.py']\nn = 5 * 661\na = dict(**_base_.a, b=[*_base_.c[1].d[:3], -1.5], n=n // 4, f=f'{n}/a')\n"
    )


@pytest.mark.parametrize('path', CONFIGS, ids=lambda path: path.relative_to(ROOT / 'configs').as_posix())
def test_a_config_is_data(path):
    text = path.read_text()
    assert programs(text) == []
    assert set(re.findall(r'\{\{\s*\$(\w+)', text)) <= ENVIRONMENT
    assert depth(path) <= 2
    assert len(code_lines(text)) <= 80


@pytest.mark.parametrize('path', LEAVES, ids=lambda path: path.relative_to(ROOT / 'configs').as_posix())
def test_a_recipe_says_what_it_must_and_can_be_found(path):
    head = path.read_text().split('\n_base_')[0].split('\ncustom_imports')[0]
    comments = '\n'.join(line for line in head.splitlines() if line.startswith('#'))
    assert [word for word in HEADER if word.lower() not in comments.lower()] == []
    pages = [ROOT / 'README.md', *(ROOT / 'docs').rglob('*.md'), *path.parent.glob('README.md')]
    assert any(re.search(rf'\b{path.stem}\b', page.read_text()) for page in pages)


@pytest.mark.parametrize('method', sorted({p.parent for p in LEAVES} - {OWN_DATA}), ids=lambda method: method.name)
def test_metafile_has_all_published_models(method):
    models = yaml.safe_load((method / 'metafile.yml').read_text())['Models']
    assert all(model['Config'] == f'configs/{method.name}/{model["Alias"][0]}.py' for model in models)
    names = [model['Alias'][0] for model in models]
    assert len(set(names)) == len(names)
    recipes = {path.stem for path in LEAVES if path.parent == method}
    published = {name for name in recipes if not set(SMALL) & set(name.split('_'))}
    assert published <= set(names) <= recipes
    measured = {model['Alias'][0]: model['Results'] for model in models if 'Results' in model}
    assert set(names) - published == set(measured)
    page = (ROOT / 'docs/results.md').read_text()
    figures = [figure for results in measured.values() for result in results for figure in result['Metrics'].values()]
    assert [figure for figure in figures if not re.search(rf'(?<![\d.]){re.escape(str(figure))}(?![\d])', page)] == []


@pytest.mark.parametrize('path', sorted((ROOT / 'configs').glob('*/metafile.yml')), ids=lambda path: path.parent.name)
def test_lists_of_a_metafile_hold_texts(path):
    """``mim search`` writes them in lower case."""

    def lists(value):
        items = value.values() if isinstance(value, dict) else value if isinstance(value, list) else ()
        return [value] * isinstance(value, list) + [found for item in items for found in lists(item)]

    models = yaml.safe_load(path.read_text())['Models']
    found = [values for model in models for part in model.values() for values in lists(part)]
    assert found
    assert [values for values in found if not all(isinstance(value, str | dict) for value in values)] == []


@pytest.mark.parametrize('method', METHODS_OF_PAPERS)
def test_readme_has_the_parts_that_openmmlab_has(method):
    text = (ROOT / 'configs' / method / 'README.md').read_text()
    parts = ['## Introduction', '## Results and models', '## Citation']
    places = [text.index(part) for part in parts]
    assert places == sorted(places)
    assert text.count('```bibtex') == 1
