"""``wsss report`` on runs with and without an evaluation."""

import json

from mmseg_wsss.cli.main import main
from tests.helpers.own_data import write_data, write_own_config
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


def test_an_evaluation(tmp_path, capsys):
    (tmp_path / 'a/vis_data').mkdir(parents=True)
    (tmp_path / 'a/vis_data/scalars.json').write_text(json.dumps({'mIoU': 12.5, 'step': 1}) + '\n')
    assert main(['report', str(tmp_path)]) == 0
    assert capsys.readouterr().out.startswith('metrics     mIoU 12.50\n')
