"""What is wrong in a config is told in one line, with its key and the nearest right name, before anything trains."""

import numpy as np
import pytest
from mmcv.transforms import BaseTransform
from mmengine.config import Config
from mmengine.hooks import Hook
from mmseg.registry import HOOKS, MODELS, TRANSFORMS

from mmseg_wsss.engine.setting_faults import check_settings, describe_fault
from mmseg_wsss.engine.start_errors import StartError
from mmseg_wsss.engine.training import train
from tests.helpers.trainings import killed, run_tool, training_config, write_config


@pytest.fixture(scope='module')
def config(tmp_path_factory):
    return write_config(training_config(), tmp_path_factory.mktemp('config') / 'tiny.py')


@pytest.mark.parametrize(
    ('settings', 'message'),
    [
        (
            'model.losses.loss_ce.loss_weight=-1',
            'model.losses.loss_ce (PartialCrossEntropyLoss): loss_weight must be a finite non-negative number, got -1',
        ),
        (
            'model.losses.loss_ce.loss_wieght=1',
            "model.losses.loss_ce (PartialCrossEntropyLoss): unknown key 'loss_wieght'; did you mean 'loss_weight'?",
        ),
        (
            'model.losses.loss_ce.type=PartialCrossEntropyLos',
            'model.losses.loss_ce (PartialCrossEntropyLos): PartialCrossEntropyLos is not registered in mmseg::model; '
            "did you mean 'PartialCrossEntropyLoss'?",
        ),
        (
            'model.type=Nope',
            'model (Nope): Nope is not registered in mmseg::model; is the module that registers it in custom_imports?',
        ),
        (
            'train_dataloader.dataset.num_images=0',
            'train_dataloader.dataset (ShapesDataset): num_images must be a positive integer, got 0',
        ),
        ('train_dataloader.dataset.pipeline.3.prob=2', 'train_dataloader.dataset.pipeline.3 (WeakRandomFlip): '),
        ('train_cfg.max_itres=3', "train_cfg (IterBasedTrainLoop): unknown key 'max_itres'; did you mean 'max_iters'?"),
        (
            'custom_hooks.1.type=EMAHok',
            "custom_hooks.1 (EMAHok): EMAHok is not registered in mmseg::hook; did you mean 'EMAHook'?",
        ),
        ('optim_wrapper.optimizer.lr=-1', 'optim_wrapper.optimizer (SGD): Invalid learning rate: -1'),
        (
            'optim_wrapper.optimizer.type=AdmaW',
            "optim_wrapper.optimizer (AdmaW): AdmaW is not registered in mmengine::optimizer; did you mean 'AdamW'?",
        ),
        ('train_cfg.max_iters=-1', 'train_cfg.max_iters must be a non-negative integer, got -1'),
        ('load_from=3', 'load_from must be a path, a URL or None, got 3'),
        ('train_cfg.val_interval=0', 'train_cfg.val_interval must be a positive integer, got 0'),
        ('optim_wrapper.accumulative_counts=0', 'optim_wrapper (OptimWrapper): _accumulative_counts at least'),
    ],
)
def test_one_line_names_the_key(config, tmp_path, settings, message):
    with pytest.raises(SystemExit) as caught:
        run_tool('train', config, '--work-dir', tmp_path / 'out', '--cfg-options', settings)
    assert caught.value.code.startswith('the training could not begin: ')
    assert message in caught.value.code
    assert '\n' not in caught.value.code
    assert not list((tmp_path / 'out').glob('*.pth'))


def test_the_log_file_has_the_traceback(tmp_path):
    cfg = training_config(tmp_path, log_level='INFO')
    cfg.train_dataloader.dataset.num_images = 0
    with pytest.raises(StartError):
        train(cfg)
    (log,) = tmp_path.glob('*/*.log')
    assert 'Traceback (most recent call last)' in log.read_text()
    assert 'shapes_dataset.py' in log.read_text()


def test_parts_that_do_not_fit_together_are_named_in_the_first_iteration(tmp_path):
    killed(1, train, training_config(tmp_path / 'killed'))
    cfg = training_config(tmp_path / 'wrong')
    cfg.model.decode_head.in_channels = 7
    with pytest.raises(StartError) as caught:
        train(cfg)
    start = 'the training could not begin: model.decode_head.convs.0.conv (Conv2d), in the first iteration: '
    assert str(caught.value).startswith(start)
    assert 'to have 7 channels, but got' in str(caught.value)
    (log,) = (tmp_path / 'wrong').glob('*/*.log')
    assert 'Traceback (most recent call last)' in log.read_text()


@TRANSFORMS.register_module()
class FailingTransform(BaseTransform):
    """Raises an error."""

    def transform(self, results):
        raise KeyError('depth')


@pytest.mark.parametrize(('workers', 'message'), [(0, 'KeyError: depth'), (1, "KeyError: 'depth'")])
def test_errors_of_own_code_in_the_first_iteration_say_their_kind_and_where_the_traceback_is(
    tmp_path, workers, message
):
    cfg = training_config(tmp_path)
    cfg.train_dataloader.num_workers = workers
    cfg.train_dataloader.dataset.pipeline.append({'type': 'FailingTransform'})
    with pytest.raises(StartError) as caught:
        train(cfg)
    (log,) = tmp_path.glob('*/*.log')
    assert str(caught.value) == f'the training could not begin: {message} (traceback: {log})'
    assert 'in transform' in log.read_text()


@HOOKS.register_module()
class FailingHook(Hook):
    """Raises an error in the second iteration."""

    def __init__(self, error):
        self.error = {'KeyError': KeyError, 'ValueError': ValueError, 'OSError': OSError}[error]

    def before_train_iter(self, runner, batch_idx, data_batch=None):
        if runner.iter == 1:
            raise self.error('in an iteration')


@pytest.mark.parametrize('error', [KeyError, ValueError, OSError])
def test_an_error_in_an_iteration_keeps_its_type(tmp_path, error):
    with pytest.raises(error, match="^'?in an iteration'?$") as caught:
        train(training_config(tmp_path, custom_hooks=[{'type': 'FailingHook', 'error': error.__name__}]))
    assert caught.type is error


def test_a_missing_config_is_named():
    for tool in ('train', 'test'):
        with pytest.raises(SystemExit, match=r'^/nowhere/x.py: the config file does not exist$'):
            run_tool(tool, '/nowhere/x.py', *(['x.pth'] if tool == 'test' else []))


def test_stages_that_cannot_be_are_told_the_same_way(tmp_path):
    file = write_config(training_config(runner_type='StagedRunner', stages={}), tmp_path / 'stages.py')
    with pytest.raises(SystemExit, match=r'^the training could not begin: StagedRunner needs stages='):
        run_tool('train', file, '--work-dir', tmp_path / 'out')


def test_errors_from_elsewhere_keep_their_words():
    assert describe_fault(ValueError('a\n  b'), {}) == 'a b'
    assert describe_fault(KeyError('no such key'), {}) == 'no such key'
    assert describe_fault(AssertionError(), {}) == 'AssertionError'


def test_a_part_that_is_not_in_the_config_is_named_by_its_type():
    try:
        MODELS.build({'type': 'PartialCrossEntropyLoss', 'start': 2})
    except ValueError as error:
        text = describe_fault(error, Config({'model': {}}).to_dict())
    assert text.startswith('a part of the config (PartialCrossEntropyLoss): start must be the fraction')


@pytest.mark.parametrize(
    ('key', 'meant'), [('trian_cfg', 'train_cfg'), ('modle', 'model'), ('custom_hook', 'custom_hooks')]
)
def test_a_misspelt_part_is_named(tmp_path, key, meant):
    file = write_config(training_config(**{key: {'a': 1}}), tmp_path / 'c.py')
    message = f'{key} is not a part of a training, so it would have no effect; did you mean {meant!r}?'
    with pytest.raises(SystemExit) as caught:
        run_tool('train', file, '--work-dir', tmp_path / 'out')
    assert caught.value.code == f'the training could not begin: {message}'


@pytest.mark.parametrize('key', ['train_pipeline', 'models', 'train_dataset', 'norm_cfg', 'eval_cfg', 'optimizer'])
def test_variables_of_ones_own_are_no_misspelt_parts(key):
    check_settings({**training_config().to_dict(), key: 1})


@pytest.mark.parametrize(
    'settings',
    [
        {'custom_hook': {'type': 'A'}, 'custom_hooks': [{'type': 'A'}]},
        {'work_dirs': 'runs/', 'work_dir': 'runs/one'},
        {'val_dataloader2': {'batch_size': 1}, 'train_dataloader_a': {'batch_size': 1}},
        {'default_hooks': None},
        {'model.type': 'DepthEstimator', 'model.test_cfg': {'mode': 'slide_flip'}},
        {'model.type': 'OwnSegmentor', 'model.test_cfg': {'mode': 'dense'}},
        {'val_evaluator': [{'type': 'BoundaryIoUMetric', 'iou_metrics': ['mBIoU']}, {'type': 'mmseg.IoUMetric'}]},
        {'val_evaluator': {'type': 'CityscapesMetric', 'output_dir': 'x'}},
        {'log_level': 10, 'randomness': {'seed': None, 'deterministic': True}},
        {'optim_wrapper': {'constructor': 'OwnConstructor', 'one': {'optimizer': {'type': 'SGD'}}}},
    ],
)
def test_what_a_training_of_ones_own_may_have(settings):
    cfg = training_config()
    if 'optim_wrapper' in settings:
        cfg.optim_wrapper = settings.pop('optim_wrapper')
    cfg.merge_from_dict(settings)
    check_settings(cfg.to_dict())


@pytest.mark.parametrize('kind', ['IoUMetric', 'mmseg.IoUMetric', 'SubsetIoUMetric'])
def test_a_metric_that_is_not_there_is_named(kind):
    with pytest.raises(ValueError, match="val_evaluator.0.iou_metrics: unknown metric 'mIuo'; did you mean 'mIoU'"):
        check_settings({**training_config().to_dict(), 'val_evaluator': [{'type': kind, 'iou_metrics': ['mIuo']}]})


def test_arrays_are_named():
    cfg = training_config(palette=np.zeros((3, 3)))
    with pytest.raises(ValueError, match=r'^palette is an array, and configs are saved as text: use lists and numbers'):
        check_settings(cfg)
    check_settings(training_config(kind=np.ndarray, palette=[0.5]))
