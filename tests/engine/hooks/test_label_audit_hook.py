"""Trainings say what becomes of their labels, and do not begin where nothing would be learned."""

from types import SimpleNamespace
from unittest import mock

import numpy as np
import pytest
import torch
from mmengine.config import Config
from mmengine.runner import BaseLoop, Runner
from mmengine.structures import PixelData
from mmseg.registry import MODELS
from mmseg.structures import SegDataSample

from mmseg_wsss.engine.hooks import LabelAuditHook
from mmseg_wsss.engine.start_errors import StartError
from mmseg_wsss.engine.training import train
from tests.helpers.models import model_config
from tests.helpers.own_data import BOXES, CLICKS, own_config, save, write_data, write_own_config
from tests.helpers.trainings import run_tool


@pytest.fixture
def start(tmp_path):
    """Write data and config, and train one iteration with the tool; return the log."""

    def run(entry=None, **settings):
        write_data(tmp_path, entry)
        config = write_own_config(tmp_path, **settings)
        run_tool('train', config, '--work-dir', tmp_path / 'run')
        return next((tmp_path / 'run').glob('*/*.log')).read_text()

    return run


def test_the_log_has_the_table(start):
    log = start()
    assert 'labels of ' in log
    assert 'are training images, too' not in log
    lines = [line.strip() for line in log.splitlines()]
    assert 'class                     clicks' in lines
    assert 'losses                   loss_ce' in lines
    assert '0 of 50 training crops drawn hold no labelled pixel' in lines
    assert lines.index('losses                   loss_ce') < next(i for i, x in enumerate(lines) if 'Iter(train)' in x)


def test_the_log_says_that_the_validation_has_training_images(start):
    log = start(val={'data_prefix': {'img_path': 'images', 'seg_map_path': 'masks'}})
    assert 'WARNING - 4 of 4 images of the validation are training images, too (first: ' in log


@pytest.mark.parametrize(
    ('entry', 'settings', 'message'),
    [
        (
            {'boxes': BOXES},
            {'steps': []},
            r'8 boxes \(4 crop, 4 weed\) .* no loss uses them: .*nothing would be learned',
        ),
        ({'tags': [1, 2]}, {'steps': []}, r'8 tags \(4 crop, 4 weed\) .* no loss uses them'),
        (None, {'losses': {'loss_crf': {'type': 'GatedCRFLoss', 'radius': 2}}}, r'learn from no labels: nothing would'),
        (None, {'model': model_config('fcn', num_classes=7)}, 'data has 3 classes .*num_classes is 7'),
    ],
)
def test_a_training_that_would_learn_nothing_does_not_begin(start, tmp_path, entry, settings, message):
    with pytest.raises(SystemExit, match=message):
        start(entry, **settings)
    assert not list((tmp_path / 'run').glob('*.pth'))
    assert not list((tmp_path / 'run').glob('*/vis_data/scalars.json'))


def test_masks_of_0_and_255(start, tmp_path):
    write_data(tmp_path)
    masks = {'use_dense_masks': True, 'data_prefix': {'img_path': 'images', 'seg_map_path': 'masks'}}
    for index in range(4):
        save(tmp_path / f'masks/{index}.png', np.pad(np.full((10, 10), 255, np.uint8), ((10, 20), (10, 28))))
    config = write_own_config(tmp_path, train=masks)
    with pytest.raises(SystemExit, match=r'hold the values 0 and 255 alone.*Is 255 the object\?'):
        run_tool('train', config, '--work-dir', tmp_path / 'run')


def test_unused_labels_on_purpose(start):
    log = start({'boxes': BOXES, 'points': CLICKS}, train={'unused_labels': 'warn'})
    assert 'WARNING' in log
    assert '8 boxes (4 crop, 4 weed) in 4 of 4 images, and no loss uses them' in log
    assert 'Iter(train)' in log


def test_a_stage_of_several(tmp_path):
    write_data(tmp_path, {'boxes': BOXES})
    cfg = Config(
        {
            'runner_type': 'StagedRunner',
            'custom_imports': {'imports': ['mmseg_wsss.plugin'], 'allow_failed_imports': False},
            'default_scope': 'mmseg',
            'stages': {'first': own_config(tmp_path, steps=[]).to_dict()},
            'work_dir': str(tmp_path / 'run'),
        }
    )
    with pytest.raises(StartError, match='no loss uses them'):
        train(cfg)


def test_a_test_is_not_looked_at(tmp_path):
    write_data(tmp_path, {'boxes': BOXES})
    runner = Runner.from_cfg(own_config(tmp_path, work_dir=str(tmp_path / 'run')))
    LabelAuditHook().before_run(runner)


def test_a_model_of_mmseg_counts_images_without_labels(tmp_path):
    write_data(tmp_path)
    hook = LabelAuditHook(num_draws=0)
    plain = {**model_config('fcn'), 'type': 'EncoderDecoder'}
    del plain['losses']
    model = MODELS.build(plain)
    cfg = own_config(tmp_path)
    loader = Runner.build_dataloader(cfg.train_dataloader)
    parts = {'train_dataloader': loader, 'model': model, 'val_loop': None}
    runner = SimpleNamespace(_train_loop=mock.Mock(spec=BaseLoop), logger=mock.Mock(), cfg=cfg, **parts)
    hook.before_run(runner)
    empty = SegDataSample(gt_sem_seg=PixelData(data=torch.full((1, 4, 4), 255)))
    hook.after_train_iter(runner, 0, {'data_samples': [empty] * 999})
    with pytest.raises(
        ValueError, match='EncoderDecoder learns from labelled pixels, but none of the first 1000 images'
    ):
        hook.after_train_iter(runner, 1, {'data_samples': [empty]})
    hook.before_run(runner)
    hook.after_train_iter(runner, 0, next(iter(loader)))
    for _ in range(2):
        hook.after_train_iter(runner, 1, {'data_samples': [empty] * 999})


def test_wrong_settings():
    with pytest.raises(ValueError, match='num_draws must not be negative, got -1'):
        LabelAuditHook(num_draws=-1)
