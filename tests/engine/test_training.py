"""Trainings that are interrupted, started again, mixed up or run twice: each resumes correctly or raises an error."""

import json
import re
import shutil
import subprocess
import sys
from datetime import datetime
from pathlib import Path
from unittest import mock

import numpy as np
import pytest
import torch
import torch.multiprocessing as mp
from filelock import FileLock
from mmengine.config import Config
from mmengine.hooks import CheckpointHook
from mmengine.runner import Runner

from mmseg_wsss.checkpoints.loading import CheckpointError, check_readable, load_checkpoint
from mmseg_wsss.checkpoints.run import run_of
from mmseg_wsss.checkpoints.work_dir import WorkDirError, newest_loadable_checkpoint
from mmseg_wsss.cli.main import main
from mmseg_wsss.engine.hooks import CheckpointGuardHook
from mmseg_wsss.engine.hooks.last_validation_hook import LastValidationHook
from mmseg_wsss.engine.training import guard, train
from tests.helpers.trainings import (
    assert_same_weights,
    killed,
    run_tool,
    training_config,
    weights,
    write_config,
)


@pytest.fixture(scope='module')
def config(tmp_path_factory):
    return write_config(training_config(), tmp_path_factory.mktemp('config') / 'tiny.py')


@pytest.fixture(scope='module')
def whole(config, tmp_path_factory):
    """A training that ended."""
    work_dir = tmp_path_factory.mktemp('runs') / 'whole'
    run_tool('train', config, '--work-dir', work_dir)
    return work_dir


@pytest.fixture
def folder(whole, tmp_path):
    """A copy of it, to be changed."""
    return Path(shutil.copytree(whole, tmp_path / 'copy'))


def message(tool, *arguments):
    """What a command that fails says, in one line."""
    with pytest.raises(SystemExit) as caught:
        run_tool(tool, *arguments)
    assert isinstance(caught.value.code, str)
    assert '\n' not in caught.value.code
    return caught.value.code


def run_in(path):
    return run_of(load_checkpoint(path))


def state(folder):
    return {path: path.stat().st_mtime_ns for path in folder.rglob('*') if path.is_file()}


def scores(work_dir):
    """The evaluations that a folder's runs logged, in their order."""
    rows = [json.loads(line) for log in sorted(work_dir.glob('*/vis_data/scalars.json')) for line in log.open()]
    return [row['mIoU'] for row in rows if 'mIoU' in row]


# ---------------------------------------------------------------- whose checkpoint it is


def test_a_run_is_known_by_what_a_resume_keeps(config, whole, tmp_path):
    cut = tmp_path / 'cut'
    killed(3, run_tool, 'train', config, '--work-dir', cut)
    begun = run_in(cut / 'iter_2.pth')
    assert len(begun['id']) == 32
    assert datetime.fromisoformat(begun['started']).tzinfo is not None
    assert begun['settings']['optim_wrapper']['optimizer']['lr'] == 0.05
    run_tool('train', config, '--work-dir', cut, '--resume')
    assert run_in(cut / 'iter_4.pth') == begun
    assert_same_weights(cut / 'iter_4.pth', whole / 'iter_4.pth')
    assert run_in(whole / 'iter_4.pth')['id'] != begun['id']


def test_a_new_training_does_not_write_over_another_one(config, folder, capsys):
    before = state(folder)
    said = message('train', config, '--work-dir', folder, '--cfg-options', 'optim_wrapper.optimizer.lr=0.5')
    assert said == (
        f'{folder} holds checkpoints of a training (iter_2.pth, iter_4.pth), and a new one would overwrite them: '
        'resume it with --resume, choose another --work-dir, or delete them'
    )
    assert {path: time for path, time in state(folder).items() if path.name != '.training.lock'} == {
        path: time for path, time in before.items() if path.name != '.training.lock'
    }
    for path in folder.glob('*.pth'):
        path.unlink()
    run_tool('train', config, '--work-dir', folder)
    assert (folder / 'iter_4.pth').is_file()


def test_checkpoints_of_another_run_are_refused_by_name(config, whole, folder, tmp_path):
    other = tmp_path / 'other'
    run_tool('train', config, '--work-dir', other, '--cfg-options', 'train_cfg.max_iters=2', 'randomness.seed=4')
    own, foreign = run_in(whole / 'iter_4.pth'), run_in(other / 'iter_2.pth')
    shutil.copy(other / 'iter_2.pth', folder / 'iter_9.pth')
    said = message('train', config, '--work-dir', folder, '--resume')
    assert said == (
        f'{folder} holds checkpoints of another run than {folder}/iter_9.pth, whose run started {foreign["started"]}: '
        f'iter_2.pth, iter_4.pth of the run that started {own["started"]}. Delete those of the run that you do not '
        'want, or resume in another folder: --resume CHECKPOINT --work-dir OTHER'
    )
    said = message('train', config, '--work-dir', folder, '--resume', folder / 'iter_2.pth')
    assert said.startswith(f'{folder} holds checkpoints of another run than {folder}/iter_2.pth, whose')
    assert f': iter_9.pth of the run that started {foreign["started"]}. ' in said
    # in another folder it resumes
    run_tool('train', config, '--work-dir', tmp_path / 'own', '--resume', folder / 'iter_2.pth')
    assert run_in(tmp_path / 'own/iter_4.pth') == own
    (folder / 'iter_9.pth').unlink()
    run_tool('train', config, '--work-dir', folder, '--resume')


def nameless(path):
    """Make a checkpoint as it was before runs had names."""
    checkpoint = torch.load(path, weights_only=False)
    del checkpoint['meta']['run']
    torch.save(checkpoint, path)


def test_checkpoints_of_no_named_run_go_on_where_they_are_alone(config, whole, folder):
    nameless(folder / 'iter_4.pth')
    said = message('train', config, '--work-dir', folder, '--resume')
    assert f'than {folder}/iter_4.pth, whose run is unknown: iter_2.pth of the run that started' in said
    nameless(folder / 'iter_2.pth')
    arguments = ('--resume', '--cfg-options', 'train_cfg.max_iters=6')
    run_tool('train', config, '--work-dir', folder, *arguments)
    assert run_in(folder / 'iter_4.pth') is None
    assert run_in(folder / 'iter_6.pth') is not None
    arguments = ('--resume', '--cfg-options', 'train_cfg.max_iters=8')
    run_tool('train', config, '--work-dir', folder, *arguments)
    assert run_in(folder / 'iter_8.pth')['id'] == run_in(folder / 'iter_6.pth')['id']


def test_a_stage_does_not_go_on_from_another_run(config, whole, tmp_path):
    stages = {'only': {}}
    cfg = training_config(tmp_path / 'stages', runner_type='StagedRunner', stages=stages)
    killed(3, train, cfg)
    other = load_checkpoint(whole / 'iter_4.pth')
    torch.save(other, tmp_path / 'stages/01_only/iter_3.pth')
    with pytest.raises(WorkDirError, match=r'01_only holds checkpoints of another run than .*iter_3.pth.*: iter_2.pth'):
        train(cfg)


def warnings_of(work_dir):
    """Warnings in the newest log of a folder."""
    log = max(work_dir.glob('*/*.log'), key=lambda path: path.stat().st_mtime_ns)
    return [line for line in log.read_text().splitlines() if 'resumes with other settings' in line]


def test_changed_settings_are_named_and_workers_may_change(config, folder):
    arguments = ('--resume', '--cfg-options', 'log_level=WARNING')
    run_tool('train', config, '--work-dir', folder, *arguments, 'train_dataloader.num_workers=1')
    assert warnings_of(folder) == []
    run_tool('train', config, '--work-dir', folder, *arguments, 'train_cfg.max_iters=6', 'randomness.seed=3')
    (line,) = warnings_of(folder)
    started = run_in(folder / 'iter_4.pth')['started']
    assert line.endswith(f'the run that started {started} resumes with other settings: train_cfg.max_iters: 4 -> 6')
    assert run_in(folder / 'iter_6.pth')['id'] == run_in(folder / 'iter_4.pth')['id']
    many = [f'train_cfg.new_{index}={index}' for index in range(10)]
    cfg = Config.fromfile(config)
    hook, resumed = CheckpointGuardHook(), Resumed(cfg, folder / 'iter_6.pth')
    cfg.merge_from_dict(dict(setting.split('=') for setting in many))
    hook.before_run(resumed)
    hook._go_on(resumed, load_checkpoint(folder / 'iter_6.pth'))
    assert resumed.said[0].endswith('; and 3 more')  # with max_iters


def rate_in(path):
    """The learning rate in a checkpoint."""
    return load_checkpoint(path)['optimizer']['param_groups'][0]['lr']


@pytest.mark.parametrize('groups', [{}, {'paramwise_cfg': {'custom_keys': {'backbone': {'lr_mult': 1.0}}}}])
def test_a_changed_schedule_takes_effect(tmp_path, groups):
    cfg = training_config(tmp_path / 'run')
    cfg.optim_wrapper |= groups
    config = write_config(cfg, tmp_path / 'tiny.py')
    run_tool('train', config)
    assert rate_in(tmp_path / 'run/iter_4.pth') == pytest.approx(0.05 * 3 / 7)
    more = ['train_cfg.max_iters=6', 'param_scheduler.0.end=16', 'optim_wrapper.optimizer.lr=0.1']
    run_tool('train', config, '--resume', '--cfg-options', *more, 'optim_wrapper.optimizer.weight_decay=0.5')
    assert rate_in(tmp_path / 'run/iter_6.pth') == pytest.approx(0.1 * 9 / 15)
    (group, *_) = load_checkpoint(tmp_path / 'run/iter_6.pth')['optimizer']['param_groups']
    assert (group['weight_decay'], group['momentum']) == (0.5, 0.9)


def test_another_optimizer_begins_only_when_asked_for(tmp_path):
    config = write_config(training_config(tmp_path / 'run'), tmp_path / 'tiny.py')
    run_tool('train', config)
    adam = {'type': 'OptimWrapper', 'optimizer': {'type': 'AdamW', 'lr': 0.001}}
    config = write_config(training_config(tmp_path / 'run', optim_wrapper=adam), tmp_path / 'adam.py')
    resumed = ('train', config, '--resume', '--cfg-options', 'train_cfg.max_iters=6')
    assert 'iter_4.pth holds the state of SGD, but optim_wrapper.optimizer is AdamW: begin with' in message(*resumed)
    run_tool(*resumed[:3], '--allow-missing', *resumed[3:])
    assert rate_in(tmp_path / 'run/iter_6.pth') == pytest.approx(0.001 * 1 / 7)


class Resumed:
    """What a hook sees of a runner."""

    def __init__(self, cfg, path):
        self.cfg, self._load_from, self._resume, self.said = cfg, str(path), True, []
        self.logger = type('Logger', (), {'warning': lambda _, text: self.said.append(text)})()


# ---------------------------------------------------------------- one at a time


@pytest.fixture
def holder(tmp_path):
    """Another process that trains in the folder."""
    code = (
        'import sys, time; from filelock import FileLock; lock = FileLock(sys.argv[1]); lock.acquire(timeout=0); '
        'print("held", flush=True); time.sleep(120)'
    )
    command = [sys.executable, '-c', code, str(tmp_path / '.training.lock')]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout.readline() == 'held\n'
        yield process
        process.kill()


def test_two_trainings_in_one_folder_are_refused_until_one_is_killed(config, tmp_path, holder):
    assert message('train', config, '--work-dir', tmp_path) == (
        f'another training is running in {tmp_path}, and two would overwrite each other: wait until it ends, stop it, '
        'or choose another --work-dir'
    )
    assert [path.name for path in tmp_path.iterdir()] == ['.training.lock']
    staged = training_config(tmp_path, runner_type='StagedRunner', stages={'only': {}})
    with pytest.raises(WorkDirError, match='another training is running in'):
        train(staged)
    holder.kill()
    holder.wait()
    run_tool('train', config, '--work-dir', tmp_path)
    lock = FileLock(tmp_path / '.training.lock')
    lock.acquire(timeout=0)  # free again
    lock.release()


def _rank(rank, path):
    torch.distributed.init_process_group('gloo', init_method=f'file://{path}_meet', rank=rank, world_size=2)
    path.mkdir(exist_ok=True)
    lock = FileLock(path / '.training.lock')
    if rank == 0:
        lock.acquire(timeout=0)
    with pytest.raises(WorkDirError, match='another training is running in'):
        train(training_config(path))
    lock.release()
    if rank == 0:
        torch.save({'state_dict': {}}, path / 'iter_1.pth')
    torch.distributed.barrier()
    with pytest.raises(WorkDirError, match='holds checkpoints of a training'):
        train(training_config(path))
    torch.distributed.destroy_process_group()


def test_all_processes_of_a_training_are_told(tmp_path):
    mp.start_processes(_rank, (tmp_path / 'work',), nprocs=2, start_method='fork')


# ---------------------------------------------------------------- the last validation


def test_killed_in_the_last_validation_the_scores_are_not_lost(config, whole, tmp_path, capsys):
    killed('val', run_tool, 'train', config, '--work-dir', tmp_path / 'cut')
    assert (tmp_path / 'cut/iter_4.pth').is_file()
    assert scores(tmp_path / 'cut') == []
    run_tool('train', config, '--work-dir', tmp_path / 'cut', '--resume')
    assert scores(tmp_path / 'cut') == scores(whole) != []
    assert main(['report', str(tmp_path / 'cut')]) == 0
    assert 'mIoU' in capsys.readouterr().out


def test_trainings_of_one_process_and_second_write_into_their_own_folders(tmp_path):
    visualizer = {'type': 'SegLocalVisualizer', 'vis_backends': [{'type': 'LocalVisBackend'}], 'name': 'visualizer'}
    with mock.patch('time.strftime', return_value='20260102_030405'):
        for name in 'first', 'second':
            cfg = training_config(tmp_path / name, log_level='INFO', visualizer=dict(visualizer))
            train(cfg)
            assert cfg.visualizer == visualizer
    for name in 'first', 'second':
        (log,) = (tmp_path / name).glob('*/*.log')
        assert log.read_text().count('Iter(train) [4/4]') == 1
        (scalars,) = (tmp_path / name).glob('*/vis_data/scalars.json')
        steps = [json.loads(line)['step'] for line in scalars.read_text().splitlines() if 'loss' in line]
        assert steps == [1, 2, 3, 4]


def test_hooks_are_registered_once(tmp_path):
    cfg = training_config(tmp_path)
    cfg.custom_hooks.append({'type': 'CheckpointGuardHook'})
    runner = Runner.from_cfg(cfg)
    for _ in range(2):
        guard(runner)
    for kind in (CheckpointGuardHook, LastValidationHook):
        assert sum(isinstance(hook, kind) for hook in runner.hooks) == 1
    (checkpoints,) = (hook for hook in runner.hooks if isinstance(hook, CheckpointHook))
    assert checkpoints.backend_args == {'backend': 'whole_file'}


@pytest.mark.parametrize('settings', [{'backend_args': {'backend': 'local'}}, {'out_dir': 's3://bucket/runs'}])
def test_other_disks_are_left_alone(tmp_path, settings):
    cfg = training_config(tmp_path)
    cfg.default_hooks.checkpoint.update(settings)
    runner = Runner.from_cfg(cfg)
    backend = type('Bucket', (), {})
    with pytest.MonkeyPatch.context() as patch:
        if 'out_dir' in settings:  # its client is not installed
            patch.setattr('mmengine.fileio.backends.registry_utils.prefix_to_backends', {'s3': backend, '': backend})
            patch.setattr('mmengine.fileio.io.prefix_to_backends', {'s3': backend, '': backend})
        guard(runner)
    (checkpoints,) = (hook for hook in runner.hooks if isinstance(hook, CheckpointHook))
    assert checkpoints.backend_args == settings.get('backend_args')


# ---------------------------------------------------------------- files that are not whole


@pytest.mark.parametrize('damage', ['zeros', 'empty', 'half', 'bit'])
def test_a_damaged_newest_checkpoint_falls_back_to_the_one_before(config, whole, folder, damage):
    content = bytearray((folder / 'iter_4.pth').read_bytes())
    middle = content.index(weights(folder / 'iter_4.pth')['backbone.conv1.weight'].numpy().tobytes()[:64])
    content[middle] ^= 16
    damaged = {'zeros': bytes(len(content)), 'empty': b'', 'half': content[: len(content) // 2], 'bit': content}
    (folder / 'iter_4.pth').write_bytes(damaged[damage])
    assert newest_loadable_checkpoint(folder).name == 'iter_2.pth'
    run_tool('train', config, '--work-dir', folder, '--resume')
    assert_same_weights(folder / 'iter_4.pth', whole / 'iter_4.pth')


def test_no_flipped_bit_gives_other_weights(tmp_path):
    """Wherever it is: the file is refused, or its content is as it was."""
    rng = np.random.default_rng(0)
    content = {'state_dict': {'a': torch.arange(300.0), 'b': torch.ones(7, 5)}, 'meta': {'iter': 4, 'cfg': 'a = 1'}}
    torch.save(content, tmp_path / 'a.pth')
    whole = (tmp_path / 'a.pth').read_bytes()
    refused = 0
    for place in rng.choice(len(whole), 400, replace=False):
        damaged = bytearray(whole)
        damaged[place] ^= 1 << int(rng.integers(8))
        (tmp_path / 'b.pth').write_bytes(damaged)
        try:
            loaded = load_checkpoint(tmp_path / 'b.pth')
        except CheckpointError:
            refused += 1
        else:
            assert loaded['meta'] == content['meta']
            assert all(torch.equal(value, loaded['state_dict'][key]) for key, value in content['state_dict'].items())
    assert refused > 100
    tensor = whole.index(content['state_dict']['a'].numpy().tobytes())
    damaged = bytearray(whole)
    damaged[tensor + 9] ^= 1
    (tmp_path / 'b.pth').write_bytes(damaged)
    with pytest.raises(CheckpointError, match=r'b.pth .*: it is damaged, .*/data/0 has another checksum than when'):
        check_readable(tmp_path / 'b.pth')


def test_a_checkpoint_is_written_whole(config, whole, folder, monkeypatch):
    """Cut before it has its name, the older ones are as they were; a resume writes over what was left."""
    before = {path.name: path.read_bytes() for path in folder.glob('*.pth')}
    synchronised = []
    monkeypatch.setattr('os.fsync', synchronised.append)

    def cut(*arguments):
        raise KeyboardInterrupt

    command = ('train', config, '--work-dir', folder, '--resume', '--cfg-options', 'train_cfg.max_iters=6')
    with mock.patch('mmseg_wsss.files.os.replace', cut), pytest.raises(KeyboardInterrupt):
        run_tool(*command)
    assert {path.name: path.read_bytes() for path in folder.glob('*.pth') if path.name != 'iter_2.pth'} == {
        name: content for name, content in before.items() if name != 'iter_2.pth'
    }
    assert (folder / '.iter_6.pth.tmp').is_file()
    assert len(synchronised) == 1  # the file; its folder follows when it has its name
    run_tool(*command)
    assert not list(folder.glob('.*.tmp'))
    assert len(synchronised) == 3
    check_readable(folder / 'iter_6.pth')


def test_a_full_disk_leaves_no_half_of_a_checkpoint(config, folder):
    def full(descriptor):
        raise OSError(28, 'No space left on device')

    command = ('train', config, '--work-dir', folder, '--resume', '--cfg-options', 'train_cfg.max_iters=6')
    with mock.patch('os.fsync', full), pytest.raises(OSError, match='No space left'):
        run_tool(*command)
    assert [path.name for path in folder.glob('.*')] == ['.training.lock']
    run_tool(*command)
    check_readable(folder / 'iter_6.pth')


# ---------------------------------------------------------------- what does not fit


def reshaped(checkpoint):
    checkpoint['state_dict']['decode_head.conv_seg.weight'] = torch.zeros(3, 8, 1, 1)


def without_a_weight(checkpoint):
    del checkpoint['state_dict']['decode_head.conv_seg.bias']


def with_a_weight(checkpoint):
    checkpoint['state_dict']['other.weight'] = torch.zeros(1)


def without_optimizer(checkpoint):
    del checkpoint['optimizer']


def other_groups(checkpoint):
    first = checkpoint['optimizer']['param_groups'][0]
    checkpoint['optimizer']['param_groups'] = [{**first, 'params': [0]}, {**first, 'params': first['params'][1:]}]


MISFITS = {
    reshaped: r'does not fit WeakEncoderDecoder: 1 of another shape: decode_head.conv_seg.weight \(3, 8, 1, 1\)',
    without_a_weight: 'does not fit WeakEncoderDecoder: 1 missing: decode_head.conv_seg.bias. Pass a checkpoint of',
    with_a_weight: 'does not fit WeakEncoderDecoder: 1 unexpected: other.weight. Pass a checkpoint of this network, or',
    without_optimizer: 'holds no optimizer, so a resumed training would not be exact: begin with',
    other_groups: 'holds an optimizer of other parameters than the config has: begin with a new optimizer by --allow-m',
}


@pytest.mark.parametrize('change', MISFITS, ids=lambda change: change.__name__)
def test_what_does_not_fit_is_refused_unless_asked_for(config, whole, tmp_path, change):
    checkpoint = torch.load(whole / 'iter_2.pth', weights_only=False)
    change(checkpoint)
    path = tmp_path / 'other.pth'
    torch.save(checkpoint, path)
    resumed = ('train', config, '--work-dir', tmp_path / 'resumed', '--resume', path)
    loaded = ('train', config, '--work-dir', tmp_path / 'loaded', '--cfg-options', f'load_from={path}')
    said = message(*resumed)
    assert said.startswith(f'{path} ')
    assert re.search(MISFITS[change], said), said
    assert '--allow-missing' in said
    if change in (reshaped, without_a_weight):
        assert message(*loaded).startswith(f'{path} does not fit WeakEncoderDecoder')
    assert not list(tmp_path.rglob('iter_*'))
    run_tool(*resumed, '--allow-missing')
    assert load_checkpoint(tmp_path / 'resumed/iter_4.pth')['meta']['iter'] == 4
    assert not (tmp_path / 'resumed/iter_2.pth').exists()
    run_tool('train', config, '--work-dir', tmp_path / 'loaded', '--allow-missing', *loaded[4:])
    assert (tmp_path / 'loaded/iter_2.pth').is_file()


def test_a_stage_may_take_what_fits(whole, tmp_path):
    checkpoint = torch.load(whole / 'iter_2.pth', weights_only=False)
    reshaped(checkpoint)
    torch.save(checkpoint, tmp_path / 'other.pth')
    stage = {'load_from': str(tmp_path / 'other.pth')}
    cfg = training_config(tmp_path / 'work', runner_type='StagedRunner', stages={'only': stage})
    with pytest.raises(CheckpointError, match=r'other.pth does not fit WeakEncoderDecoder: 1 of another shape'):
        train(cfg)
    cfg.stages.only.allow_missing = True
    train(cfg)
    assert (tmp_path / 'work/01_only/iter_4.pth').is_file()
    message = '--resume CHECKPOINT: stages find their checkpoints in the work dir'
    with pytest.raises(CheckpointError, match=message):
        train(cfg, 'iter_2.pth')


def test_nothing_to_go_on_from_is_said_in_a_line(config, whole, tmp_path, capsys):
    run_tool('train', config, '--work-dir', tmp_path / 'new', '--resume')
    said = [line for line in capsys.readouterr().out.splitlines() if 'to resume from' in line]
    assert len(said) == 1
    assert said[0].endswith(f'no checkpoint in {tmp_path}/new to resume from: the training starts from the beginning')
    assert_same_weights(tmp_path / 'new/iter_4.pth', whole / 'iter_4.pth')


def test_folders_and_files_in_each_others_place_are_named(config, whole, tmp_path):
    said = message('train', config, '--work-dir', config)
    assert said == f'nothing can be written to {config} (File exists): choose another folder with --work-dir'
    said = message('train', config, '--work-dir', tmp_path, '--resume', whole)
    assert said == f'no checkpoint at {whole}, which is a folder: name one of its .pth files'


def test_resume_in_the_config_is_that_of_the_command(config, whole, folder, tmp_path):
    run_tool('train', config, '--work-dir', folder, '--cfg-options', 'resume=True', 'train_cfg.max_iters=6')
    assert load_checkpoint(folder / 'iter_6.pth')['meta']['iter'] == 6
    settings = ('resume=True', f'load_from={whole / "iter_2.pth"}')
    run_tool('train', config, '--work-dir', tmp_path / 'own', '--cfg-options', *settings)
    assert not (tmp_path / 'own/iter_2.pth').exists()
    assert_same_weights(tmp_path / 'own/iter_4.pth', whole / 'iter_4.pth')


# ---------------------------------------------------------------- files that are not checkpoint


def no_meta(path, whole):
    checkpoint = torch.load(whole / 'iter_2.pth', weights_only=False)
    del checkpoint['meta']
    torch.save(checkpoint, path)


def bare(path, whole):
    torch.save(torch.load(whole / 'iter_2.pth', weights_only=False)['state_dict'], path)


def no_iter(path, whole):
    checkpoint = torch.load(whole / 'iter_2.pth', weights_only=False)
    del checkpoint['meta']['iter']
    torch.save(checkpoint, path)


FILES = {
    'empty': (lambda path, whole: path.write_bytes(b''), 'cannot be read as a checkpoint: it is empty'),
    'text': (
        lambda path, whole: path.write_text('text\n' * 9),
        'cannot be read as a checkpoint: torch.save did not',
    ),
    'zeros': (lambda path, whole: path.write_bytes(bytes(9999)), 'cannot be read as a checkpoint: torch.save did not'),
    'list': (lambda path, whole: torch.save([1], path), 'holds a list, expected a dictionary of weights by name'),
    'none': (lambda path, whole: torch.save(None, path), 'holds a NoneType, expected a dictionary of weights by name'),
    'missing': (lambda path, whole: None, 'no checkpoint at '),
    'empty dict': (
        lambda path, whole: torch.save({}, path),
        'does not fit WeakEncoderDecoder: .* missing: backbone',
    ),
    'not weights': (lambda path, whole: torch.save({'a': 1}, path), 'does not contain only weights, expected tensors'),
    'no meta': (no_meta, None),
    'bare weights': (bare, None),
    'no iteration': (no_iter, None),
}
STATE = {
    'empty dict': r'it has no meta, message_hub\)',
    'not weights': r'it has no meta, message_hub\)',
    'no meta': r'it has no meta\)',
    'bare weights': r'it has no meta, message_hub\)',
    'no iteration': r'it has no meta.iter\)',
}


@pytest.mark.parametrize('name', FILES)
def test_a_file_that_is_no_checkpoint_is_named_in_a_line(config, whole, tmp_path, capsys, name):
    path, (write, expected) = tmp_path / 'bad.pth', FILES[name]
    write(path, whole)
    commands = {
        'resume': ('train', config, '--work-dir', tmp_path / 'a', '--resume', path),
        'load_from': ('train', config, '--work-dir', tmp_path / 'b', '--cfg-options', f'load_from={path}'),
        'test': ('test', config, path, '--work-dir', tmp_path / 'c'),
    }
    for entrance, command in commands.items():
        wanted = f'does not hold the state of a training .{STATE[name]}' if name in STATE else expected
        wanted = wanted if entrance == 'resume' else expected
        if wanted is None:
            run_tool(*command)  # weights are enough
            continue
        said = message(*command)
        assert str(path) in said
        assert re.search(wanted, said), said
    arguments = ('pseudo-labels', str(config), str(path), '-o', str(tmp_path / 'labels'))
    if expected is None:
        assert main(arguments) == 0
        return
    assert main(arguments) == 2
    (said,) = capsys.readouterr().err.strip().splitlines()[-1:]
    assert str(path) in said
    assert re.search(expected, said), said


def test_labels_can_be_made_from_the_folder_of_a_training(config, whole, tmp_path, capsys):
    made = []
    for checkpoint in (whole, whole / 'iter_4.pth'):
        folder = tmp_path / f'labels_{len(made)}'
        assert main(('pseudo-labels', str(config), str(checkpoint), '-o', str(folder))) == 0
        made.append({path.name: path.read_bytes() for path in (folder / 'masks').rglob('*.png')})
    assert made[0] == made[1] != {}
    assert main(('pseudo-labels', str(config), str(tmp_path / 'labels_0/masks'), '-o', str(tmp_path / 'none'))) == 2
    assert 'has no checkpoint: train first, or name a .pth file' in capsys.readouterr().err
