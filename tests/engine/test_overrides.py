"""Settings of the command line change the config, or are an error that names them."""

import argparse

import pytest
from mmengine.config import Config
from torch.optim import SGD

from mmseg_wsss.engine.overrides import Overrides, override, parse_overrides
from tests.engine.test_own_data import ROOT, VARIABLES
from tests.helpers.one_of_each import write_own_data


@pytest.fixture
def own(tmp_path):
    """A config over the recipe for clicks, with its data."""
    write_own_data(tmp_path)
    path = tmp_path / 'config.py'
    path.write_text(f"_base_ = '{ROOT}/clicks_cpu.py'\ndata_root = '{tmp_path}'\n{VARIABLES}")
    return Config.fromfile(path)


@pytest.fixture
def plain():
    pipeline = [{'type': 'A', 'size': 3}, {'type': 'B'}]
    return Config(
        {
            'model': {'losses': {'ce': {'start': 0.5}}, 'init_cfg': None},
            'train_pipeline': pipeline,
            'train_dataloader': {'dataset': {'pipeline': pipeline}},
            'train_cfg': {'max_iters': 9},
            'note': 'mine',
        }
    )


@pytest.mark.parametrize(
    ('option', 'value'),
    [
        ('a=3', 3),
        ('a=[(1,2),x]', [(1, 2), 'x']),
        ('a=None', None),
        ('a=b=c', 'b=c'),
        ("a={'weight': 1, 'xy': None}", {'weight': 1, 'xy': None}),
        ("a=[{'weight': 1}]", [{'weight': 1}]),
        ('a=it_{}.pth', 'it_{}.pth'),
        ('a=/runs/{x}/y.pth', '/runs/{x}/y.pth'),
    ],
)
def test_values(option, value):
    assert parse_overrides([option]) == {'a': value}


@pytest.mark.parametrize(
    ('option', 'message'),
    [
        ('abc', "--cfg-options must be KEY=VALUE, got 'abc'"),
        ('=3', "--cfg-options must be KEY=VALUE, got '=3'"),
        ('a=[1,2', "--cfg-options a: '[1,2' is not a value: Imbalanced brackets"),
        ('a={b:1}', "--cfg-options a: '{b:1}' is not a value: malformed node"),
        ('a={', "--cfg-options a: '{' is not a value: "),
    ],
)
def test_what_is_no_setting(capsys, option, message):
    with pytest.raises(ValueError, match='--cfg-options') as caught:
        parse_overrides([option])
    assert str(caught.value).startswith(message)
    parser = argparse.ArgumentParser()
    parser.add_argument('--cfg-options', nargs='+', action=Overrides)
    with pytest.raises(SystemExit):
        parser.parse_args(['--cfg-options', 'x=1', option])
    assert f'error: {message}' in capsys.readouterr().err
    both = parser.parse_args(['--cfg-options', 'x=1', 'y=2', '--cfg-options', 'x=3'])
    assert both.cfg_options == {'x': 3, 'y': 2}


@pytest.mark.parametrize(
    ('key', 'message'),
    [
        ('max_iters', "the config has no 'max_iters'; did you mean train_cfg.max_iters?"),
        ('losses.ce.loss_weight', "has no 'losses'; did you mean model.losses.ce.loss_weight?"),
        ('train_cgf.max_iters', "has no 'train_cgf'; did you mean 'train_cfg'?"),
        (
            'train_pipeline',
            'train_pipeline is a variable of the config, which train_dataloader.dataset.pipeline has copied already: '
            'override train_dataloader.dataset.pipeline',
        ),
        (
            'train_pipeline.0.size',
            'train_pipeline is a variable of the config, which train_dataloader.dataset.pipeline has copied already: '
            'override train_dataloader.dataset.pipeline.0.size',
        ),
        ('train_pipeline.9.size', 'train_pipeline.9.size=2: train_pipeline.9 is None or missing'),
        ('model.init_cfg.checkpoint', 'model.init_cfg.checkpoint=2: model.init_cfg is None or missing'),
        ('note.x', "note.x=2: note is 'mine', which has no settings"),
    ],
)
def test_settings_without_an_effect_are_named(plain, key, message):
    with pytest.raises(ValueError, match='--cfg-options') as caught:
        override(plain, {key: 2})
    assert message in str(caught.value)


def test_settings_that_mmengine_or_the_user_reads_are_made(plain):
    override(plain, {'compile.backend': 'eager', 'note': 'yours', 'mine': 3, 'train_cfg.max_iters': 4})
    assert (plain.compile.backend, plain.note, plain.mine, plain.train_cfg.max_iters) == ('eager', 'yours', 3, 4)
    with pytest.raises(ValueError, match='model.init_cfg.x=1: model.init_cfg is None or missing'):
        override(plain, {'model.init_cfg': None, 'model.init_cfg.x': 1})


def test_settings_of_ones_own_need_not_be_in_the_config():
    settings = {'amp': True, 'allow_missing': True, 'notes': 'a', 'run_name': 'b', 'data_root': '/x'}
    cfg = Config({'boxes': 1, 'warmup': 2, 'data_preprocessor': None, 'train_cfg': {'amp': False}})
    override(cfg, settings)
    assert {key: cfg[key] for key in settings} == settings


def test_variables_of_own_data_need_not_be_in_the_config(own):
    override(own, {'mean': [1, 2, 3], 'std': [4, 5, 6], 'classes': ['a', 'b', 'c'], 'palette': [[0, 0, 0]] * 3})
    assert list(own.model.data_preprocessor.mean) == [1, 2, 3]
    assert own.train_dataloader.dataset.metainfo.classes == ['a', 'b', 'c']


def test_settings_beside_the_variables_of_own_data(own):
    settings = {'train_cfg.max_iters': 20, 'train_dataloader.batch_size': 2, 'train_cfg.val_interval': 7}
    override(own, {**settings, 'model.losses.loss_ce.loss_weight': 3, 'custom_hooks': None, 'param_scheduler': None})
    assert (own.iterations, own.train_cfg.max_iters, own.train_dataloader.batch_size) == (20, 20, 2)
    assert (own.train_cfg.val_interval, own.default_hooks.checkpoint.interval) == (7, 5)
    assert own.model.losses.loss_ce.loss_weight == 3


def test_a_schedule_of_the_command_line_is_not_scaled(own):
    override(own, {'iterations': 100, 'param_scheduler.1.end': 90})
    assert (own.train_cfg.max_iters, own.param_scheduler[0].end, own.param_scheduler[1].end) == (100, 4, 90)


@pytest.mark.parametrize(
    ('settings', 'message'),
    [
        ({'model.decode_head.num_classes': 5}, 'num_classes=5 has no effect: .* make it 3: change the variable'),
        ({'train_dataloader.dataset.img_suffix': '.gif'}, "img_suffix='.gif' has no effect: .* make it '.jpg'"),
        ({'train_cfg': None}, '--cfg-options train_cfg must be a dict of settings, got None'),
        ({'iterations': 0}, 'iterations must be a positive integer, got 0'),
    ],
)
def test_what_the_variables_of_own_data_would_undo(own, settings, message):
    with pytest.raises(ValueError, match=message):
        override(own, settings)


def test_a_config_of_python_objects_is_overridden(tmp_path):
    """mmengine keeps the modules that such a config imports, which cannot be copied."""
    path = tmp_path / 'lazy.py'
    path.write_text(
        'import math\nfrom torch.optim import SGD\nfrom mmengine.config import read_base\n'
        'optim_wrapper = dict(optimizer=dict(type=SGD, lr=math.pi))\n'
    )
    cfg = Config.fromfile(path)
    override(cfg, {})
    override(cfg, {'optim_wrapper.optimizer.lr': 0.5})
    assert cfg.optim_wrapper.optimizer.lr == 0.5
    assert cfg.optim_wrapper.optimizer.type is SGD
    with pytest.raises(ValueError, match='optim_wrapper.optimizer.type.x=3: '):
        override(cfg, {'optim_wrapper.optimizer.lr': 0.1, 'optim_wrapper.optimizer.type.x': 3})
