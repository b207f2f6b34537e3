"""A checkpoint from elsewhere does no harm, wherever it comes in; each line of SECURITY.md about it is here."""

import os
import shutil
import sys
from collections import OrderedDict
from functools import partial

import numpy as np
import pytest
import torch
from mmengine.config import Config
from mmengine.logging import HistoryBuffer
from mmengine.registry import RUNNERS
from mmengine.runner import Runner, load_checkpoint
from mmseg.registry import HOOKS, MODELS, TASK_UTILS

from mmseg_wsss.checkpoints.loading import CheckpointError, UntrustedCheckpointError, check_readable, trust_checkpoints
from mmseg_wsss.checkpoints.network import trained_network
from mmseg_wsss.checkpoints.work_dir import newest_loadable_checkpoint
from mmseg_wsss.cli.main import main
from mmseg_wsss.datasets.cam_files import read_cams
from mmseg_wsss.datasets.formats._xml import parse_xml
from mmseg_wsss.datasets.formats.craid import read_craid
from mmseg_wsss.engine.stages.marker import input_files
from mmseg_wsss.labelling.predictions import write_pseudo_labels
from mmseg_wsss.models.pseudo_masks import CONFIDENCE_KEY
from tests.helpers.pmp_runs import run_config
from tests.helpers.trainings import plain_text, run_tool, training_config, write_config

WAY_OUT = 'if you know who made it, pass --trust-checkpoint'


class Payload:
    """Makes a folder when it is unpickled."""

    def __init__(self, folder):
        self.folder = str(folder)

    def __reduce__(self):
        return os.makedirs, (self.folder, 0o777, True)


class Reduced:
    """Is unpickled by calling something."""

    def __init__(self, function, *arguments):
        self.call = (function, arguments)

    def __reduce__(self):
        return self.call


@pytest.fixture(autouse=True)
def _untrusted():
    yield
    trust_checkpoints(False)


@pytest.fixture(scope='module')
def run(tmp_path_factory):
    """The folder of a training: ``config.py`` and ``iter_4.pth``."""
    work_dir = tmp_path_factory.mktemp('run')
    config = write_config(training_config(), work_dir / 'config.py')
    run_tool('train', config, '--work-dir', work_dir)
    return work_dir


@pytest.fixture
def touched(tmp_path):
    return tmp_path / 'touched'


def checkpoint_of(run):
    return torch.load(run / 'iter_4.pth', weights_only=False)


PLACES = {
    'beside the weights': lambda checkpoint, payload: checkpoint | {'extra': payload},
    'among the weights': lambda checkpoint, payload: {'state_dict': checkpoint['state_dict'] | {'x': payload}},
    'in the meta': lambda checkpoint, payload: {**checkpoint, 'meta': {**checkpoint['meta'], 'seed': payload}},
    'in the hub': lambda checkpoint, payload: {**checkpoint, 'message_hub': {'runtime_info': {'x': payload}}},
    'as the weights': lambda checkpoint, payload: payload,
}


@pytest.fixture
def evil(run, tmp_path, touched):
    """A checkpoint of the run that makes ``touched`` when it is unpickled."""
    torch.save(checkpoint_of(run) | {'extra': Payload(touched)}, tmp_path / 'evil.pth')
    return tmp_path / 'evil.pth'


@pytest.fixture(params=[True, False], ids=['new torch', 'old torch'])
def torch_of(request, monkeypatch):
    """Either way to load: that of torch 2.6, and that of older ones."""
    monkeypatch.setattr('mmseg_wsss.checkpoints.loading.NEW_TORCH', request.param)


@pytest.mark.usefixtures('torch_of')
@pytest.mark.parametrize('place', PLACES)
@pytest.mark.parametrize('zipped', [True, False])
def test_code_is_not_run_wherever_it_is(run, tmp_path, touched, place, zipped):
    content = PLACES[place](checkpoint_of(run), Payload(touched))
    torch.save(content, tmp_path / 'evil.pth', _use_new_zipfile_serialization=zipped)
    message = rf'evil.pth holds code \(os.makedirs\) besides weights and plain .* is not run: {WAY_OUT}'
    for load in (check_readable, lambda path: load_checkpoint(torch.nn.Linear(1, 1), str(path))):
        with pytest.raises(UntrustedCheckpointError, match=message):
            load(tmp_path / 'evil.pth')
    assert not touched.exists()
    trust_checkpoints()
    with pytest.raises(CheckpointError) if place == 'as the weights' else pytest.MonkeyPatch.context():
        check_readable(tmp_path / 'evil.pth')
    assert touched.is_dir()


@pytest.mark.parametrize('entrance', ['load_from', 'resume', 'resume_auto', 'test', 'pseudo-labels', 'cams'])
def test_code_is_not_run_by_a_command(run, evil, tmp_path, touched, capsys, entrance):
    config, out = run / 'config.py', tmp_path / 'out'
    if entrance == 'resume_auto':
        shutil.copytree(run, out)
        shutil.copy(evil, out / 'iter_9.pth')
        evil = out / 'iter_9.pth'
    commands = {
        'load_from': lambda *more: run_tool(
            'train', config, '--work-dir', out, *more, '--cfg-options', f'load_from={evil}'
        ),
        'resume': lambda *more: run_tool('train', config, '--work-dir', out, '--resume', evil, *more),
        'resume_auto': lambda *more: run_tool('train', config, '--work-dir', out, '--resume', *more),
        'test': lambda *more: run_tool('test', config, evil, '--work-dir', out, *more),
    }
    command = commands.get(entrance, lambda *more: main([entrance, *map(str, (config, evil, '-o', out)), *more]))
    if entrance in commands:
        with pytest.raises(SystemExit) as caught:
            command()
        printed = str(caught.value.code)
    else:
        assert command() == 2
        printed = capsys.readouterr().err.removeprefix('wsss: error: ').rstrip('\n')
    assert printed == (
        f'{evil} holds code (os.makedirs) besides weights and plain values, and code in checkpoints is not run: '
        f'{WAY_OUT}'
    )
    assert not touched.exists()
    trusted = '--trust-checkpoint'
    if entrance in commands:
        command(trusted)
    else:
        assert command(trusted) == (0 if entrance == 'pseudo-labels' else 2)  # maps need another network
    assert touched.is_dir()


def test_a_report_names_a_checkpoint_that_holds_code(run, evil, tmp_path, touched, capsys):
    shutil.copytree(run, tmp_path / 'run')
    shutil.copy(evil, tmp_path / 'run/iter_9.pth')
    assert main(['report', str(tmp_path / 'run')]) == 0
    assert f'checkpoint  {tmp_path}/run/iter_9.pth holds code (os.makedirs) besides' in capsys.readouterr().out
    assert not touched.exists()


def test_code_is_not_run_by_a_library_call_or_a_training_in_stages(run, evil, tmp_path, touched):
    cfg = Config.fromfile(run / 'config.py')
    backbone = {**cfg.model.backbone, 'init_cfg': {'type': 'Pretrained', 'checkpoint': str(evil)}}
    ours = {**cfg.model, 'backbone': backbone}
    plain = {**{k: v for k, v in ours.items() if k != 'losses'}, 'type': 'EncoderDecoder'}
    plain['decode_head'] = {**cfg.model.decode_head, 'loss_decode': {'type': 'CrossEntropyLoss'}}
    exactly = {'type': 'WideResNet38', 'init_cfg': backbone['init_cfg']}
    (tmp_path / 'folder').mkdir()
    shutil.copy(evil, tmp_path / 'folder/iter_9.pth')
    partner = HOOKS.build({'type': 'LPGStageHook', 'stage': 1, 'num_stages': 1, 'partner': str(evil)})
    stages = {'first': {'load_from': str(evil)}}
    staged = Config({**cfg, 'runner_type': 'StagedRunner', 'work_dir': str(tmp_path / 'stages'), 'stages': stages})
    named = {'type': 'WritePseudoLabels', 'stage': 'first', 'checkpoint': str(tmp_path / 'folder')}
    inputs = {'first': {}, 'labels': {'task': named, 'inputs': [str(tmp_path / 'folder')]}}
    loaded = Config({**cfg, 'work_dir': str(tmp_path / 'work'), 'load_from': str(evil)})
    entrances = {
        'init_cfg': lambda: MODELS.build(ours).init_weights(),
        'init_cfg of a plain network': lambda: MODELS.build(plain).init_weights(),
        'init_cfg of a backbone': lambda: MODELS.build(exactly).init_weights(),
        'partner': lambda: trained_network(evil),
        'partner in a folder': lambda: trained_network(tmp_path / 'folder'),
        'partner of the hook': lambda: partner.before_val(Bare()),
        'generator': lambda: TASK_UTILS.build(
            {'type': 'WriteGeneratorLabels', 'generator': str(evil), 'dataset': {}}
        ).run(Bare()),
        'labels': lambda: write_pseudo_labels(labelled(cfg, tmp_path), evil, tmp_path / 'labels'),
        'a folder of inputs': lambda: list(input_files([str(tmp_path / 'folder')])),
        'inputs of a stage': lambda: RUNNERS.build(Config({**staged, 'stages': inputs, 'only': 'labels'})).train(),
        'load_from of a stage': lambda: RUNNERS.build(staged).train(),
        'load_from of a plain Runner': lambda: Runner.from_cfg(loaded).train(),
        'newest of a folder': lambda: newest_loadable_checkpoint(tmp_path / 'folder'),
    }
    for name, entrance in entrances.items():
        with pytest.raises(UntrustedCheckpointError, match=rf'.pth holds code \(os.makedirs\) .*{WAY_OUT}'):
            entrance()
        assert not touched.exists(), name


class Bare:
    """A runner, or the context of a task, of which nothing is needed before the checkpoint is read."""

    work_dir, resumed = 'none', False

    def __init__(self):
        self.model = type('Model', (torch.nn.Module,), {'has_partner': False})()


def labelled(cfg, tmp_path):
    """The config with a data set of files, of which there are none."""
    data = {**cfg.test_dataloader.dataset, 'labels': ['points']}
    return Config({**cfg, 'train_dataloader': {**cfg.train_dataloader, 'dataset': data}})


# ---------------------------------------------------------------- files of labels


def test_maps_are_numbers_alone(tmp_path, touched):
    (tmp_path / 'cams').mkdir()
    np.savez(tmp_path / 'cams/a.npz', size=np.array([Payload(touched)], dtype=object), classes=[1], scores=[1])
    with pytest.raises(ValueError, match='a.npz is damaged .*allow_pickle=False'):
        read_cams(tmp_path, 'a')
    assert not touched.exists()


def test_maps_and_checkpoints_that_unpack_to_more_than_they_may_are_not_unpacked(tmp_path, monkeypatch):
    monkeypatch.setattr('mmseg_wsss.datasets.cam_files.MAX_BYTES', 2**20)
    path = tmp_path / 'cams/a.npz'
    path.parent.mkdir()
    np.savez_compressed(path, scores=np.zeros(2**18), classes=[1], size=[1, 1])
    assert path.stat().st_size < 2**13
    monkeypatch.setattr(np, 'load', None)
    with pytest.raises(ValueError, match='a.npz is damaged .its maps take 20.* bytes when they are decompressed'):
        read_cams(tmp_path, 'a')
    path.rename(tmp_path / 'a.pth')
    with pytest.raises(CheckpointError, match='a.pth .* its parts are larger than the file'):
        check_readable(tmp_path / 'a.pth')


def test_xml_reads_no_other_file_and_does_not_grow(tmp_path):
    (tmp_path / 'secret.txt').write_text('secret')
    head = '<?xml version="1.0"?><!DOCTYPE a [{}]>'
    # a billion words
    many = '<!ENTITY e0 "lol">' + ''.join(f'<!ENTITY e{i} "{f"&e{i - 1};" * 10}">' for i in range(1, 10))
    for entity, text in ((f'<!ENTITY x SYSTEM "file://{tmp_path}/secret.txt">', '&x;'), (many, '&e9;')):
        (tmp_path / 'a.xml').write_text(head.format(entity) + f'<annotation>{text}</annotation>')
        with pytest.raises(ValueError, match='a.xml is not XML') as caught:
            parse_xml(tmp_path / 'a.xml')
        assert 'secret' not in str(caught.value).replace(str(tmp_path), '')


def test_locations_of_craid_are_literals(tmp_path, touched):
    code = f"__import__('os').mkdir({str(touched)!r})"
    (tmp_path / 'craid.csv').write_text(f'filename,locations\na.jpg,"[{code}]"\n')
    with pytest.raises(ValueError, match='craid.csv, line 2: locations must be'):
        read_craid(tmp_path / 'craid.csv', ('background', 'fruit'))
    assert not touched.exists()


# ---------------------------------------------------------------- what torch may rebuild


@pytest.mark.usefixtures('torch_of')
@pytest.mark.parametrize(
    'call',
    [
        Reduced(getattr, torch.nn.Linear, '__init__'),
        Reduced(getattr, HistoryBuffer, '__init__'),
        Reduced(getattr, HistoryBuffer.mean, '__globals__'),
        Reduced(getattr, HistoryBuffer, 'register_statistics'),
    ],
)
def test_attributes_are_those_of_logs_alone(tmp_path, call):
    """``getattr``, which mmengine allows, would reach the globals of a module, and these can be set."""
    torch.save({'state_dict': {}, 'extra': call}, tmp_path / 'evil.pth')
    with pytest.raises(UntrustedCheckpointError, match=r'evil.pth holds code \(.*\) besides weights'):
        check_readable(tmp_path / 'evil.pth')


@pytest.mark.usefixtures('torch_of')
def test_logs_and_numbers_are_read(tmp_path):
    log = HistoryBuffer([1.0, 2.0, 4.0], [1, 1, 1])
    numbers = {kind: np.array([0, 1], dtype=kind) for kind in ('bool', 'i4', 'u2', 'f2', 'f8', 'c8', 'U3')}
    content = {'log': log, 'numbers': numbers, 'one': np.float32(2.5), 'more': OrderedDict(a=[(1, None, 'b')])}
    torch.save(content, tmp_path / 'plain.pth')
    loaded = load_checkpoint_of(tmp_path / 'plain.pth')
    assert loaded['log'].mean() == pytest.approx(7 / 3)
    assert (loaded['log'].statistics('max'), loaded['one'], loaded['more']) == (4.0, 2.5, content['more'])
    for kind, values in numbers.items():
        assert np.array_equal(loaded['numbers'][kind], values), kind


@pytest.mark.usefixtures('torch_of')
def test_checkpoints_of_our_own_trainings_are_read(tmp_path, monkeypatch):
    """With averaged weights, a scaler of mixed precision, schedules, and the state of a hook."""
    amp = 'mmengine.optim.optimizer.amp_optimizer_wrapper'
    monkeypatch.setattr(f'{amp}.is_cuda_available', lambda: True)
    monkeypatch.setattr(f'{amp}.GradScaler', partial(torch.amp.GradScaler, 'cpu'))
    monkeypatch.setattr(Runner, '_log_env', lambda self, env_cfg: None)
    cfg = run_config(tmp_path / 'amp')
    cfg.optim_wrapper.update(type='AmpOptimWrapper', loss_scale='dynamic')
    cfg.custom_hooks.append({'type': 'EMAHook'})
    cfg.param_scheduler = [{'type': 'PolyLR', 'end': 8, 'by_epoch': False}]
    Runner.from_cfg(cfg).train()
    check_readable(tmp_path / 'amp/iter_8.pth')
    checkpoint = load_checkpoint_of(tmp_path / 'amp/iter_8.pth')
    assert {'ema_state_dict', 'optimizer', 'param_schedulers', 'message_hub', 'meta'} <= set(checkpoint)
    assert checkpoint['optimizer']['loss_scaler']['scale'] > 0
    assert checkpoint['message_hub']['runtime_info'][CONFIDENCE_KEY].keys() >= {'loss_sum', 'object_score'}
    cfg.update(resume=True, load_from=str(tmp_path / 'amp/iter_4.pth'), work_dir=str(tmp_path / 'again'))
    cfg.experiment_name = 'again'
    Runner.from_cfg(cfg).train()
    again = load_checkpoint_of(tmp_path / 'again/iter_8.pth')
    for weights in ('state_dict', 'ema_state_dict'):
        assert [k for k, v in checkpoint[weights].items() if not torch.equal(v, again[weights][k])] == []


def load_checkpoint_of(path):
    from mmengine.runner import CheckpointLoader

    return CheckpointLoader.load_checkpoint(str(path), map_location='cpu')


def test_addresses_are_read_as_files_are(run, evil, touched, monkeypatch):
    """What mmengine loads from the network falls back to whole pickles, too, and here not."""
    monkeypatch.setattr(
        'mmengine.runner.checkpoint.load_url',
        lambda filename, **settings: torch.load(evil if 'evil' in filename else run / 'iter_4.pth', weights_only=False),
    )
    for kind in ('https://a.org', 'http://a.org'):
        with pytest.raises(UntrustedCheckpointError, match=rf'{kind}/evil.pth holds code \(os.makedirs\) besides'):
            load_checkpoint_of(f'{kind}/evil.pth')
        assert not touched.exists()
        assert load_checkpoint_of(f'{kind}/good.pth')['meta']['iter'] == 4
    assert not [name for name in os.environ if name.startswith('TORCH_FORCE')]
    trust_checkpoints()
    load_checkpoint_of('https://a.org/evil.pth')
    assert touched.is_dir()


def test_what_the_user_says_of_torch_stays(run, monkeypatch):
    monkeypatch.setenv('TORCH_FORCE_NO_WEIGHTS_ONLY_LOAD', '1')
    check_readable(run / 'iter_4.pth')
    assert os.environ['TORCH_FORCE_NO_WEIGHTS_ONLY_LOAD'] == '1'
    assert 'TORCH_FORCE_WEIGHTS_ONLY_LOAD' not in os.environ


# ---------------------------------------------------------------- the config in a checkpoint


@pytest.fixture
def module(tmp_path, touched, monkeypatch):
    """A module that makes ``touched`` when it is imported, and a class in it."""
    (tmp_path / 'evil_module.py').write_text(f'import os\nos.mkdir({str(touched)!r})\nclass Network: pass\n')
    monkeypatch.syspath_prepend(tmp_path)
    yield 'evil_module'
    sys.modules.pop('evil_module', None)


def with_config(run, tmp_path, change):
    checkpoint = checkpoint_of(run)
    cfg = Config.fromfile(run / 'config.py')
    change(cfg)
    checkpoint['meta']['cfg'] = plain_text(cfg)
    torch.save(checkpoint, tmp_path / 'config.pth')
    return tmp_path / 'config.pth'


CHANGES = {
    'a function': (
        {'model': {'type': 'os.mkdir', 'path': '{touched}', '_delete_': True}},
        "a type that is not registered, 'os.mkdir'",
    ),
    'a function deep in it': (
        {'model.backbone.norm_cfg': {'type': 'os.mkdir', 'path': '{touched}', '_delete_': True}},
        "a type that is not registered, 'os.mkdir'",
    ),
    'a function of mmengine': (
        {'model.backbone.norm_cfg': {'type': 'mmengine.utils.path.mkdir_or_exist', 'dir_name': '{touched}'}},
        "a type that is not registered, 'mmengine.utils.path.mkdir_or_exist'",
    ),
    'a class of a module': ({'model.type': 'evil_module.Network'}, "not registered, 'evil_module.Network'"),
    'a module': ({'model.backbone.type': 'evil_module'}, "a type that is not registered, 'evil_module'"),
    'a scope': ({'model._scope_': 'evil_module'}, "a type that is not registered, 'evil_module'"),
    'a step of the pipeline': ({'test_pipeline': [{'type': 'evil_module'}]}, "is not registered, 'evil_module'"),
    'a hook': ({'custom_hooks': [{'type': 'evil_module.Hook'}]}, "is not registered, 'evil_module.Hook'"),
    'an import': ({'custom_imports.imports': ['evil_module']}, "the module 'evil_module'"),
    'one import': ({'custom_imports.imports': 'evil_module'}, "the module 'evil_module'"),
    'an import that may fail': (
        {'custom_imports': {'imports': ['mmseg_wsss.plugin', 'evil_module'], 'allow_failed_imports': True}},
        "the module 'evil_module'",
    ),
    'another module of ours': ({'custom_imports.imports': ['mmseg_wsss.cli.main']}, "the module 'mmseg_wsss.cli.main'"),
    'a pickle': ({'model.decode_head.loss_decode.class_weight': 'weights.pkl'}, "hold code, 'weights.pkl'"),
    'a YAML': ({'model.decode_head.loss_decode.class_weight': 'https://a.org/w.yml'}, "code, 'https://a.org/w.yml'"),
}


@pytest.mark.parametrize('name', CHANGES)
def test_a_config_in_a_checkpoint_names_no_code(run, tmp_path, touched, module, name):
    changes, message = CHANGES[name]
    filled = {key: eval(repr(value).replace('{touched}', str(touched))) for key, value in changes.items()}
    path = with_config(run, tmp_path, lambda cfg: cfg.merge_from_dict(filled))
    with pytest.raises(UntrustedCheckpointError, match=rf'the config in {path} names .*{message}, .* pass --trust-che'):
        trained_network(path)
    assert not touched.exists()
    assert module not in sys.modules
    given = trained_network({'checkpoint': str(path), 'config': str(run / 'config.py')})
    assert type(given[0]).__name__ == 'WeakEncoderDecoder'
    assert not touched.exists()


def test_a_trusted_config_may_import(run, tmp_path, touched, module):
    path = with_config(run, tmp_path, lambda cfg: cfg.custom_imports.imports.append(module))
    trust_checkpoints()
    trained_network(path)
    assert touched.is_dir()


def test_registered_names_of_mmseg_and_modules_of_mmseg_are_known(run, tmp_path):
    def change(cfg):
        cfg.model.type = 'mmseg.WeakEncoderDecoder'
        cfg.model.backbone.init_cfg = {'type': 'Kaiming', 'layer': 'Conv2d'}
        cfg.model.backbone._scope_ = 'mmseg'
        cfg.custom_imports.imports.append('mmseg.models')

    assert type(trained_network(with_config(run, tmp_path, change))[0]).__name__ == 'WeakEncoderDecoder'


def test_a_config_that_is_code_is_not_run_on_a_resume(run, tmp_path, touched):
    """mmengine runs the text under ``config``, which checkpoints of mmcv 1 have."""
    checkpoint = checkpoint_of(run)
    checkpoint['meta']['config'] = f'import os\nos.mkdir({str(touched)!r})\n'
    torch.save(checkpoint, tmp_path / 'old.pth')
    arguments = (run / 'config.py', '--work-dir', tmp_path / 'out', '--resume', tmp_path / 'old.pth')
    run_tool('train', *arguments)
    assert not touched.exists()


def test_a_config_too_deep_to_read_is_named(run, tmp_path):
    checkpoint = checkpoint_of(run)
    checkpoint['meta']['cfg'] = 'model = ' + '[' * 5000 + ']' * 5000
    torch.save(checkpoint, tmp_path / 'deep.pth')
    with pytest.raises(UntrustedCheckpointError, match='the config in .*deep.pth is not plain settings'):
        trained_network(tmp_path / 'deep.pth')
