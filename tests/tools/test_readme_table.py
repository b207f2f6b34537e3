"""The table of measured recipes in the README."""

from pathlib import Path

import yaml

from tests.helpers.tools import load_tool

ROOT = Path(__file__).parents[2]


def test_the_readme_has_the_present_table():
    text = (ROOT / 'README.md').read_text()
    assert load_tool('readme_table').updated(text) == text, 'run python tools/readme_table.py'


def test_a_row(tmp_path, monkeypatch):
    tool = load_tool('readme_table')
    facts = {'Labels': 'scribbles', 'Data': 'fields', 'Own Data': 'clicks_cpu', 'Full Masks': 'full'}
    models = [
        {'Name': 'weak', 'In Collection': 'Ours', 'Config': 'configs/o/weak.py', 'Metadata': facts, 'Weights': 'x'},
        {'Name': 'full', 'In Collection': 'Ours', 'Config': 'configs/o/full.py'},
    ]
    for model, score in zip(models, (60.0, 80.0), strict=True):
        model['Results'] = [{'Dataset': 'fields', 'Metrics': {'mIoU': score}}]
    (tmp_path / 'configs/o').mkdir(parents=True)
    (tmp_path / 'configs/o/metafile.yml').write_text(yaml.safe_dump({'Models': models}))
    monkeypatch.setattr(tool, 'ROOT', tmp_path)
    head, line, row = tool.table().splitlines()
    assert head.count('|') == line.count('|') == row.count('|')
    assert row == (
        '| scribbles | 34.9 s per image | Ours | [`clicks_cpu`](configs/own_data/clicks_cpu.py) | '
        '[`weak`](configs/o/weak.py), fields | mIoU **60.0** | 80.0 | 75% | `wsss zoo weak` |'
    )
    facts['Full Masks'] = 75.0
    (tmp_path / 'configs/o/metafile.yml').write_text(yaml.safe_dump({'Models': models}))
    assert '| 75.0 | 80% |' in tool.table()


def test_a_row_with_two_seeds_has_their_mean(tmp_path, monkeypatch):
    tool = load_tool('readme_table')
    facts = {'Labels': 'tags', 'Data': 'd', 'Own Data': 'tags_cpu', 'Full Masks': 'full', 'Seeds': '60.0, 63.0'}
    result = [{'Dataset': 'd', 'Metrics': {'mDice': 60.0, 'mIoU': 50.0}}]
    model = {'In Collection': 'Ours', 'Config': 'configs/o/weak.py', 'Metadata': facts, 'Results': result}
    full = {'Config': 'configs/o/full.py', 'Metadata': {'Seeds': '80.1, 82.0'}, 'Results': result}
    assert '| mDice **61.5** (60.0, 63.0) | 81.0 (80.1, 82.0) | 76% |' in tool.row(model, {'weak': model, 'full': full})
