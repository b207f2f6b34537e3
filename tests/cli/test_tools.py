"""The programs in ``tools/`` as subcommands."""

import argparse
from pathlib import Path

import pytest

from mmseg_wsss.cli import _tools, test, train
from mmseg_wsss.cli.main import build_parser, main


@pytest.mark.parametrize(('command', 'name'), [(train, 'train'), (test, 'test')])
def test_they_have_the_arguments_of_the_programs(command, name):
    own = argparse.ArgumentParser()
    _tools.load_tool(name).add_arguments(own)
    parser = build_parser(name)
    given = ['config.py', *(['net.pth'] if name == 'test' else []), '--work-dir', 'x', '--cfg-options', 'a.b=3']
    expected = vars(own.parse_args(given))
    assert expected['cfg_options'] == {'a.b': 3}
    assert {**vars(parser.parse_args([name, *given])), **expected} == vars(parser.parse_args([name, *given]))


def test_a_config_that_is_not_there_is_one_line(tmp_path):
    with pytest.raises(SystemExit, match='missing.py: there is no such config file'):
        main(['train', str(tmp_path / 'missing.py')])


def test_programs_that_are_not_there_are_named(tmp_path, monkeypatch):
    monkeypatch.setattr(_tools, 'config_root', lambda: tmp_path / 'configs')
    with pytest.raises(FileNotFoundError, match=r'no .*tools/train.py: install the package again'):
        _tools.load_tool('train')


def test_a_fault_in_the_middle_shows_its_place(monkeypatch, capsys):
    class Tool:
        def run(self, args):
            raise ValueError('broken')

    monkeypatch.setattr(_tools, 'load_tool', lambda name: Tool())
    hub = type('Hub', (), {'get_info': lambda self, key, default: 7})()
    monkeypatch.setattr('mmengine.logging.MessageHub.get_current_instance', lambda: hub)
    with pytest.raises(ValueError, match='broken'):
        _tools.run_tool('train', argparse.Namespace())
    assert Path(__file__).name in capsys.readouterr().err
