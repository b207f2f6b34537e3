"""Errors in a config in one line, in all commands that build its parts."""

import errno
import tempfile

import pytest
import torch
from mmengine.config import Config
from mmengine.hooks import Hook
from mmengine.registry import init_default_scope
from mmseg.registry import HOOKS, MODELS
from PIL import Image

from mmseg_wsss.checkpoints.loading import CheckpointError
from mmseg_wsss.cli.main import main
from mmseg_wsss.engine.recipes import config_file
from mmseg_wsss.engine.start_errors import StartError, faults_of_parts, faults_of_reading
from tests.helpers.own_data import CLASSES, own_config, write_data
from tests.helpers.trainings import run_tool, training_config, write_config

MISSPELT = [
    (
        'model.decode_head.type=FCNHed',
        "model.decode_head (FCNHed): FCNHed is not registered in mmseg::model; did you mean 'FCNHead'?",
    ),
    (
        'model.backbone.depht=18',
        "model.backbone (ResNet): unknown key 'depht'; did you mean 'depth'?",
    ),
    (
        'test_dataloader.dataset.pipeline.0.type=LoadShapesImag',
        'test_dataloader.dataset.pipeline.0 (LoadShapesImag): LoadShapesImag is not registered in mmseg::transform; '
        "did you mean 'LoadShapesImage'?",
    ),
]


@HOOKS.register_module()
class FailingTestHook(Hook):
    """Raises an error in the first iteration of a test."""

    def before_test_iter(self, runner, batch_idx, data_batch=None):
        raise ValueError('in an iteration')


@pytest.fixture(scope='module')
def files(tmp_path_factory):
    folder = tmp_path_factory.mktemp('network')
    cfg = training_config()
    init_default_scope('mmseg')
    network = MODELS.build(cfg.model)
    meta = {'dataset_meta': {'classes': list('abcdefg'), 'palette': [[9 * i] * 3 for i in range(7)]}}
    torch.save({'state_dict': network.state_dict(), 'meta': meta}, folder / 'net.pth')
    return write_config(cfg, folder / 'tiny.py'), folder / 'net.pth'


@pytest.mark.parametrize(
    ('setting', 'message'),
    [
        *MISSPELT,
        ('test_evaluator.type=IoUMetrik', "did you mean 'IoUMetric'?"),
        (
            'test_dataloader.dataset.num_images=0',
            'test_dataloader.dataset (ShapesDataset): num_images must be a positive integer, got 0',
        ),
        ('custom_hooks.0.type=EMAHok', 'custom_hooks.0 (EMAHok): EMAHok is not registered in mmseg::hook; did you'),
    ],
)
def test_a_test_that_cannot_begin(files, tmp_path, setting, message):
    with pytest.raises(SystemExit) as caught:
        run_tool('test', *files, '--work-dir', tmp_path, '--cfg-options', setting)
    text = caught.value.code
    assert text.startswith('the test could not begin: ')
    assert message in text
    assert '\n' not in text


@pytest.mark.parametrize(
    ('settings', 'classes', 'message'),
    [
        (
            {'pipeline': [{'type': 'LoadImageFromFile'}, {'type': 'PackSegInputs'}]},
            CLASSES,
            "test data: there are no masks to compare with: put dict(type='LoadAnnotations') into the pipeline of "
            'test_dataloader.dataset, or only write predictions: wsss predict, or wsss test --out DIR --cfg-options '
            'test_evaluator.format_only=True',
        ),
        ({}, CLASSES[::-1], "class 0 is 'weed' in the training data and 'background' in the test data: give"),
        ({}, (*CLASSES, 'other'), 'the network learns 4 classes, and the test data has 3: give test_dataloader'),
    ],
)
def test_data_that_a_test_cannot_measure(tmp_path, settings, classes, message):
    write_data(tmp_path)
    cfg = own_config(tmp_path)
    cfg.test_dataloader, cfg.test_cfg, cfg.test_evaluator = cfg.val_dataloader, {'type': 'TestLoop'}, cfg.val_evaluator
    cfg.test_dataloader.dataset |= settings
    init_default_scope('mmseg')
    state = {'state_dict': MODELS.build(cfg.model).state_dict(), 'meta': {'dataset_meta': {'classes': classes}}}
    torch.save(state, tmp_path / 'net.pth')
    config = write_config(cfg, tmp_path / 'tiny.py')
    with pytest.raises(SystemExit) as caught:
        run_tool('test', config, tmp_path / 'net.pth', '--work-dir', tmp_path / 'out')
    assert f'the test could not begin: {message}' in caught.value.code


def test_an_error_in_an_iteration_of_a_test_keeps_its_type(files, tmp_path):
    with pytest.raises(ValueError, match='^in an iteration$') as caught:
        run_tool('test', *files, '--work-dir', tmp_path, '--cfg-options', 'custom_hooks.0.type=FailingTestHook')
    assert caught.type is ValueError


def test_a_config_without_test_data_is_named(files, tmp_path):
    config = write_config(Config({'model': {}}), tmp_path / 'bare.py')
    with pytest.raises(SystemExit, match=r'bare\.py has no test_dataloader: expected the config of a network'):
        run_tool('test', config, files[1], '--work-dir', tmp_path)


@pytest.mark.parametrize('command', ['predict', 'pseudo-labels', 'cams', 'export'])
@pytest.mark.parametrize(('setting', 'message'), MISSPELT[:2])
def test_commands_that_build_a_network(files, tmp_path, capsys, command, setting, message):
    photos = [tmp_path / 'a.png'] if command == 'predict' else []
    for photo in photos:
        Image.new('RGB', (40, 40)).save(photo)
    arguments = [command, *files, *photos, '-o', tmp_path / ('net.onnx' if command == 'export' else 'out')]
    assert main([*map(str, arguments), '--cfg-options', setting]) == 2
    assert capsys.readouterr().err == f'wsss: error: {message}\n'


def test_data_of_a_submission(files, tmp_path, capsys):
    (tmp_path / 'ids.txt').write_text('a\n')
    command = ['voc-submission', *files, '--ids', tmp_path / 'ids.txt', '-o', tmp_path / 'out']
    assert main([*map(str, command)]) == 2
    # The data of validation and test are equal, and the first place is told.
    assert "error: val_dataloader.dataset (ShapesDataset): unknown key 'ann_file'; " in capsys.readouterr().err


def test_a_network_that_weights_are_imported_for(files, tmp_path, capsys):
    setting, message = MISSPELT[0]
    command = ['import-weights', 'gated-crf', files[1], '--config', files[0], '-o', tmp_path / 'ours.pth']
    assert main([*map(str, command), '--cfg-options', setting]) == 2
    assert capsys.readouterr().err == f'wsss: error: {message}\n'


@pytest.mark.parametrize('command', ['predict', 'pseudo-labels', 'browse', 'blots'])
def test_commands_that_build_a_pipeline(files, tmp_path, capsys, command):
    split = 'train' if command in ('browse', 'blots') else 'test'
    setting = f'{split}_dataloader.dataset.pipeline.0.type=LoadShapesImag'
    arguments = {
        'predict': [*files, tmp_path / 'a.png', '-o', tmp_path / 'out'],
        'pseudo-labels': [*files, '--split', 'test', '-o', tmp_path / 'out'],
        'browse': [files[0], '-o', tmp_path / 'a.png'],
        'blots': [files[0]],
    }[command]
    if command == 'predict':
        Image.new('RGB', (40, 40)).save(tmp_path / 'a.png')
    assert main([*map(str, [command, *arguments]), '--cfg-options', setting]) == 2
    error = capsys.readouterr().err
    assert f'{split}_dataloader.dataset.pipeline.0 (LoadShapesImag): LoadShapesImag is not registered' in error
    assert "did you mean 'LoadShapesImage'?" in error
    assert error.count('\n') == 1


@pytest.mark.parametrize(
    ('text', 'message'),
    [
        ('a = [1,\nb = 2', r'config\.py, line \d: '),
        ('a = b', r"config\.py: the config cannot be read: .*name 'b' is not defined"),
        ("_base_ = './none.py'", r'config\.py: the config cannot be read: .*none\.py'),
        (
            "custom_imports = dict(imports=['no_such_module'])",
            r'cannot be read: .*no_such_module.* \("wsss doctor" may',
        ),
        (
            "_base_ = './tiny.py'\na = {{_base_.train_pipline}}",
            r'cannot be read: train_pipline \("\{\{_base_.KEY\}\}" stands for the KEY of a base, and no base has',
        ),
        (
            'from mmengine.config import read_base\nwith read_base():\n    from .none import *',
            r'config\.py: the config cannot be read: .*none\.py not found!',
        ),
    ],
)
def test_a_config_that_cannot_be_read(files, tmp_path, capsys, text, message):
    (tmp_path / 'config.py').write_text(text)
    (tmp_path / 'tiny.py').write_text('train_pipeline = []')
    for tool in ('train', 'test'):
        with pytest.raises(SystemExit, match=message) as caught:
            run_tool(tool, tmp_path / 'config.py', *files[1 : 1 + (tool == 'test')])
        assert '\n' not in caught.value.code
    assert main(['cams', str(tmp_path / 'config.py'), str(files[1]), '-o', str(tmp_path / 'out')]) == 2
    error = capsys.readouterr().err
    assert error.startswith('wsss: error: ')
    assert error.count('\n') == 1


def test_errors_of_no_part_and_those_of_checkpoints_are_not_changed():
    for error in (ValueError('elsewhere'), CheckpointError('damaged'), StartError('before')):
        with pytest.raises(type(error), match=f'^{error}$') as caught, faults_of_parts(Config({})):
            raise error
        assert caught.type is type(error)
    with pytest.raises(ZeroDivisionError), faults_of_reading('config.py'):
        raise ZeroDivisionError


def test_a_full_disk_of_temporary_files_is_named(monkeypatch, tmp_path):
    def full(*arguments):
        raise OSError(errno.ENOSPC, 'No space left on device')

    monkeypatch.setattr(Config, 'fromfile', full)
    expected = f'c.py: the copy of the config in {tempfile.gettempdir()} cannot be written: No space left'
    with pytest.raises(StartError, match=expected), faults_of_reading('c.py'):
        Config.fromfile('c.py')


def test_the_environment_variable_of_a_missing_path_is_named(tmp_path, monkeypatch, capsys):
    monkeypatch.delenv('VOC_WEAK_ROOT', raising=False)
    monkeypatch.chdir(tmp_path)
    expected = r"\('data/voc_weak' is the default of the environment variable VOC_WEAK_ROOT, which is not set\)$"
    with pytest.raises(SystemExit, match=expected):
        run_tool('train', 'deeplabv3plus_mbv2_voc_clicks', '--work-dir', tmp_path)
    path = config_file('deeplabv3plus_mbv2_voc_clicks')
    assert main(['check', str(path)]) == 1
    assert capsys.readouterr().out.count('environment variable VOC_WEAK_ROOT, which is not set') == 2


@pytest.mark.parametrize(
    ('content', 'message'),
    [
        (b'x = 1\ny = x / 0\n', 'c.py, line 2: ZeroDivisionError: division by zero'),
        (b'\xef\xbb\xbfx = 1\n', 'U+FEFF: save the file in UTF-8 without a byte order mark'),
        ('x = 1\n'.encode('utf-16'), 'c.py: the config is not text in UTF-8 ('),
        (b'\0', 'c.py: source code string cannot contain null bytes'),
    ],
)
def test_a_config_that_cannot_be_run(tmp_path, content, message):
    (tmp_path / 'c.py').write_bytes(content)
    with pytest.raises(SystemExit) as caught:
        run_tool('train', tmp_path / 'c.py', '--work-dir', tmp_path / 'out')
    assert message in caught.value.code
    assert len(caught.value.code.splitlines()) == 1
