"""The config that the arguments of a run describe."""

import argparse
import os

import pytest

from mmseg_wsss.engine.command_line import add_run_arguments, read_run_config


def read(config, *arguments):
    parser = argparse.ArgumentParser()
    parser.add_argument('config')
    add_run_arguments(parser, work_dir='logs', trust='run code')
    return read_run_config(parser.parse_args([str(config), *map(str, arguments)]))


@pytest.fixture(autouse=True)
def _no_launcher(monkeypatch):
    monkeypatch.setenv('LOCAL_RANK', '0')  # to be restored after the test
    monkeypatch.delenv('LOCAL_RANK')


@pytest.fixture
def config(tmp_path):
    path = tmp_path / 'tiny.py'
    path.write_text("model = dict(losses=dict(x=dict(radius=2)))\nlauncher = 'slurm'\n")
    return path


def test_settings_of_the_command_line_win(config):
    cfg = read(config, '--cfg-options', 'model.losses.x.radius=3', '--local-rank', '2')
    assert cfg.model.losses.x.radius == 3
    assert cfg.launcher == 'none'
    assert read(config, '--launcher', 'pytorch').launcher == 'pytorch'
    assert os.environ['LOCAL_RANK'] == '2'


def test_the_work_dir_is_given_or_that_of_the_config_or_has_its_name(config):
    assert read(config).work_dir == 'work_dirs/tiny'
    config.write_text("work_dir = 'own'\n")
    assert read(config).work_dir == 'own'
    assert read(config, '--work-dir', 'other').work_dir == 'other'
    assert read(config, '--work-dir=~/other').work_dir == os.path.expanduser('~/other')


def test_a_config_that_does_not_exist_is_named(tmp_path):
    with pytest.raises(SystemExit, match=r'no\.py: the config file does not exist'):
        read(tmp_path / 'no.py')
