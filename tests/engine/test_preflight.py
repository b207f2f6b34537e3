"""What is found of a model and its data before a training."""

import numpy as np
import pytest
import torch
from mmseg.registry import DATASETS, MODELS
from torch import nn

from mmseg_wsss.datasets.findings import ERROR, WARNING
from mmseg_wsss.engine.preflight import (
    audit_masks,
    audit_training,
    audited_datasets,
    pooled_batch_norms,
    smallest_batch,
)
from tests.helpers.models import head_config, model_config
from tests.helpers.own_data import own_config, save, write_data
from tests.helpers.trainings import training_config


def test_data_sets_in_wrappers(tmp_path):
    write_data(tmp_path)
    one = own_config(tmp_path).train_dataloader.dataset
    both = {'type': 'SeededDataset', 'dataset': {'type': 'ConcatDataset', 'datasets': [one, one]}}
    built = DATASETS.build(both)
    assert len(list(audited_datasets(built))) == 2
    model = MODELS.build(own_config(tmp_path).model)
    assert [audit.users('points') for audit in audit_training(model, built)] == [('loss_ce',)] * 2
    assert [audit.draws.num for audit in audit_training(model, built, 3)] == [3, 3]
    shapes = DATASETS.build(training_config().train_dataloader.dataset)
    assert [audit.users('points') for audit in audit_training(model, shapes)] == [('loss_ce',)]


@pytest.mark.parametrize('head', ['deeplabv3plus', 'plain_deeplabv3plus', 'psp', 'uper', 'fcn', 'segformer'])
def test_heads_whose_batch_norm_sees_one_value(head):
    """They are those whose training on one image fails."""
    model = MODELS.build(model_config(head_config(head))).train()
    features = [nn.Parameter(x) for x in model.extract_feat(torch.zeros(1, 3, 64, 64))]
    names = pooled_batch_norms(model)
    if names:
        with pytest.raises(ValueError, match='Expected more than 1 value per channel'):
            model.decode_head.forward(features)
    else:
        model.decode_head.forward(features)
    assert bool(names) == (head in ('deeplabv3plus', 'plain_deeplabv3plus', 'psp', 'uper'))


@pytest.mark.parametrize(
    ('settings', 'expected'),
    [((4, 9, False, False), 1), ((4, 9, True, False), 4), ((4, 9, False, True), 4), ((4, 8, False, False), 4)],
)
def test_smallest_batch(settings, expected):
    batch_size, num_images, infinite, drop_last = settings
    assert smallest_batch(batch_size, num_images, infinite=infinite, drop_last=drop_last) == expected


def test_masks_of_data_sets_of_mmseg(tmp_path):
    write_data(tmp_path)
    settings = {
        'type': 'BaseSegDataset',
        'data_root': str(tmp_path),
        'metainfo': {'classes': ('background', 'crop', 'weed', 'stone')},
        'data_prefix': {'img_path': 'images', 'seg_map_path': 'masks'},
        'img_suffix': '.png',
        'pipeline': [],
    }
    audit = audit_masks(DATASETS.build(settings))
    assert audit.counts.labels['mask'].tolist() == [4, 4, 4, 0]
    assert [finding.level for finding in audit.findings()] == [WARNING]
    assert audit_masks(DATASETS.build({**settings, 'data_prefix': {'img_path': 'images'}})) is None
    assert audit_masks(DATASETS.build(training_config().train_dataloader.dataset)) is None
    for index in range(4):
        save(tmp_path / f'masks/{index}.png', np.pad(np.full((10, 10), 255, np.uint8), 10))
    assert [finding.level for finding in audit_masks(DATASETS.build(settings)).findings()] == [ERROR]
