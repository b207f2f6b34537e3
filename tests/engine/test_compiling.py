"""``compile=`` trains the same network as without it, or is refused with the reason before training."""

import pytest
import torch
from mmengine.config import Config

from mmseg_wsss.checkpoints.loading import load_checkpoint
from mmseg_wsss.engine import compiling
from mmseg_wsss.engine.compiling import compile_backbone, take_compile
from tests.helpers.trainings import run_tool, training_config, write_config


def test_a_compiled_training_has_the_weights_of_a_plain_one(tmp_path):
    config = write_config(training_config(), tmp_path / 'tiny.py')
    run_tool('train', config, '--work-dir', tmp_path / 'plain', '--cfg-options', 'train_cfg.max_iters=2')
    options = ['--cfg-options', 'train_cfg.max_iters=2', 'compile.backend=eager']
    run_tool('train', config, '--work-dir', tmp_path / 'compiled', *options)
    plain, compiled = (load_checkpoint(tmp_path / name / 'iter_2.pth')['state_dict'] for name in ('plain', 'compiled'))
    assert list(plain) == list(compiled)
    for name, value in plain.items():
        torch.testing.assert_close(compiled[name], value, rtol=1e-2, atol=1e-3, msg=name)
    saved = Config.fromfile(tmp_path / 'compiled/tiny.py')
    assert saved.compile_backbone == {'backend': 'eager'}


def test_nothing_is_compiled_unless_asked():
    for cfg in (Config({}), Config({'compile': False})):
        assert take_compile(cfg) is None
        assert cfg.to_dict() == {}
    cfg = Config({'compile': True})
    assert take_compile(cfg) == take_compile(cfg)


@pytest.mark.parametrize('compiler', [None, '/usr/bin/g++'])
def test_a_compiler_is_needed(monkeypatch, compiler):
    monkeypatch.setattr(compiling.shutil, 'which', lambda name: compiler)
    assert take_compile(Config({'compile': {'backend': 'eager'}})) == {'backend': 'eager'}
    if compiler:
        assert take_compile(Config({'compile': True})) == {}
        return
    with pytest.raises(ValueError, match=r'compile: torch.compile needs a C\+\+ compiler, and none is installed'):
        take_compile(Config({'compile': True}))


def test_what_cannot_be_compiled_is_refused(tmp_path):
    with pytest.raises(
        TypeError, match="compile must be True, False or a dict of arguments of torch.compile, got 'on'"
    ):
        take_compile(Config({'compile': 'on'}))

    class Bare:
        model = torch.nn.Linear(1, 1)

    with pytest.raises(TypeError, match='compile: Linear has no backbone to compile'):
        compile_backbone(Bare(), {})
    config = write_config(training_config(), tmp_path / 'tiny.py')
    with pytest.raises(SystemExit, match='the training could not begin: compile must be True, False or a dict'):
        run_tool('train', config, '--work-dir', tmp_path / 'run', '--cfg-options', 'compile=on')


@pytest.mark.slow
@pytest.mark.skipif(not compiling._has_compiler(), reason='torch.compile needs a C++ compiler')
def test_the_default_backend_of_torch_trains_the_same_network(tmp_path, monkeypatch):
    """A network of five convolutions, because each kernel is compiled by the C++ compiler."""
    monkeypatch.setenv('TORCHINDUCTOR_CACHE_DIR', str(tmp_path / 'cache'))
    cfg = training_config()
    cfg.model.backbone.update(num_stages=1, strides=(1,), dilations=(1,), out_indices=(0,))
    cfg.model.decode_head.update(in_channels=8, in_index=0)
    config = write_config(cfg, tmp_path / 'tiny.py')
    states = {}
    for name, options in {'plain': [], 'compiled': ['compile=True']}.items():
        run_tool('train', config, '--work-dir', tmp_path / name, '--cfg-options', 'train_cfg.max_iters=2', *options)
        states[name] = load_checkpoint(tmp_path / name / 'iter_2.pth')['state_dict']
    assert list((tmp_path / 'cache').rglob('*.cpp'))  # Inductor has generated code
    assert list(states['plain']) == list(states['compiled'])
    for name, value in states['plain'].items():
        torch.testing.assert_close(states['compiled'][name], value, rtol=1e-2, atol=1e-3, msg=name)
