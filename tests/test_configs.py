"""Every config builds its network and losses, says what it must, and its numbers are the published ones."""

from pathlib import Path

import pytest
from mmengine.config import Config
from mmseg.registry import MODELS, TRANSFORMS

from mmseg_wsss.datasets.transforms._pipeline_check import check_pipeline

ROOT = Path(__file__).parents[1] / 'configs'
CONFIGS = sorted(path for path in ROOT.rglob('*.py') if '_base_' not in path.parts)


def load(path):
    return Config.fromfile(path)


@pytest.mark.parametrize('path', CONFIGS, ids=lambda path: path.stem)
def test_builds_and_states_what_it_must(path):
    cfg = load(path)
    model = MODELS.build(cfg.model)
    dataset = cfg.train_dataloader.dataset
    check_pipeline([TRANSFORMS.build(step) for step in dataset.pipeline])
    classes = cfg.val_dataloader.dataset.get('metainfo', {}).get('classes')
    if classes:
        assert model.num_classes == len(classes)
    head = path.read_text().split('_base_')[0]
    for word in ('Paper:', 'Expected', 'Command:'):
        assert word in head
    assert 'cost' in head.lower()


def test_published_setting_of_gated_crf():
    cfg = load(ROOT / 'gated_crf/deeplabv3plus_r34_voc_clicks.py')
    loss = cfg.model.losses.loss_gated_crf
    assert loss.kernels == [{'weight': 1.0, 'xy': 6.0, 'rgb': 0.1}]
    assert (loss.radius, loss.loss_weight, loss.color_space) == (5, 0.1, 'standardised')
    assert loss.start * cfg.train_cfg.max_iters == 450
    assert cfg.optim_wrapper.optimizer == {'type': 'SGD', 'lr': 0.007, 'momentum': 0.9, 'weight_decay': 1e-4}
    assert cfg.param_scheduler[0].power == 0.9
    assert (cfg.train_cfg.max_iters, cfg.train_dataloader.batch_size) == (90000, 48)
    assert cfg.model.backbone.depth == 34
    head = MODELS.build(cfg.model.decode_head)
    assert [conv.dilation[0] for module in head.aspp_modules for conv in [module.conv]] == [1, 6, 12, 18]
    plain = {'bottleneck': (1280, 256, 1), 'c1_bottleneck': (64, 48, 1)}
    for name, expected in plain.items():
        conv = getattr(head, name).conv
        assert (conv.in_channels, conv.out_channels, *conv.kernel_size[:1]) == expected
    decoder = [(m.conv.in_channels, m.conv.out_channels, m.conv.groups, m.conv.padding) for m in head.sep_bottleneck]
    assert decoder == [(304, 256, 1, (1, 1)), (256, 256, 1, (1, 1))]
    assert head.dropout is None


def test_references_differ_from_the_recipe_in_labels_and_losses_alone():
    for recipe, reference in [
        ('deeplabv3plus_r34_voc_clicks', 'deeplabv3plus_r34_voc_full'),
        ('deeplabv3plus_mbv2_voc_clicks', 'deeplabv3plus_mbv2_voc_full'),
        ('unet_acdc_scribbles', 'unet_acdc_full'),
    ]:
        weak, full = (load(ROOT / 'gated_crf' / f'{name}.py').to_dict() for name in (recipe, reference))
        assert list(full['model'].pop('losses')) == ['loss_ce']
        weak['model'].pop('losses')
        for cfg in (weak, full):
            for key in ('weak_labels', 'use_dense_masks'):
                cfg['train_dataloader']['dataset'].pop(key, None)
        assert weak == full
