"""The programs in ``tools/`` as subcommands."""

import argparse
from pathlib import Path

import pytest
import torch
from mmengine.config import Config
from mmseg.registry import MODELS
from PIL import Image

from mmseg_wsss.cli import _tools, test, train
from mmseg_wsss.cli.main import build_parser, main
from mmseg_wsss.datasets.shapes_dataset import write_shapes
from tests.helpers.own_data import write_data, write_own_config
from tests.helpers.trainings import run_tool, training_config, write_config


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
    with pytest.raises(SystemExit, match='missing.py: the config file does not exist'):
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


def test_switches_of_a_test(tmp_path):
    tool = _tools.load_tool('test')
    write_data(tmp_path)
    cfg = Config.fromfile(write_own_config(tmp_path))
    cfg.test_dataloader = cfg.val_dataloader

    def model_of(*options):
        parser = argparse.ArgumentParser()
        tool.add_arguments(parser)
        given = ['config.py', 'net.pth', '--work-dir', str(tmp_path), *options]
        return tool.with_arguments(cfg.copy(), parser.parse_args(given)).model

    assert model_of() == cfg.model
    switched = model_of('--crf', '--prune', '0.2', '--window', '40')
    assert (switched.decision.type, switched.decision.score_threshold) == ('TagDecision', 0.2)
    assert switched.decision.refiner.type == 'DenseCRF'
    assert (switched.test_cfg.mode, tuple(switched.test_cfg.crop_size)) == ('slide', (40, 40))
    with pytest.raises(SystemExit, match=r'prune must be in \[0, 1\], got 2.0'):
        model_of('--prune', '2')


def test_pictures_and_label_maps_of_a_config_that_does_not_speak_of_them(tmp_path):
    """No visualizer, no hook that draws, and a metric in a list."""
    write_shapes(tmp_path / 'shapes', num_images=2, size=(40, 48))
    cfg = training_config()
    assert cfg.get('visualizer') is None
    assert 'visualization' not in cfg.default_hooks
    cfg.test_dataloader.dataset = {
        'type': 'WeakSegDataset',
        'data_root': str(tmp_path / 'shapes'),
        'data_prefix': {'img_path': 'images', 'seg_map_path': 'masks'},
        'weak_labels': 'weak_labels.json',
        'img_suffix': '.png',
        'test_mode': True,
        'pipeline': [{'type': 'LoadImageFromFile'}, {'type': 'LoadAnnotations'}, {'type': 'PackSegInputs'}],
    }
    cfg.test_evaluator = [{'type': 'SubsetIoUMetric'}]
    config = write_config(cfg, tmp_path / 'config.py')
    torch.save({'state_dict': MODELS.build(cfg.model).state_dict()}, tmp_path / 'net.pth')
    options = ('--work-dir', tmp_path / 'test', '--show-dir', tmp_path / 'shown', '--out', tmp_path / 'maps')
    run_tool('test', config, tmp_path / 'net.pth', *options)
    pictures = sorted((tmp_path / 'shown').rglob('*.png'))
    maps = sorted((tmp_path / 'maps').iterdir())
    assert len(pictures) == 2
    for path in [*pictures, *maps]:
        with Image.open(path) as image:
            assert image.height == 40
            assert image.width % 48 == 0
    assert [path.name for path in maps] == ['shapes_00000.png', 'shapes_00001.png']
