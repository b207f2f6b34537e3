"""Stages that are killed, started again, changed, and run alone."""

import copy
import json
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
import torch
import torch.multiprocessing as mp
from filelock import FileLock, Timeout
from mmengine.config import Config
from mmengine.dist import get_rank
from mmengine.hooks import Hook
from mmengine.registry import RUNNERS
from mmengine.runner import Runner
from mmseg.registry import HOOKS, TASK_UTILS

from mmseg_wsss.checkpoints.run import SETTINGS, differences, relevant_settings
from mmseg_wsss.cli.report import stage_lines
from mmseg_wsss.engine.stages import StagedRunner, StageTask
from mmseg_wsss.engine.stages.config import parse_stages
from mmseg_wsss.engine.stages.marker import changes, describe_file, input_files
from tests.helpers.killing import KilledError, KillInStageHook
from tests.helpers.models import head_config, model_config
from tests.helpers.trainings import assert_same_weights, weights


@HOOKS.register_module()
class ReadHook(Hook):
    def __init__(self, path):
        self.path = path


@TASK_UTILS.register_module()
class SumWeights(StageTask):
    """Writes a number that comes from a checkpoint."""

    def __init__(self, checkpoint, factor=1.0):
        self.checkpoint = checkpoint
        self.factor = factor

    def run(self, context):
        if KillInStageHook.at == ('between', 0):
            (context.work_dir / 'half.txt').write_text('half')
        KillInStageHook.kill_if_at(context.work_dir, 0)
        state = torch.load(self.checkpoint, weights_only=False)['state_dict']
        total = self.factor * sum(float(v.double().sum()) for v in state.values())
        (context.work_dir / 'sum.txt').write_text(f'{total} {context.config_of("first").model.type}')
        return {'total': total}


@TASK_UTILS.register_module()
class AddUp(StageTask):
    """Reads the number that SumWeights wrote."""

    def __init__(self, file):
        self.file = file

    def run(self, context):
        return {'total': float(Path(self.file).read_text().split()[0])}


@TASK_UTILS.register_module()
class NoteStage(StageTask):
    """Reads the config of a stage, as tasks that predict images do."""

    def __init__(self, stage):
        self.stage = stage

    def run(self, context):
        return {'steps': len(context.config_of(self.stage).test_dataloader.dataset.pipeline)}


@TASK_UTILS.register_module()
class CountStarts(StageTask):
    """Notes at each start whether it was cut before, and is cut until it was started three times."""

    notes = []

    def __init__(self, writes=True):
        self.writes = writes

    def run(self, context):
        CountStarts.notes.append(context.resumed)
        if len(CountStarts.notes) < 3:
            if self.writes:
                (context.work_dir / 'half.txt').write_text('half')
            raise KilledError
        (context.work_dir / 'whole.txt').write_text('whole')


@TASK_UTILS.register_module()
class LosesFolder(StageTask):
    """Does what someone who tidies up does."""

    def run(self, context):
        shutil.rmtree(context.work_dir)


@pytest.fixture(autouse=True)
def _alive():
    KillInStageHook.at = None
    yield
    KillInStageHook.at = None


PIPELINE = [
    {'type': 'LoadShapesImage'},
    {'type': 'LoadWeakAnnotations'},
    {'type': 'WeakRandomCrop', 'crop_size': (32, 32)},
    {'type': 'WeakRandomFlip', 'prob': 0.5},
    {'type': 'RasterizeWeakAnnotations'},
    {'type': 'PackWeakSegInputs'},
]


def staged_config(work_dir, **changes):
    cfg = {
        'runner_type': 'StagedRunner',
        'default_scope': 'mmseg',
        'work_dir': str(work_dir),
        'model': model_config(head_config('fcn', 7, dropout_ratio=0.5), num_classes=7),
        'train_dataloader': {
            'batch_size': 2,
            'num_workers': 0,
            'sampler': {'type': 'ResumableInfiniteSampler'},
            'dataset': {'type': 'ShapesDataset', 'num_images': 4, 'size': (40, 40), 'pipeline': PIPELINE},
        },
        'optim_wrapper': {'type': 'OptimWrapper', 'optimizer': {'type': 'SGD', 'lr': 0.05, 'momentum': 0.9}},
        'train_cfg': {'type': 'IterBasedTrainLoop', 'max_iters': 4},
        'default_hooks': {
            'checkpoint': {'type': 'CheckpointHook', 'by_epoch': False, 'interval': 2, 'max_keep_ckpts': 2},
            'logger': {'type': 'LoggerHook', 'interval': 1, 'log_metric_by_epoch': False},
        },
        'log_processor': {'by_epoch': False},
        'custom_hooks': [{'type': 'ExactResumeHook'}, {'type': 'KillInStageHook'}],
        'randomness': {'seed': 3},
        'log_level': 'INFO',
        'stages': {
            'first': {},
            'between': {'task': {'type': 'SumWeights', 'checkpoint': '{stages.first}'}},
            'last': {
                'load_from': '{stages.first}',
                'optim_wrapper': {'optimizer': {'lr': 0.01}},
                'inputs': '{stages.between}/sum.txt',
            },
        },
    }
    return Config({**cfg, **changes})


def train(cfg):
    return RUNNERS.build(copy.deepcopy(cfg)).train()


def folder_state(folder):
    return {p: p.stat().st_mtime_ns for p in folder.rglob('*') if p.is_file() and p.name != 'stages.log'}


@pytest.fixture(scope='module')
def finished(tmp_path_factory):
    work_dir = tmp_path_factory.mktemp('stages') / 'whole'
    return work_dir, train(staged_config(work_dir))


@pytest.fixture
def own_copy(finished, tmp_path):
    """The finished folder, to be changed."""
    shutil.copytree(finished[0], tmp_path / 'copy')
    return tmp_path / 'copy'


def test_stages_run_in_order_each_in_its_folder(finished):
    work_dir, results = finished
    assert results == {
        'first': work_dir / '01_first/iter_4.pth',
        'between': work_dir / '02_between',
        'last': work_dir / '03_last/iter_4.pth',
    }
    total = sum(float(v.double().sum()) for v in weights(results['first']).values())
    assert (work_dir / '02_between/sum.txt').read_text() == f'{total} WeakEncoderDecoder'
    assert json.loads((work_dir / '02_between/stage.json').read_text())['result']['returned'] == {'total': total}
    log = (work_dir / 'stages.log').read_text()
    assert log.index("stage 1/3 'first' begins") < log.index("stage 2/3 'between' begins")
    assert log.index("stage 2/3 'between' is finished") < log.index("stage 3/3 'last' begins")
    (progress,) = (work_dir / '03_last').glob('*/*.log')
    assert "stage 3/3 'last' Iter(train) [4/4]" in progress.read_text()


def test_overrides_reach_the_stage_and_the_checkpoint_is_loaded(finished):
    work_dir, results = finished
    first, last = (Config.fromfile(work_dir / name) for name in ('01_first/first.py', '03_last/last.py'))
    assert (first.optim_wrapper.optimizer.lr, last.optim_wrapper.optimizer.lr) == (0.05, 0.01)
    assert last.optim_wrapper.optimizer.momentum == 0.9
    assert last.load_from == str(results['first'])
    # the last stage started from the first one's weights: the same training alone ends in the same weights
    alone = copy.deepcopy(last)
    alone.work_dir, alone.experiment_name = str(work_dir / 'alone'), 'alone'
    Runner.from_cfg(alone).train()
    assert_same_weights(work_dir / 'alone/iter_4.pth', results['last'])
    shutil.rmtree(work_dir / 'alone')


def test_second_start_does_nothing(finished):
    work_dir, results = finished
    before = folder_state(work_dir)
    assert train(staged_config(work_dir)) == results
    assert folder_state(work_dir) == before
    assert f"stage 1/3 'first' is finished, {results['first']} is kept" in (work_dir / 'stages.log').read_text()


@pytest.mark.parametrize('at', [('first', 3), ('between', 0), ('last', 1), ('last', 3)])
def test_killed_and_started_again_is_the_same(finished, tmp_path, at):
    KillInStageHook.at = at
    with pytest.raises(KilledError):
        train(staged_config(tmp_path))
    (cut,) = tmp_path.glob(f'*_{at[0]}')
    kept = [folder for folder in sorted(tmp_path.glob('0?_*')) if folder < cut]
    before = [folder_state(folder) for folder in kept]
    results = train(staged_config(tmp_path, resume=True))
    assert [folder_state(folder) for folder in kept] == before
    for name in ('first', 'last'):
        assert_same_weights(results[name], finished[1][name])
    whole = (finished[0] / '02_between/sum.txt').read_text()
    assert (tmp_path / '02_between/sum.txt').read_text() == whole
    if at[1] == 3:
        assert f"{at[0]}' resumes from {cut / 'iter_2.pth'}" in (tmp_path / 'stages.log').read_text()


@pytest.mark.parametrize('writes', [True, False])
def test_a_task_knows_whether_the_files_in_its_folder_are_its_own(tmp_path, monkeypatch, writes):
    monkeypatch.setattr(CountStarts, 'notes', [])
    cfg = staged_config(tmp_path, stages={'count': {'task': {'type': 'CountStarts', 'writes': writes}}})
    for _ in range(2):
        with pytest.raises(KilledError):
            train(cfg)
    if writes:  # no files of other settings: these are refused
        cfg.stages.count.task.writes = False
        with pytest.raises(ValueError, match=r"'count' is begun, but differs .*\n *task.writes: true -> false"):
            train(cfg)
        cfg.stages.count.task.writes = True
    train(cfg)
    assert CountStarts.notes == [False, writes, writes]
    log = (tmp_path / 'stages.log').read_text()
    assert (log.count("'count' begins"), log.count("'count' resumes, in")) == ((1, 2) if writes else (3, 0))


def test_stage_that_lost_its_folder_is_not_finished(tmp_path):
    with pytest.raises(ValueError, match=r"stage 1/1 'tidy' has lost its folder .*01_tidy while it ran: run it again"):
        train(staged_config(tmp_path, stages={'tidy': {'task': {'type': 'LosesFolder'}}}))


def test_changed_setting_of_a_finished_stage_is_refused(own_copy):
    before = folder_state(own_copy)
    cfg = staged_config(own_copy)
    cfg.stages.first.model = {'decode_head': {'dropout_ratio': 0.1}}
    with pytest.raises(ValueError, match='differs from the current config') as caught:
        train(cfg)
    message = str(caught.value)
    assert "stage 1/3 'first' is finished, but differs from the current config" in message
    assert 'model.decode_head.dropout_ratio: 0.5 -> 0.1' in message
    assert f'rm -r {own_copy}/01_first {own_copy}/02_between {own_copy}/03_last' in message
    assert folder_state(own_copy) == before


def test_changed_setting_of_a_cut_stage_is_refused(tmp_path):
    KillInStageHook.at = ('first', 3)
    with pytest.raises(KilledError):
        train(staged_config(tmp_path))
    with pytest.raises(ValueError, match=r"stage 1/3 'first' is begun(.|\n)*randomness.seed: 3 -> 4"):
        train(staged_config(tmp_path, randomness={'seed': 4}))


def test_settings_without_effect_may_change(own_copy):
    cfg = staged_config(own_copy, log_level='ERROR', my_variable=5)
    cfg.train_dataloader.num_workers = 1
    cfg.default_hooks.logger.interval = 50
    assert set(train(cfg)) == {'first', 'between', 'last'}


def test_stage_made_from_a_result_that_is_gone_or_new(own_copy):
    shutil.rmtree(own_copy / '01_first')
    with pytest.raises(ValueError, match='that it was made from is gone') as caught:
        train(staged_config(own_copy))
    assert "stage 2/3 'between' is finished" in str(caught.value)
    assert "the result of stage 'first' that it" in str(caught.value)
    assert not (own_copy / '01_first').exists()
    train(staged_config(own_copy, only='first'))
    with pytest.raises(ValueError, match=r"'between' is finished(.|\n)*stage 'first' has run again"):
        train(staged_config(own_copy))


def test_stages_run_alone(tmp_path, finished):
    with pytest.raises(ValueError, match=r"'last' needs the result of stage 'first'.*--cfg-options only=first"):
        train(staged_config(tmp_path, only='last'))
    assert set(train(staged_config(tmp_path, only='first'))) == {'first'}
    assert set(train(staged_config(tmp_path, only=['between', 'last']))) == {'first', 'between', 'last'}
    assert_same_weights(tmp_path / '03_last/iter_4.pth', finished[1]['last'])
    with pytest.raises(ValueError, match="only='cam': the stages are first, between, last"):
        train(staged_config(tmp_path, only='cam'))


def test_stages_that_the_chosen_ones_are_made_from_are_compared_too(own_copy):
    shutil.rmtree(own_copy / '03_last')
    before = folder_state(own_copy)
    cfg = staged_config(own_copy, only='last')
    cfg.stages.first.model = {'decode_head': {'dropout_ratio': 0.1}}
    cfg.stages.between.task.factor = 2.0
    with pytest.raises(
        ValueError, match=r"stage 1/3 'first' is finished, but differs .*\n *model.decode_head.drop"
    ) as caught:
        train(cfg)
    assert "stage 2/3 'between' is finished, but differs" in str(caught.value)
    assert folder_state(own_copy) == before
    cfg.only = 'first'  # the others are none of its business
    cfg.stages.first.pop('model')
    train(cfg)
    shutil.rmtree(own_copy / '02_between')
    with pytest.raises(ValueError, match=r"'last' needs the result of stage 'between', which is not finished"):
        train(staged_config(own_copy, only='last'))


def test_killed_in_the_last_validation_the_scores_are_not_lost(tmp_path):
    read = [{'type': 'LoadShapesImage', 'with_mask': True}, {'type': 'PackSegInputs'}]
    data = {'type': 'ShapesDataset', 'num_images': 2, 'size': (40, 40), 'test_mode': True, 'pipeline': read}
    sampler = {'type': 'DefaultSampler', 'shuffle': False}
    validated = {
        'val_dataloader': {'batch_size': 1, 'num_workers': 0, 'sampler': sampler, 'dataset': data},
        'val_cfg': {'type': 'ValLoop'},
        'val_evaluator': {'type': 'IoUMetric'},
    }
    whole, cut = (staged_config(tmp_path / name, stages={'first': validated}) for name in ('whole', 'cut'))
    train(whole)
    KillInStageHook.at = ('first', 'val')
    with pytest.raises(KilledError):
        train(cut)
    assert stage_lines(tmp_path / 'cut') == ['01_first                  not finished']
    train(cut)
    assert 'mIoU' in stage_lines(tmp_path / 'cut')[0]
    assert stage_lines(tmp_path / 'cut') == stage_lines(tmp_path / 'whole')


def test_missing_checkpoint_of_a_finished_stage_is_named(own_copy):
    (own_copy / '01_first/iter_4.pth').unlink()
    assert set(train(staged_config(own_copy))) == {'first', 'between', 'last'}  # not needed any more
    shutil.rmtree(own_copy / '03_last')
    with pytest.raises(ValueError, match=rf'needs {own_copy}/01_first/iter_4.pth, which is gone.*\n?.*rm -r'):
        train(staged_config(own_copy))


def test_results_are_recognised_by_content(own_copy):
    shutil.rmtree(own_copy / '03_last')
    checkpoint = own_copy / '01_first/iter_4.pth'
    content = checkpoint.read_bytes()
    shutil.copyfile(own_copy / '01_first/iter_2.pth', checkpoint)
    with pytest.raises(ValueError, match=rf"'last' needs {checkpoint}, which has other content.*rm -r .*01_first"):
        train(staged_config(own_copy))
    checkpoint.write_bytes(content)
    (own_copy / '02_between/more.txt').touch()
    with pytest.raises(ValueError, match=rf"'last' needs {own_copy}/02_between, where files were added, lost or chang"):
        train(staged_config(own_copy))
    assert not (own_copy / '03_last').exists()
    (own_copy / '02_between/more.txt').rename(own_copy / '02_between/.hidden')
    KillInStageHook.at = ('last', 3)
    with pytest.raises(KilledError):
        train(staged_config(own_copy))
    (own_copy / '02_between/sum.txt').write_text('another')
    with pytest.raises(ValueError, match=r"'last' needs .*02_between, where files were added.*rm -r .*02_between"):
        train(staged_config(own_copy))  # of a stage that was cut, too


@pytest.fixture
def holder(tmp_path):
    """Another process that trains in the folder."""
    code = (
        'import sys, time; from filelock import FileLock; lock = FileLock(sys.argv[1]); lock.acquire(timeout=0); '
        'print("held", flush=True); time.sleep(60)'
    )
    command = [sys.executable, '-c', code, str(tmp_path / '.training.lock')]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout.readline() == 'held\n'
        yield process
        process.kill()


def test_two_trainings_in_one_folder_are_refused_until_one_is_killed(tmp_path, holder):
    message = f'another training is running in {tmp_path}, and two .* stop it, or choose another --work-dir'
    with pytest.raises(ValueError, match=message):
        train(note_config(tmp_path))
    assert sorted(path.name for path in tmp_path.iterdir()) == ['.training.lock', 'stages.log']
    holder.kill()
    holder.wait()
    train(note_config(tmp_path))
    train(note_config(tmp_path))
    assert sorted(path.name for path in tmp_path.iterdir()) == ['.training.lock', '02_note', 'stages.log']
    assert [path.name for path in (tmp_path / '02_note').iterdir()] == ['stage.json']
    assert list(input_files({'path': str(tmp_path)})) == []
    assert [line.split()[0] for line in stage_lines(tmp_path)] == ['02_note']


@TASK_UTILS.register_module()
class LockedOut(StageTask):
    """Writes on each process what a second training in the folder would say."""

    def run(self, context):
        lock = FileLock(context.work_dir.parent / '.training.lock')
        (context.work_dir / f'{get_rank()}.txt').write_text(str(acquired(lock)))


def acquired(lock):
    try:
        lock.acquire(timeout=0)
    except Timeout:
        return False
    lock.release()
    return True


def _rank(rank, path):
    torch.distributed.init_process_group('gloo', init_method=f'file://{path}_meet', rank=rank, world_size=2)
    cfg = staged_config(path, stages={'a': {'task': {'type': 'LockedOut'}}})
    train(cfg)
    torch.distributed.barrier()
    other = FileLock(path / '.training.lock')
    if rank == 0:
        other.acquire(timeout=0)
    with pytest.raises(ValueError, match='another training is running in'):
        train(cfg)
    torch.distributed.destroy_process_group()


def test_the_processes_of_one_training_share_its_folder(tmp_path):
    mp.start_processes(_rank, (tmp_path / 'work',), nprocs=2, start_method='fork')
    assert [(tmp_path / f'work/01_a/{rank}.txt').read_text() for rank in range(2)] == ['False', 'False']


def note_config(work_dir, pipeline=PIPELINE, **loader):
    data = {'dataset': {'type': 'ShapesDataset', 'pipeline': pipeline}, **loader}
    stages = {'first': {'test_dataloader': data}, 'note': {'task': {'type': 'NoteStage', 'stage': 'first'}}}
    return staged_config(work_dir, only='note', stages=stages)


def test_task_is_made_from_the_test_data_of_its_stage(tmp_path):
    train(note_config(tmp_path))
    train(note_config(tmp_path, num_workers=4))
    with pytest.raises(ValueError, match=r"'note' is finished, but differs(.|\n)*test_dataloader.dataset.pipeline: "):
        train(note_config(tmp_path, PIPELINE[:2]))


def test_killed_while_the_first_marker_is_written(tmp_path):
    (tmp_path / '02_note').mkdir()
    (tmp_path / '02_note/.stage.json.tmp').write_text('{"done": fal')
    train(note_config(tmp_path))
    assert json.loads((tmp_path / '02_note/stage.json').read_text())['result']['returned'] == {'steps': len(PIPELINE)}
    assert not (tmp_path / '02_note/.stage.json.tmp').exists()


def test_an_input_that_is_a_cut_stage_is_named_before_anything_runs(tmp_path):
    other = tmp_path / 'other'
    KillInStageHook.at = ('first', 3)
    with pytest.raises(KilledError):
        train(staged_config(other, only='first'))
    cfg = staged_config(tmp_path / 'own')
    cfg.stages.last.inputs = [str(other / '01_first')]
    with pytest.raises(
        ValueError, match=rf"'last': its input {other}/01_first is a stage that is not finished: finish"
    ):
        train(cfg)
    assert not list((tmp_path / 'own').glob('01_first/*.pth'))
    train(staged_config(other, only='first'))
    train(cfg)


def test_results_of_another_run(own_copy, tmp_path):
    stages = {
        'next': {'load_from': f'{{runs.{own_copy}.last}}', 'inputs': [f'{{runs.{own_copy}.between}}/sum.txt']},
        'total': {'task': {'type': 'AddUp', 'file': f'{{runs.{own_copy}.between}}/sum.txt'}},
    }
    cfg = staged_config(tmp_path / 'own', stages=stages)
    results = train(cfg)
    loaded = Config.fromfile(tmp_path / 'own/01_next/next.py').load_from
    assert loaded == str(own_copy / '03_last/iter_4.pth')
    made_from = json.loads((results['total'] / 'stage.json').read_text())['made_from']
    assert made_from['settings']['task']['file'] == f'{{runs.{own_copy}.between}}/sum.txt'
    assert list(made_from['stages']) == [f'{own_copy}.between']
    before = folder_state(tmp_path / 'own')
    assert train(cfg) == results
    # the other run is gone: what was made from it stays
    shutil.move(own_copy, tmp_path / 'moved')
    train(cfg)
    assert folder_state(tmp_path / 'own') == before
    # it is made again: what was made from it is another thing
    shutil.move(tmp_path / 'moved', own_copy)
    marker = json.loads((own_copy / '02_between/stage.json').read_text())
    (own_copy / '02_between/stage.json').write_text(json.dumps({**marker, 'run': 2}))
    with pytest.raises(ValueError, match=rf"'total' is finished, but differs(.|\n)*stage '{own_copy}.between' has run"):
        train(cfg)


def test_a_missing_result_of_another_run_is_found_before_anything_runs(own_copy, tmp_path):
    stages = {'first': {}, 'total': {'task': {'type': 'AddUp', 'file': f'{{runs.{own_copy}.between}}/sum.txt'}}}
    cfg = staged_config(tmp_path / 'own', stages=stages)
    (own_copy / '02_between/more.txt').write_text('x')
    with pytest.raises(ValueError, match=r"'total' needs .*02_between, where files were added, lost or changed though"):
        train(cfg)
    shutil.rmtree(own_copy / '02_between')
    with pytest.raises(
        ValueError, match=rf"'total' needs the result of stage 'between' of {own_copy}, which is not fin"
    ):
        train(cfg)
    (own_copy / '02_between').mkdir()
    (own_copy / '05_between').mkdir()
    with pytest.raises(
        ValueError, match=r"stage 'between' has several folders: .*02_between, .*05_between; delete all"
    ):
        train(cfg)
    assert not list((tmp_path / 'own').glob('0*'))


def test_missing_input_is_named(tmp_path):
    cfg = staged_config(tmp_path)
    cfg.stages.first.inputs = [str(tmp_path / 'labels.json')]
    with pytest.raises(ValueError, match=rf"'first': its input {tmp_path}/labels.json is missing: make it, or"):
        train(cfg)
    cfg.stages.first.inputs = []
    cfg.stages.last.inputs = ['{stages.between.dir}/other.txt']
    with pytest.raises(
        FileNotFoundError, match=r"'last': its input .*02_between/other.txt is missing, and no stage made it"
    ):
        train(cfg)


def test_changed_input_file_is_named(own_copy, tmp_path):
    file = tmp_path / 'numbers.txt'
    cfg = staged_config(tmp_path / 'work')
    cfg.stages = {'first': {'custom_hooks': [{'type': 'ReadHook', 'path': str(file)}]}}
    file.write_text('1')
    train(cfg)
    train(cfg)
    file.unlink()
    train(cfg)  # what was made from it is still there
    file.write_text('2')
    with pytest.raises(ValueError, match=f'the file {file} has changed'):
        train(cfg)


def test_foreign_folder_is_not_touched(tmp_path):
    (tmp_path / '01_first').mkdir()
    (tmp_path / '01_first/mine.txt').write_text('mine')
    with pytest.raises(ValueError, match='has files and no stage.json.*nothing is overwritten'):
        train(staged_config(tmp_path))


def test_a_stage_keeps_its_folder_when_another_is_put_before_it(own_copy):
    cfg = staged_config(own_copy)
    stages = cfg.stages.to_dict()
    cfg.stages = {'zeroth': {'task': {'type': 'SumWeights', 'checkpoint': 'none'}}, **stages}
    runner = StagedRunner.from_cfg(cfg)
    assert runner.stages['first'].work_dir == own_copy / '01_first'
    assert runner.stages['zeroth'].work_dir == own_copy / '01_zeroth'
    cfg.only = ['first', 'between', 'last']
    before = folder_state(own_copy)
    train(cfg)
    assert folder_state(own_copy) == before


def test_config_files_as_stages(tmp_path):
    base = staged_config('x').to_dict()
    for key in ('runner_type', 'stages', 'work_dir'):
        base.pop(key)
    Config(base).dump(tmp_path / 'training.py')
    (tmp_path / 'pipeline.py').write_text(
        "runner_type = 'StagedRunner'\n"
        "stages = dict(a='training.py', b=dict(config='training.py', load_from='{stages.a}'))\n"
        "stages['b']['train_cfg'] = dict(max_iters=2)\n"
    )
    cfg = Config.fromfile(tmp_path / 'pipeline.py')
    cfg.work_dir = str(tmp_path / 'work')
    cfg.merge_from_dict({'stages.b.train_dataloader.batch_size': 1})
    runner = StagedRunner.from_cfg(cfg)
    assert runner.stages['a'].config['train_cfg']['max_iters'] == 4
    assert runner.stages['b'].config['train_cfg']['max_iters'] == 2
    assert runner.stages['b'].config['train_dataloader']['batch_size'] == 1
    cfg.stages.a = 'other.py'
    with pytest.raises(FileNotFoundError, match=rf"stage 'a': no config file at other.py or {tmp_path}/other.py"):
        StagedRunner.from_cfg(cfg)


@pytest.mark.parametrize(('device', 'kind', 'scale'), [('cpu', 'BFloat16', None), ('cuda', 'Amp', 'dynamic')])
def test_amp_reaches_every_training(monkeypatch, device, kind, scale):
    monkeypatch.setattr('mmseg_wsss.engine.optimizers.bfloat16_optim_wrapper.get_device', lambda: device)
    runner = StagedRunner.from_cfg(staged_config('x', amp=True))
    for name in ('first', 'last'):
        wrapper = runner.stages[name].config['optim_wrapper']
        assert (wrapper['type'], wrapper.get('loss_scale')) == (f'{kind}OptimWrapper', scale)


@pytest.mark.parametrize(
    ('changes', 'message'),
    [
        ({'stages': {}}, 'StagedRunner needs stages=dict'),
        ({'work_dir': None}, 'StagedRunner needs a work_dir'),
        ({'load_from': 'a.pth'}, 'load_from=.a.pth. is outside of the stages: move it into the stage'),
        ({'stages': {'a b': {}}}, "stage 'a b': names of stages consist of"),
        ({'stages': {'a': {'model': None}}}, "stage 'a' has no model: a stage is a config that trains"),
        ({'stages': {'a': {'task': {'x': 1}}}}, "stage 'a': a task is task=dict"),
        ({'stages': {'a': {'task': {'type': 'X'}, 'model': {}}}}, "stage 'a': a task is task=dict"),
        ({'stages': {'a': {'load_from': '{stages.b}'}, 'b': {}}}, r"'a': \{stages.b\} is neither.*there are none"),
        ({'stages': {'a': {}, 'b': {'load_from': '{stages.a.best}'}}}, r'\{stages.a.best\} is neither.*choose from a'),
        ({'stages': {'a': {'stages': {}}}}, "stage 'a' has stages itself"),
    ],
)
def test_bad_configs(changes, message):
    with pytest.raises(ValueError, match=message):
        StagedRunner.from_cfg(Config({**staged_config('x').to_dict(), **changes}))


def test_task_of_the_wrong_kind(tmp_path):
    cfg = staged_config(tmp_path, stages={'a': {'task': {'type': torch.nn.ReLU}}})
    with pytest.raises(TypeError, match="stage 1/1 'a': ReLU is not a StageTask"):
        train(cfg)


def test_wrong_settings_of_a_task_are_found_before_the_first_training(tmp_path):
    walk = {'type': 'WriteRandomWalk', 'stage': 'first', 'checkpoint': '{stages.first}', 'cams': 'cams', 'alhpa': 3}
    with pytest.raises(TypeError, match="'walk': RandomWalkSettings has no setting 'alhpa'; did you mean 'alpha'\\?"):
        train(staged_config(tmp_path, stages={'first': {}, 'walk': {'task': walk}}))
    assert not list(tmp_path.glob('0*'))


@pytest.mark.parametrize(
    ('kind', 'changes', 'message'),
    [
        ('WriteRandomWalk', {'alpha': -1}, 'alpha must be a finite number above 0, got -1'),
        ('WriteRandomWalk', {'beta': 0}, 'beta must be a finite number above 0, got 0'),
        ('WriteRandomWalk', {'log2_steps': 99}, 'log2_steps must be an integer from 0 to 16, got 99'),
        ('WriteRandomWalk', {'unsure_below': 60}, r'unsure_below must be in \[0, 1\], got 60'),
        ('WriteRandomWalk', {'masks': 'none'}, "masks='none' is not a folder"),
        ('WriteRandomWalk', {'masks': '.', 'mask_ids': 'none'}, "mask_ids='none' is not a file"),
        ('WriteRandomWalk', {'mask_ids': 'setup.py'}, 'the masks to evaluate with: set masks, too'),
        ('WriteRandomWalk', {'refiner': {'type': 'DenceCRF'}}, 'DenceCRF'),
        ('WriteSeeds', {'alpha_low': 30}, 'alpha_low must be below alpha_high, got 30 and 24.0'),
        ('WriteSeeds', {'split': 'trian'}, "split must be one of train, val, test, got 'trian'"),
        ('WritePseudoLabels', {'split': 'trian'}, "split must be one of train, val, test, got 'trian'"),
        ('WritePseudoLabels', {'unsure_below': -1}, 'unsure_below must be in'),
        ('WriteCAMs', {'split': 'trian'}, "split must be one of train, val, test, got 'trian'"),
        ('WriteCAMs', {'evaluate': True, 'thresholds': ()}, 'thresholds must be one or more numbers'),
        ('WriteCAMs', {'alphas': (1, -2)}, 'alphas must be a finite number above 0, got -2'),
        ('WriteCAMs', {'thresholds': (1.5,)}, r'thresholds must be in \[0, 1\], got 1.5'),
        ('WriteCAMs', {'scalse': 1}, "CAMSettings has no setting 'scalse'; did you mean 'scales'\\?"),
        ('WriteCamz', {}, 'WriteCamz'),
        ('WriteCAMs', {'stage': 'frist'}, "stage='frist' is not an earlier training: choose from first"),
        ('WriteCAMs', {'stage': 'labels'}, "stage='labels' is not an earlier training: choose from first"),
    ],
)
def test_wrong_values_of_a_task_are_found_before_the_first_training(tmp_path, kind, changes, message):
    task = {'type': kind, 'stage': 'first'}
    task |= {} if kind == 'WriteSeeds' else {'checkpoint': '{stages.first}'}
    task |= {'cams': 'none'} if kind in ('WriteSeeds', 'WriteRandomWalk') else {}
    with pytest.raises((ValueError, TypeError, KeyError, FileNotFoundError), match=f"stage 2/2 'labels': .*{message}"):
        train(staged_config(tmp_path, stages={'first': {}, 'labels': {'task': {**task, **changes}}}))
    assert not list(tmp_path.glob('0*'))


CRF = {'type': 'DenseCRF'}


@pytest.mark.parametrize(
    'task',
    [
        {'type': 'WriteSeeds', 'stage': 'first', 'cams': 'none', 'refiner': CRF},
        {'type': 'WriteRandomWalk', 'stage': 'first', 'checkpoint': '{stages.first}', 'cams': 'none', 'refiner': CRF},
        {'type': 'WriteBoxLabels', 'dataset': {'type': 'None'}, 'method': 'dense_crf'},
    ],
    ids=lambda task: task['type'],
)
def test_a_missing_crf_is_found_before_the_first_training(tmp_path, monkeypatch, task):
    installed = [True]
    monkeypatch.setattr('mmseg_wsss.models.refiners.dense_crf.find_spec', lambda name: installed[0] or None)
    TASK_UTILS.build(task)  # no file is opened
    installed[0] = False
    with pytest.raises(ImportError, match="'labels': DenseCRF needs the module pydensecrf: pip install pydensecrf2"):
        train(staged_config(tmp_path, stages={'first': {}, 'labels': {'task': task}}))
    assert not list(tmp_path.glob('0*'))
    task = {key: value for key, value in task.items() if key not in ('refiner', 'method')}
    TASK_UTILS.build(task)  # nothing else needs it


def test_a_stage_that_ended_before_it_made_anything_may_change(tmp_path, finished):
    cfg = staged_config(tmp_path, only='between')
    shutil.copytree(finished[0] / '01_first', tmp_path / '01_first')
    cfg.stages.between.task.factor = 'many'
    with pytest.raises(TypeError):
        train(cfg)
    assert [path.name for path in (tmp_path / '02_between').iterdir()] == ['stage.json']
    cfg.stages.between.task.factor = 2.0
    train(cfg)
    marker = json.loads((tmp_path / '02_between/stage.json').read_text())
    assert marker['made_from']['settings']['task']['factor'] == 2.0


def test_training_without_a_checkpoint(tmp_path):
    cfg = staged_config(tmp_path, stages={'a': {}})
    cfg.default_hooks.checkpoint.save_last = False
    cfg.default_hooks.checkpoint.interval = 100
    with pytest.raises(ValueError, match="stage 1/1 'a' ended without a checkpoint"):
        train(cfg)


def test_files_that_settings_name(tmp_path):
    (tmp_path / 'labels.json').write_text('{}')
    config = {'dataset': {'data_root': str(tmp_path), 'weak_labels': [{'path': 'labels.json'}], 'img_path': 'images'}}
    assert list(input_files(config)) == [tmp_path / 'labels.json']
    for number in (9, 10):
        torch.save({'state_dict': {}}, tmp_path / f'iter_{number}.pth')
    assert list(input_files({'generator': str(tmp_path)})) == [tmp_path / 'iter_10.pth']


def test_differences_are_lines():
    old = {'a': {'b': [1, 2]}, 'c': 1}
    assert list(differences(old, {'a': {'b': [1, 3]}, 'd': None})) == [
        'a.b.1: 2 -> 3',
        'c: 1 -> (not set)',
        'd: (not set) -> null',
    ]
    assert list(differences([1], [1, 2], 'x')) == ['x: [1] -> [1, 2]']
    assert relevant_settings({'model': {'type': Path}, 'x': 1})['model']['type'].endswith('Path')


def test_what_a_training_is_made_from():
    """All that a Runner takes, but for what changes no result."""
    assert {'model', 'data_preprocessor', 'train_dataloader', 'val_dataloader', 'train_cfg', 'val_cfg'} < set(SETTINGS)
    assert {'auto_scale_lr', 'optim_wrapper', 'param_scheduler', 'val_evaluator', 'default_hooks'} < set(SETTINGS)
    assert {'custom_hooks', 'load_from', 'default_scope', 'randomness', 'runner_type', 'task'} < set(SETTINGS)
    assert not {'work_dir', 'resume', 'test_dataloader', 'visualizer', 'cfg', 'experiment_name'} & set(SETTINGS)


def test_former_names_of_settings(tmp_path):
    """In a config they are read as the new ones; in the marker of a finished stage they are not change."""
    cfg = staged_config(tmp_path)
    cfg.stages = {
        'first': {'custom_hooks': [{'type': 'LPGStageHook', 'stage': 1, 'num_stages': 3}]},
        'masks': {'task': {'type': 'WriteGeneratorLabels', 'generator': 'a.pth', 'dataset': {}, 'stage': 1}},
    }
    with pytest.warns(FutureWarning, match="stage 'first' has settings by their former names"):
        first, masks = parse_stages(cfg)
    assert first.config['custom_hooks'] == [{'type': 'LPGStageHook', 'round': 1, 'num_rounds': 3}]
    assert masks.config['task'] == {'type': 'WriteGeneratorLabels', 'generator': 'a.pth', 'dataset': {}, 'round': 1}
    assert masks.reader is None
    with pytest.warns(FutureWarning, match=r'WriteGeneratorLabels\(stage=\) is now'):
        task = TASK_UTILS.build({'type': 'WriteGeneratorLabels', 'generator': 'a.pth', 'dataset': {}, 'stage': 2})
    assert task.settings.round == 2
    old = {'task': {'type': 'WriteGeneratorLabels', 'stage': 1, 'rule': 'first'}}
    new = {'task': {'type': 'WriteGeneratorLabels', 'round': 1, 'rule': 'overlap'}}
    same = {'files': {}, 'stages': {}}
    assert changes({'settings': old, **same}, {'settings': new, **same}) == ['task.rule: "first" -> "overlap"']


def test_a_large_checkpoint_of_the_same_size_is_another_file(tmp_path):
    weights = torch.zeros(17 * 2**20)  # 68 MiB
    described = []
    for value in (0.0, 0.0, 1.0):
        weights[5] = value
        torch.save({'state_dict': {'weight': weights}}, tmp_path / 'iter_1.pth')
        described.append(describe_file(tmp_path / 'iter_1.pth'))
    assert described[0]['size'] == described[2]['size'] > 64 * 2**20
    assert described[0] == described[1] != described[2]
