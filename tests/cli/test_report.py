"""``wsss report`` on runs with and without an evaluation."""

import json

from mmseg_wsss.cli.main import main
from tests.helpers.one_of_each import write_own_data
from tests.helpers.own_data import write_data, write_own_config
from tests.helpers.runs import write_run
from tests.helpers.trainings import run_tool


def test_a_run_without_validation(tmp_path, capsys):
    write_data(tmp_path)
    config = write_own_config(tmp_path, val_dataloader=None, val_cfg=None, val_evaluator=None)
    run_tool('train', config, '--work-dir', tmp_path / 'run')
    capsys.readouterr()
    assert main(['report', str(tmp_path / 'run')]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert lines[0] == 'metrics     no evaluation: the config has no validation, or the run has not come to it'
    assert lines[1] == f'checkpoint  {tmp_path}/run/iter_1.pth'


def test_a_folder_without_a_run(tmp_path, capsys):
    assert main(['report', str(tmp_path)]) == 2
    assert 'evaluation' in capsys.readouterr().err


def test_a_folder_that_is_not_there(tmp_path, capsys):
    assert main(['report', str(tmp_path / 'none')]) == 2
    assert f'{tmp_path}/none is not a folder: expected the work dir of a training' in capsys.readouterr().err


def test_an_evaluation(tmp_path, capsys):
    (tmp_path / 'a/vis_data').mkdir(parents=True)
    (tmp_path / 'a/vis_data/scalars.json').write_text(json.dumps({'mIoU': 12.5, 'step': 1}) + '\n')
    assert main(['report', str(tmp_path)]) == 0
    assert capsys.readouterr().out.startswith('metrics     mIoU 12.50\n')


def weak_and_full(tmp_path):
    write_own_data(tmp_path / 'data')
    rows = [{'mIoU': 83.0, 'aAcc': 90.0, 'step': 20}]
    full = write_run(tmp_path / 'full', data=tmp_path / 'data', full=True, rows=rows)
    return write_run(tmp_path / 'weak', data=tmp_path / 'data'), full


def cells(text):
    return [[cell.strip() for cell in line.strip('|').split('|')] for line in text.splitlines() if line[:1] == '|']


def test_weak_over_full_in_text_and_on_a_page(tmp_path, capsys):
    weak, full = map(str, weak_and_full(tmp_path))
    page = tmp_path / 'page.html'
    assert main(['report', weak, '--compare', full, '--html', str(page)]) == 0
    printed = capsys.readouterr().out
    assert cells(printed) == [
        ['', 'weak', 'full', 'weak / full'],
        ['mIoU', '41.50', '83.00', '50.0 %'],
        ['aAcc', '80.00', '90.00', '88.9 %'],
        ['sky', '74.23', '74.23', '100.0 %'],
        ['<road>', '', '', ''],
    ]
    assert 'weak / full 50.0 % (mIoU, weak / full)\n' in printed
    assert f'wrote {page}: 2 runs\n' in printed
    assert '88.9 %' in page.read_text()
    assert main(['report', weak, '--html', str(page)]) == 2
    assert 'exists; choose another --html' in capsys.readouterr().err


def test_the_full_run_can_be_named_and_comes_last(tmp_path, capsys):
    weak, full = map(str, weak_and_full(tmp_path))
    assert main(['report', full, '--compare', weak, full, '--full', weak]) == 0
    printed = capsys.readouterr().out
    assert cells(printed)[:2] == [['', 'full', 'weak', 'full / weak'], ['mIoU', '83.00', '41.50', '200.0 %']]
    assert 'weak / full 200.0 % (mIoU, full / weak)\n' in printed


def test_a_run_beside_itself_is_one_run(tmp_path, capsys):
    weak, _ = map(str, weak_and_full(tmp_path))
    assert main(['report', weak]) == 0
    alone = capsys.readouterr().out
    assert main(['report', weak, '--compare', weak]) == 0
    assert capsys.readouterr().out == alone


def test_runs_of_the_same_name_and_none_on_full_masks(tmp_path, capsys):
    write_own_data(tmp_path / 'data')
    runs = [str(write_run(tmp_path / place / 'config', data=tmp_path / 'data')) for place in 'ab']
    assert main(['report', runs[0], '--compare', runs[1]]) == 0
    printed = capsys.readouterr().out
    assert cells(printed)[0] == ['', *runs]
    assert 'no run was trained on full masks (use_dense_masks): --full RUN names one' in printed
