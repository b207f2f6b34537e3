"""Every config builds its network and losses, says what it must, and its numbers are the published ones."""

import ast
import re
import warnings
from operator import attrgetter
from pathlib import Path

import numpy as np
import pytest
import torch
from mmengine.config import Config, DictAction
from mmengine.optim import build_optim_wrapper
from mmseg.registry import DATASETS, METRICS, MODELS, TASK_UTILS, TRANSFORMS
from PIL import Image
from torch.testing import assert_close

from mmseg_wsss.datasets import WeakSegDataset
from mmseg_wsss.datasets.transforms.pipeline_check import check_pipeline
from mmseg_wsss.engine.stages import StagedRunner
from mmseg_wsss.engine.stages.config import listed_stages, parse_stages, resolve

ROOT = Path(__file__).parents[1] / 'configs'
CONFIGS = sorted(path for path in ROOT.rglob('*.py') if '_base_' not in path.parts)
PIPELINES = [path for path in CONFIGS if path.stem.startswith('pipeline_')]


def load(path):
    return Config.fromfile(path)


def check_evaluators(cfg, classes):
    """They are spelled as they are called today, and know the classes; what a refiner needs may not be installed."""
    for evaluator in (cfg.get('val_evaluator'), cfg.get('test_evaluator')):
        for settings in evaluator if isinstance(evaluator, list) else [evaluator] if evaluator else []:
            with warnings.catch_warnings():
                warnings.simplefilter('error', FutureWarning)
                metric = METRICS.build({key: value for key, value in settings.items() if key != 'refiner'})
            metric.dataset_meta = {'classes': classes}


@pytest.fixture(autouse=True)
def _unfilled(monkeypatch):
    """Convolutions whose memory is never touched: what is read here are the settings of the networks."""
    monkeypatch.setattr(torch.nn.modules.conv._ConvNd, 'reset_parameters', lambda self: None)


@pytest.mark.parametrize('path', CONFIGS, ids=lambda path: path.stem)
def test_builds_and_states_what_it_must(path):
    if path not in PIPELINES:
        cfg = load(path)
        model = MODELS.build(cfg.model)
        dataset = cfg.train_dataloader.dataset
        steps = [TRANSFORMS.build(step) for step in dataset.pipeline]
        if 'label_root' in dataset:
            assert [step['type'] for step in dataset.pipeline][1] == 'LoadPseudoLabels'
        elif dataset.type != 'PseudoLabelDataset':
            check_pipeline(steps)
        evaluated = (cfg.get('val_dataloader') or cfg.get('test_dataloader') or {}).get('dataset', {})
        of_kind = DATASETS.get(evaluated.type).METAINFO if evaluated.get('type') else {}
        classes = evaluated.get('metainfo', {}).get('classes') or of_kind.get('classes')
        if classes:
            assert model.num_classes == len(classes)
            check_evaluators(cfg, classes)
    head = path.read_text().split('_base_')[0]
    for word in ('Paper:', 'Expected', 'Command:'):
        assert word in head
    assert 'cost' in head.lower()


@pytest.mark.parametrize('path', CONFIGS, ids=lambda path: path.stem)
def test_evaluators_take_the_classes_of_another_data_set(path):
    """To set the data set alone is enough, unless the evaluator of the recipe itself names classes."""
    cfg = load(path)
    for name in ('val', 'test'):
        loader, evaluators = cfg.get(f'{name}_dataloader'), cfg.get(f'{name}_evaluator')
        if not loader or loader.dataset.get('type') != 'WeakSegDataset' or path in PIPELINES:
            continue
        settings = {**loader.dataset.get('metainfo', {}), 'classes': ('background', 'crop', 'weed')}
        metainfo = object.__new__(WeakSegDataset)._with_classes(settings)
        for evaluator in evaluators if isinstance(evaluators, list) else [evaluators]:
            if path.stem == 'hourglass_shapes_boxes':  # trained on some classes of a data set, measured on the others
                continue
            metric = METRICS.build({key: value for key, value in evaluator.items() if key != 'refiner'})
            metric.dataset_meta = metainfo
            assert metric.dataset_meta['classes'] == ('background', 'crop', 'weed')


def test_published_setting_of_gated_crf():
    cfg = load(ROOT / 'gated_crf/deeplabv3plus_r34_voc_clicks.py')
    loss = cfg.model.losses.loss_gated_crf
    assert loss.kernels == [{'weight': 1.0, 'xy': 6.0, 'rgb': 0.1}]
    assert (loss.radius, loss.loss_weight, loss.color_space) == (5, 0.1, 'standardised')
    assert loss.start * cfg.train_cfg.max_iters == 450
    assert cfg.optim_wrapper.optimizer == {'type': 'SGD', 'lr': 0.007, 'momentum': 0.9, 'weight_decay': 1e-4}
    assert cfg.param_scheduler[0].power == 0.9
    assert (cfg.train_cfg.max_iters, cfg.train_dataloader.batch_size) == (90000, 48)
    assert (cfg.model.backbone.depth, cfg.model.backbone.dilated_conv) == (34, 'second')
    window = cfg.train_dataloader.dataset.pipeline[2]
    assert (window.type, tuple(window.crop_size), window.scale) == ('WeakRandomWindow', (256, 256), (0.5, 2.0))
    assert [loader.dataset.pipeline[1] for loader in (cfg.val_dataloader, cfg.test_dataloader)] == [
        {'type': 'CenterPad', 'size': (512, 512)}
    ] * 2
    head = MODELS.build(cfg.model.decode_head)
    assert head.initialisation == 'torch'
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
        ('deeplabv3plus_r34_cityscapes_clicks', 'deeplabv3plus_r34_cityscapes_full'),
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


TAGS = {
    'wrn38': dict(crop=321, epochs=25, lr=0.001, biases=2.0, views=(1.0, 0.5, 1.5, 2.0), threshold=0.1, power=3.0),
    'vgg16': dict(crop=448, epochs=33, lr=0.001, biases=2.0, views=(1.0, 0.75, 1.25, 1.5), threshold=0.3, power=1.0),
    'r50': dict(crop=448, epochs=21, lr=0.0005, biases=1.0, views=(1.0, 0.75, 1.25, 1.5), threshold=0.3, power=3.0),
    'r101': dict(crop=448, epochs=21, lr=0.001, biases=1.0, views=(1.0, 0.75, 1.25, 1.5), threshold=0.3, power=3.0),
}


@pytest.mark.parametrize('name', TAGS)
def test_published_setting_of_single_stage_tags(name):
    cfg, expected = load(ROOT / f'single_stage/{name}_voc_tags.py'), TAGS[name]
    crop = next(step for step in cfg.train_dataloader.dataset.pipeline if step.type == 'WeakRandomResizedCrop')
    assert tuple(crop.crop_size) == tuple(cfg.model.data_preprocessor.size) == (expected['crop'],) * 2
    assert (crop.scale, crop.ratio) == ((0.9, 1.0), (3 / 4, 4 / 3))
    assert cfg.train_dataloader.batch_size == 16
    assert cfg.train_cfg.max_iters == expected['epochs'] * (10582 // 16)
    assert cfg.model.losses.loss_masks.start * expected['epochs'] == pytest.approx(5)
    assert cfg.optim_wrapper.optimizer == {'type': 'SGD', 'lr': expected['lr'], 'momentum': 0.9, 'weight_decay': 5e-4}
    assert cfg.optim_wrapper.paramwise_cfg == {
        'custom_keys': {'decode_head': {'lr_mult': 10.0}},
        'every_bias': {'lr_mult': expected['biases'], 'decay_mult': 0.0},
    }
    assert not cfg.param_scheduler
    scales, flips, *_ = cfg.tta_pipeline[1].transforms
    assert tuple(view.scale_factor for view in scales) == expected['views']
    assert [view.prob for view in flips] == [0.0, 1.0]
    decision = cfg.model.decision
    assert (decision.score_threshold, decision.background_power) == (expected['threshold'], expected['power'])
    head = cfg.model.decode_head
    assert (head.channels, head.c1_channels, head.dilations, head.gate_rate) == (256, 48, (1, 12, 24, 36), 0.3)
    assert head.align_corners
    assert cfg.model.losses.loss_masks.refiner == {'type': 'PAMR', 'num_iters': 10, 'dilations': (1, 2, 4, 8, 12, 24)}


@pytest.mark.parametrize('name', ['r50', 'r101'])
def test_resnets_of_single_stage_tags_are_frozen_as_published(name):
    backbone = MODELS.build(load(ROOT / f'single_stage/{name}_voc_tags.py').model.backbone)
    backbone.train()
    trained = [name for name, p in backbone.named_parameters() if p.requires_grad]
    assert not any('bn' in name or 'downsample.1' in name for name in trained)
    assert 'conv1.weight' not in trained
    assert 'layer1.0.conv1.weight' in trained
    assert backbone.layer4[0].conv2.stride == (1, 1)
    assert all(m.dilation == (1, 1) for m in backbone.modules() if type(m).__name__ == 'Conv2d')


@pytest.mark.parametrize('path', [p for p in CONFIGS if p.parent.name == 'single_stage'], ids=lambda path: path.stem)
def test_single_stage_configs_survive_being_written(path, tmp_path):
    cfg = load(path)
    cfg.dump(tmp_path / 'flat.py')
    assert load(tmp_path / 'flat.py').to_dict() == cfg.to_dict()
    built = {step['type'] for step in cfg.get('tta_pipeline', [])}
    assert not built or built >= {'LoadImageFromFile', 'TestTimeAug'}


@pytest.mark.parametrize('name', ['wrn38', 'mbv2'])
def test_pseudo_labels_know_the_tags_and_are_those_of_the_training_images(name):
    recipe, labels = (load(ROOT / f'single_stage/{name}_voc_tags{suffix}.py') for suffix in ('', '_pseudo_labels'))
    assert labels.model.decision.pop('known_tags')
    assert labels.model.to_dict() == recipe.model.to_dict()
    assert labels.test_dataloader.dataset.ann_file == 'ImageSets/Segmentation/train.txt'
    assert labels.test_evaluator.split == 'train'
    for pipeline in (labels.test_dataloader.dataset.pipeline, labels.tta_pipeline):
        assert [step.type for step in pipeline].count('LoadImageTags') == 1
    packs = [labels.test_dataloader.dataset.pipeline[-1], *labels.tta_pipeline[-1].transforms[-1]]
    assert all(pack.type == 'PackSegInputs' and 'gt_tags' in pack.meta_keys for pack in packs)
    assert 'LoadImageTags' not in [step.type for step in recipe.tta_pipeline]


def test_mixed_recipe_adds_one_loss():
    recipe, mixed = (load(ROOT / f'single_stage/mbv2_voc_tags{suffix}.py').to_dict() for suffix in ('', '_gated_crf'))
    assert mixed['model']['losses'].pop('loss_gated_crf')['type'] == 'GatedCRFLoss'
    assert mixed == recipe


def test_published_setting_of_the_cam_baseline():
    cfg, method = (load(ROOT / f'single_stage/wrn38_voc_tags{suffix}.py') for suffix in ('_cam', ''))
    model = MODELS.build(cfg.model)
    assert list(model.losses) == ['loss_tags']
    assert type(model.losses.loss_tags.pooling).__name__ == 'AveragePooling'
    head, decision = model.decode_head, model.decision
    assert decision.pooling is model.losses.loss_tags.pooling
    assert (decision.background_score, decision.background_power, decision.score_threshold) == (0.1, 1.0, 0.1)
    assert decision.known_tags
    assert {name: tuple(p.shape) for name, p in head.named_parameters()} == {'conv_seg.weight': (20, 4096, 1, 1)}
    assert (type(head.dropout), head.dropout.p) == (torch.nn.Dropout2d, 0.5)
    head.init_weights()
    bound = (6 / (4096 + 20)) ** 0.5
    assert 0.99 * bound < head.conv_seg.weight.abs().max() <= bound
    assert cfg.train_cfg.max_iters == 6 * (10582 // 16)
    assert cfg.train_dataloader.to_dict() == method.train_dataloader.to_dict()
    assert cfg.optim_wrapper.to_dict() == method.optim_wrapper.to_dict()
    assert cfg.model.backbone.to_dict() == method.model.backbone.to_dict()
    for pipeline in (cfg.val_dataloader.dataset.pipeline, cfg.test_dataloader.dataset.pipeline, cfg.tta_pipeline):
        assert [step.type for step in pipeline].count('LoadImageTags') == 1


@pytest.mark.parametrize('name', ['single_stage/mbv2_voc_tags', 'own_data/tags_cpu'])
def test_small_networks_for_tags_do_not_know_where_a_pixel_is(name):
    model = MODELS.build(load(ROOT / f'{name}.py').model).eval()
    assert model.align_corners is False
    (weights,) = (ROOT.parent / 'zoo').glob('mbv2_voc_tags_long-*.pth')
    model.load_state_dict(torch.load(weights, weights_only=True)['state_dict'])
    image = torch.tensor([-0.5, 0.1, 0.8])[None, :, None, None].expand(1, 3, 96, 128)
    with torch.no_grad():
        logits = model.encode_decode(image, [{'ori_shape': (96, 128), 'img_shape': (96, 128)}])
    assert logits[0, :, 48, 64].std() > 0.1
    assert_close(logits, logits[:, :, 48:49, 64:65].expand_as(logits), rtol=1e-3, atol=1e-3)


def test_small_cam_baseline_differs_from_the_recipe_in_network_and_losses_alone():
    small, recipe = (load(ROOT / f'single_stage/mbv2_voc_tags{suffix}.py').to_dict() for suffix in ('_cam', ''))
    assert small['model']['decode_head']['align_corners'] is recipe['model']['decode_head']['align_corners'] is False
    for cfg in (small, recipe):
        for key in ('decode_head', 'losses', 'decision'):
            cfg['model'].pop(key)
        cfg.pop('custom_hooks')
    assert small == recipe


@pytest.mark.parametrize(
    ('option', 'attribute'),
    [
        ('model.losses.loss_tags.pooling.exponent=5.0', 'losses.loss_tags.pooling.exponent'),
        ('model.losses.loss_tags.pooling.floor=0.1', 'losses.loss_tags.pooling.floor'),
        ('model.losses.loss_tags.pooling.size_penalty=False', 'decision.pooling.size_penalty'),
        ('model.losses.loss_masks.balance=paper', 'losses.loss_masks.balance'),
        ('model.losses.loss_masks.refiner.affinity=paper', 'losses.loss_masks.refiner.affinity'),
        ('model.decode_head.gate_form=paper', 'decode_head.gate_form'),
        ('model.decode_head.cue_form=paper', 'decode_head.shallow.form'),
    ],
)
def test_switches_of_single_stage_training(option, attribute):
    assert option in (ROOT / 'single_stage/README.md').read_text()
    key, value = option.split('=')
    cfg = load(ROOT / 'single_stage/wrn38_voc_tags.py')
    cfg.model.backbone = {'type': 'ResNet', 'depth': 18, 'base_channels': 4}
    plain = MODELS.build(cfg.model)
    cfg.merge_from_dict({key: DictAction._parse_iterable(value)})
    switched = MODELS.build(cfg.model)
    read = attrgetter(attribute)
    assert read(switched) == DictAction._parse_iterable(value) != read(plain)


PMP = 'model.losses.loss_pmp.pseudo_masks'


def readme_rows():
    """The rows of the ablation and their options, as the table of the README has them."""
    text = (ROOT / 'pmp/README.md').read_text()
    table = text.split('| row | paper | options |')[1].split('\n\n')[0]
    cells = [line.split('|')[1:4] for line in table.splitlines() if line.startswith('|') and '---' not in line]
    scores = {name.strip(): score.strip() for name, score, _ in cells}
    return {name.strip(): options.strip(' `').replace('PM.', f'{PMP}.').split() for name, _, options in cells}, scores


def test_the_whole_of_table_3_of_pmp_is_quoted():
    assert readme_rows()[1] == {
        'points alone': '15.2',
        'blots, PAC': '24.7',
        'fields': '38.3',
        'blots, fields': '48.9',
        'blots': '49.1',
        'PAC, fields': '54.5',
        'all': '60.7',
        'PAC': '-',
    }


@pytest.mark.parametrize('path', sorted((ROOT / 'pmp').glob('*.py')), ids=lambda path: path.stem)
def test_rows_of_the_pmp_ablation(path):
    rows, _ = readme_rows()
    assert len(rows) == 8
    seen = set()
    for name, options in rows.items():
        cfg = load(path)
        parse = DictAction._parse_iterable
        cfg.merge_from_dict({key: parse(value) for key, value in (option.split('=') for option in options)})
        part = MODELS.build(cfg.model).losses.loss_pmp.pseudo_masks
        assert (part.blots is not None) == ('blots' in name or name == 'all')
        assert (part.refiner is not None) == ('PAC' in name or name == 'all')
        assert part.fields == ('fields' in name or name == 'all')
        assert (part.threshold == 1) == (name in ('points alone', 'blots'))
        seen.add((part.blots, part.refiner is None, part.fields, part.threshold))
    assert len(seen) == 8


PMP_PUBLISHED = ('fcn_r50gn_voc', 'fcn_r50gn_cityscapes_persons', 'fcn_r50gn_inria', 'fcn_r50gn_craid')


def test_pmp_trains_from_scratch_without_batch_statistics():
    for name in (*PMP_PUBLISHED, 'r18gn_voc'):
        cfg = load(ROOT / f'pmp/{name}_points.py')
        modules = list(MODELS.build(cfg.model).modules())
        assert not any(isinstance(module, torch.nn.modules.batchnorm._BatchNorm) for module in modules)
        groups = [module for module in modules if isinstance(module, torch.nn.GroupNorm)]
        assert groups
        assert all(module.num_channels // module.num_groups == 32 for module in groups)
        assert cfg.model.backbone.conv_cfg.type == 'ConvWS'
        assert not cfg.load_from
        assert not cfg.model.backbone.get('init_cfg')


@pytest.mark.parametrize('name', PMP_PUBLISHED)
def test_published_setting_of_pmp(name):
    cfg = load(ROOT / f'pmp/{name}_points.py')
    assert (cfg.optim_wrapper.optimizer.type, cfg.optim_wrapper.optimizer.lr) == ('SGD', 1e-5)
    assert cfg.param_scheduler[0].type == 'CosineAnnealingLR'
    (loss,) = cfg.model.losses.values()  # no loss of the points beside it
    assert loss.reduction == 'sum'
    assert loss.loss_weight * cfg.train_dataloader.batch_size == 1
    part = MODELS.build(loss).pseudo_masks
    assert (part.threshold, part.threshold_of, part.form, part.present_softmax) == (0.75, 'maximum', 'anchored', False)
    (flip,) = [step for step in cfg.train_dataloader.dataset.pipeline if step.type == 'WeakRandomFlip']
    assert flip.direction == ['horizontal', 'vertical']
    persons = {'persons_only': True} if 'persons' in name else {}
    for loader in (cfg.train_dataloader, cfg.val_dataloader):
        assert {key: loader.dataset[key] for key in persons} == persons


@pytest.mark.parametrize('path', sorted((ROOT / 'pmp').glob('*.py')), ids=lambda path: path.stem)
def test_pmp_expands_in_20_to_40_steps_by_a_loss_that_a_collapse_does_not_lower(path):
    cfg = load(path)
    (hook,) = [hook for hook in cfg.custom_hooks if hook.type == 'ExpandingConfidenceHook']
    assert 20 <= cfg.train_cfg.max_iters / hook.epoch_length <= 40
    points = 'loss_points' in cfg.model.losses
    assert hook.loss_name == ('loss_points' if points else 'loss_pmp/point_loss')


@pytest.mark.parametrize('path', sorted((ROOT / 'pmp').glob('*.py')), ids=lambda path: path.stem)
def test_pmp_with_a_dense_crf_is_one_switch(path, monkeypatch):
    monkeypatch.setattr('mmseg_wsss.models.refiners.dense_crf.find_spec', lambda name: True)  # is optional
    cfg = load(path)
    cfg.merge_from_dict({'test_evaluator.type': 'SubsetIoUMetric', 'test_evaluator.refiner.type': 'DenseCRF'})
    assert type(METRICS.build(cfg.test_evaluator).refiner).__name__ == 'DenseCRF'


def test_data_of_craid_as_its_authors_lay_it_out(tmp_path, monkeypatch):
    points = np.zeros((40, 50), np.uint8)
    points[10, 20], points[30, 40] = 1, 2  # a berry, a point of the background
    for folder, name, values in [
        ('images', 'count_1_a', np.zeros((40, 50, 3), np.uint8)),
        ('images', 'count_1_b', np.zeros((40, 50, 3), np.uint8)),
        ('train/PointsClass', 'count_1_a', points),
        ('val/SegmentationClass', 'count_1_b', (points == 1).astype(np.uint8)),
    ]:
        (tmp_path / folder).mkdir(parents=True, exist_ok=True)
        Image.fromarray(values).save(tmp_path / folder / f'{name}.png')
    (tmp_path / 'val.txt').write_text('count_1_b\n')
    monkeypatch.setenv('CRAID_ROOT', str(tmp_path))
    cfg = load(ROOT / 'pmp/fcn_r50gn_craid_points.py')
    train, val = (DATASETS.build(cfg[f'{name}_dataloader'].dataset) for name in ('train', 'val'))
    labels = train.get_data_info(0)['weak_annotations']
    assert (len(train), labels.points.tolist(), labels.point_labels.tolist()) == (1, [[20, 10], [40, 30]], [1, 0])
    assert len(val) == 1
    assert int(val[0]['data_samples'].gt_sem_seg.data.sum()) == 1


RESULTS_USED = {
    'importance_sampling': {
        'cam': set(),
        'cams': {'cam'},
        'seeds': {'cams'},
        'affinity': {'seeds'},
        'labels': {'affinity', 'cams'},
        'final': {'labels'},
    },
    'gated_crf': {'clicks': set(), 'labels': {'clicks'}, 'final': {'labels'}},
    'single_stage': {'tags': set(), 'labels': {'tags'}, 'final': {'labels'}},
    'lpg': {'grabcut': set(), 'network': {'grabcut'}, 'labels': {'network'}, 'final': {'labels'}},
}
"""The stages of the pipelines of a method, in their order, with those whose results each of them uses."""
NETWORKS = {
    'importance_sampling': {'cams': 'cam', 'seeds': 'cam', 'labels': 'affinity'},
    'gated_crf': {'labels': 'clicks'},
    'single_stage': {'labels': 'tags'},
    'lpg': {'grabcut': None, 'labels': 'network'},  # GrabCut needs none
}


@pytest.mark.parametrize('path', PIPELINES, ids=lambda path: path.stem)
def test_pipelines_hand_each_result_to_the_next_stage(path, tmp_path, monkeypatch):
    monkeypatch.setattr('mmseg_wsss.models.refiners.dense_crf.find_spec', lambda name: True)  # is optional
    voc = tmp_path / 'voc'
    (voc / 'SegmentationClass').mkdir(parents=True)
    (voc / 'ImageSets/Segmentation').mkdir(parents=True)
    (voc / 'ImageSets/Segmentation/train.txt').touch()
    monkeypatch.setenv('VOC_WEAK_ROOT', str(voc))
    cfg = load(path)
    cfg.work_dir = str(tmp_path)
    stages = {stage.name: stage for stage in parse_stages(cfg)}
    used = RESULTS_USED[path.parent.name]
    assert list(stages) == list(used)
    assert {name: set(stage.references) for name, stage in stages.items()} == used
    results = {name: (tmp_path / name, tmp_path / name) for name in stages}
    for name, stage in stages.items():
        config = Config(resolve(stage.config, results))
        if stage.is_task:
            assert getattr(TASK_UTILS.build(config.task), 'stage', None) == NETWORKS[path.parent.name][name]
            continue
        own = load((path.parent / cfg.stages[name].config).resolve())
        assert config.model.to_dict() == own.model.to_dict()
        if used[name]:
            (source,) = used[name]
            assert config.train_dataloader.dataset.label_root == str(tmp_path / source)
            assert config.test_dataloader.to_dict() == own.test_dataloader.to_dict()


def test_published_setting_of_the_affinity_network_and_the_random_walk():
    cfg = load(ROOT / 'importance_sampling/affinity_wrn38_voc_tags.py')
    assert (cfg.train_dataloader.batch_size, cfg.train_cfg.max_iters) == (8, 8 * (10582 // 8))
    assert cfg.optim_wrapper.optimizer == {'type': 'SGD', 'lr': 0.01, 'momentum': 5e-4, 'weight_decay': 5e-4}
    assert cfg.param_scheduler[0].power == 0.9
    head = cfg.model.decode_head
    assert (head.in_channels, head.widths) == ((512, 1024, 4096), (64, 128, 256))
    assert cfg.model.losses.loss_affinity.radius == 5
    assert (cfg.model.backbone.frozen_stages, cfg.model.data_preprocessor.size) == (0, (448, 448))
    stages = load(ROOT / 'importance_sampling/pipeline_wrn38_voc_tags.py').stages
    assert (stages.seeds.task.alpha_low, stages.seeds.task.alpha_high) == (2, 4)
    walk = stages.labels.task
    assert (walk.alpha, walk.beta, walk.log2_steps) == (6, 8, 6)
    assert 'refiner' not in walk


def test_published_setting_of_the_last_network():
    cfg = load(ROOT / 'importance_sampling/deeplabv1_wrn38_voc_tags.py')
    assert (cfg.train_dataloader.batch_size, cfg.train_cfg.max_iters) == (10, 20000)
    assert cfg.optim_wrapper.optimizer == {'type': 'SGD', 'lr': 0.001, 'momentum': 0.9, 'weight_decay': 5e-4}
    assert cfg.param_scheduler[0].power == 0.9
    head = cfg.model.decode_head
    assert (head.channels, head.dilation, head.dropout_ratio, head.align_corners) == (512, 12, 0.5, True)
    resize, crop = cfg.train_dataloader.dataset.pipeline[2:4]
    assert (resize.ratio_range, crop.crop_size) == ((0.5, 1.5), (448, 448))
    scales, flips, *_ = cfg.tta_pipeline[1].transforms
    assert tuple(view.scale_factor for view in scales) == (0.5, 0.75, 1.0, 1.25, 1.5, 1.75)
    assert [view.prob for view in flips] == [0.0, 1.0]
    assert cfg.model.decision == {'type': 'ArgmaxDecision', 'enlarged': 'logits'}
    head = MODELS.build(head)
    head.init_weights()
    assert head.conv_seg.weight.std().item() == pytest.approx((2 / 21) ** 0.5, rel=0.05)  # Kaiming, by the 21 outputs
    assert head.conv_seg.bias.eq(0).all()


def test_published_setting_of_importance_sampling():
    cfg = load(ROOT / 'importance_sampling/cam_wrn38_voc_tags.py')
    losses = cfg.model.losses
    assert list(losses) == ['loss_tags', 'loss_similarity', 'loss_max', 'loss_equivariance']
    tags, refined = losses.loss_tags.loss, losses.loss_max.loss
    assert (tags.weight, tags.pooling, tags.num_samples) == (0.8, 'average', 100)
    assert (refined.weight, refined.pooling, refined.background) == (0.0, 'max', True)
    assert losses.loss_tags.views == ['first', 'second']
    assert losses.loss_max.views == ['refined', 'second_refined']
    assert (losses.loss_similarity.mu, losses.loss_similarity.sigma) == (2.5, 5.0)
    model = MODELS.build(cfg.model)
    assert model.views.scale == 0.3
    assert model.pixel_correlation.mixing.weight.shape == (192, 195, 1, 1)
    assert model.decode_head.conv_seg.weight.shape == (21, 4096, 1, 1)
    assert (model.decode_head.conv_seg.bias, model.decode_head.dropout.p) == (None, 0.5)
    assert all(loss.loss_weight == 1 for loss in model.losses.values())
    assert cfg.optim_wrapper.optimizer == {'type': 'SGD', 'lr': 0.01, 'momentum': 5e-4, 'weight_decay': 5e-4}
    assert cfg.optim_wrapper.paramwise_cfg == {
        'custom_keys': {'decode_head': {'lr_mult': 10.0}, 'pixel_correlation': {'lr_mult': 10.0}},
        'every_bias': {'lr_mult': 2.0, 'decay_mult': 0.0},
    }
    assert (cfg.train_dataloader.batch_size, cfg.train_cfg.max_iters) == (8, 8 * (10582 // 8))
    assert (cfg.param_scheduler[0].power, cfg.param_scheduler[0].end) == (0.9, cfg.train_cfg.max_iters)
    resize = cfg.train_dataloader.dataset.pipeline[2]
    assert [round(side * resize.scale[0]) for side in resize.ratio_range] == [448, 768]
    assert resize.interpolation == 'bicubic'


def test_variants_of_importance_sampling_train_the_same_data():
    plain, seam = (
        load(ROOT / f'importance_sampling/cam_mbv2_voc_tags{suffix}.py').to_dict() for suffix in ('', '_seam')
    )
    assert seam['model']['losses']['loss_tags']['loss'] == plain['model']['losses']['loss_tags']
    assert seam['model']['losses']['loss_similarity'] == plain['model']['losses']['loss_similarity']
    for cfg in (plain, seam):
        cfg.pop('model')
        cfg.pop('sampling', None)
        cfg['optim_wrapper']['paramwise_cfg']['custom_keys'].pop('pixel_correlation', None)
    assert plain == seam


LPG = [path for path in CONFIGS if path.parent.name == 'lpg']
STAGED = [path for path in LPG if 'LPGStages' in str(load(path).get('stages'))]


@pytest.mark.parametrize('first_reads_segmentor', [True, False])
@pytest.mark.parametrize('path', STAGED, ids=lambda path: path.stem)
def test_stages_of_lpg_build(path, first_reads_segmentor, tmp_path):
    cfg = load(path)
    cfg.work_dir = str(tmp_path)
    cfg.stages.first_reads_segmentor = first_reads_segmentor
    channels = {}
    for stage in StagedRunner.from_cfg(cfg).stages.values():
        if stage.is_task:
            assert stage.config['task'].get('dataset') or stage.config['task']['type'] == 'WriteShapes'
        elif stage.name.startswith('generator'):
            channels[stage.name] = MODELS.build(stage.config['model']).in_channels
    assert not channels or channels == {
        'generator_1': 5 if first_reads_segmentor else 4, 'generator_2': 5, 'generator_3': 5
    }  # fmt: skip


def test_published_setting_of_lpg():
    cfg = load(ROOT / 'lpg/hourglass_coco60.py')
    model = MODELS.build({**cfg.model, 'use_probability': True})
    assert sum(p.numel() for p in model.parameters()) == pytest.approx(12.12e6, rel=1e-3)
    assert cfg.optim_wrapper.optimizer == {'type': 'Adam', 'lr': 1e-4, 'betas': (0.9, 0.999), 'weight_decay': 5e-4}
    assert (cfg.train_dataloader.batch_size, cfg.train_cfg.max_iters) == (32, 100000)
    cfg = load(ROOT / 'lpg/deeplab_largefov_voc_boxes.py')
    assert (cfg.train_dataloader.batch_size, cfg.train_cfg.max_iters) == (30, 20000)
    assert cfg.optim_wrapper.optimizer == {'type': 'SGD', 'lr': 1e-3, 'momentum': 0.9, 'weight_decay': 5e-4}
    with torch.device('meta'):  # nothing is computed but shapes
        model = MODELS.build(cfg.model)
        assert model(torch.zeros(1, 3, 321, 321), mode='tensor').shape == (1, 21, 41, 41)
    groups = build_optim_wrapper(model, cfg.optim_wrapper).optimizer.param_groups
    kinds = {(round(g['lr'] / 1e-3), g['weight_decay']) for g in groups}
    assert kinds == {(1, 5e-4), (2, 0.0), (10, 5e-4), (20, 0.0)}
    for name in ('deeplabv2_r101_voc_boxes', 'generator_hourglass_r101_coco60'):
        cfg = load(ROOT / f'lpg/{name}.py')
        assert (cfg.train_dataloader.batch_size, cfg.optim_wrapper.accumulative_counts) == (2, 5)
        steps = cfg.train_cfg.max_iters / cfg.optim_wrapper.accumulative_counts  # max_iters counts batches
        assert (cfg.optim_wrapper.optimizer.lr, steps, cfg.model.views.scales) == (2.5e-4, 40000, (0.5, 0.75))
        assert cfg.param_scheduler[0].end == cfg.train_cfg.max_iters
    cfg = load(ROOT / 'lpg/deeplabv2_r101_voc_boxes.py')
    model = MODELS.build(cfg.model)
    model.train()
    norms = [module for module in model.modules() if isinstance(module, torch.nn.BatchNorm2d)]
    assert all(norm.training and not norm.weight.requires_grad for norm in norms)
    image = torch.randint(0, 255, (3, 321, 321), dtype=torch.uint8)  # BGR, as OpenCV reads it
    batch = model.data_preprocessor({'inputs': [image]})['inputs']
    torch.testing.assert_close(batch[0], image - torch.tensor([104.008, 116.669, 122.675])[:, None, None])
    model.eval()
    with torch.no_grad():
        assert model.decode_head(model.extract_feat(batch[..., :64, :96])).shape == (1, 21, 16, 24)  # stride 4


@pytest.mark.parametrize('name', ['deeplab_largefov_voc_boxes', 'deeplabv2_r101_voc_boxes'])
def test_published_form_of_lpg(name):
    """The first generator reads boxes and image, the first class keeps a pixel, and later generators continue."""
    cfg = load(ROOT / f'lpg/{name}.py')
    scales = [steps[0].scale_factor for steps in cfg.train_dataloader.dataset.pipeline[2].transforms]
    assert scales == [0.5, 0.75, 1.0, 1.25, 1.5]
    beside = {'deeplab_largefov_voc_boxes': 'hourglass', 'deeplabv2_r101_voc_boxes': 'hourglass_r101'}[name]
    assert cfg.stages.generators == f'work_dirs/generator_{beside}_coco60'
    stages = listed_stages(cfg)
    assert list(stages) == [f'{kind}_{k}' for k in (1, 2, 3) for kind in ('masks', 'segmentor')] + [
        'dense_crf',
        'scores',
    ]
    assert [stages[f'masks_{k}']['task']['rule'] for k in (1, 2, 3)] == ['first'] * 3
    partners = [None, '{stages.segmentor_1}', '{stages.segmentor_2}']
    assert [stages[f'masks_{k}']['task']['partner'] for k in (1, 2, 3)] == partners
    cfg = load(ROOT / f'lpg/generator_{beside}_coco60.py')
    assert cfg.model.decode_head.num_classes == 61
    stages = listed_stages(cfg)
    starts = [stages[f'generator_{k}'].get('load_from') for k in (1, 2, 3)]
    assert starts == [None, None, '{stages.generator_2}']
    assert stages['auxiliary_masks_2']['task']['empty_images'] == 'skip'


def test_auxiliary_and_target_classes_swap():
    stages = {
        name: listed_stages(load(ROOT / f'lpg/{name}.py')) for name in ('mbv2_voc_boxes', 'mbv2_voc_boxes_swapped')
    }
    for name, target, auxiliary in (
        ('mbv2_voc_boxes', ['cat', 'cow', 'dog'], ['horse', 'person', 'sheep']),
        ('mbv2_voc_boxes_swapped', ['horse', 'person', 'sheep'], ['cat', 'cow', 'dog']),
    ):
        listed = stages[name]
        assert listed['segmentor_3']['val_dataloader']['dataset']['only_classes'] == target
        boxes = listed['auxiliary_boxes']['task']['dataset']
        assert (boxes['only_classes'], boxes['without_classes']) == (auxiliary, target)
        samples = listed['generator_1']['train_dataloader']['dataset']
        assert (samples['target_classes'], samples['auxiliary_classes']) == (target, auxiliary)


def test_true_masks_of_the_comparison_hold_the_classes_of_the_boxes_alone():
    stages = listed_stages(load(ROOT / 'lpg/mbv2_voc_boxes_networks.py'))
    full, boxes = stages['network_full']['train_dataloader']['dataset'], stages['filled']['task']['dataset']
    assert {key: full[key] for key in boxes} == boxes
    weak = stages['network_filled']['train_dataloader']['dataset']
    assert (weak['label_root'], full['only_classes']) == ('{stages.filled}', ['cat', 'cow', 'dog'])


def test_generators_start_from_each_other_and_train_longer():
    stages = listed_stages(load(ROOT / 'lpg/mbv2_voc_boxes_warm_start.py'))
    generators = [stages[f'generator_{k}'] for k in (1, 2, 3)]
    assert [stage.get('load_from') for stage in generators] == [None, '{stages.generator_1}', '{stages.generator_2}']
    assert [stage['train_cfg']['max_iters'] for stage in generators] == [1000] * 3
    assert [stage['param_scheduler'][1]['end'] for stage in generators] == [1000] * 3
    assert stages['network']['train_dataloader']['dataset']['label_root'] == '{stages.masks_3}'
    assert stages['network']['val_dataloader']['dataset']['only_classes'] == ['cat', 'cow', 'dog']


def test_comparison_without_dense_crf():
    cfg = load(ROOT / 'lpg/mbv2_voc_boxes_networks.py')
    cfg.merge_from_dict({'stages.baselines': ['filled', 'grabcut'], 'stages.changes.network_dense_crf': None})
    stages = listed_stages(cfg)
    assert not {'dense_crf', 'network_dense_crf'} & {*stages, *stages['scores']['task']['labels']}
    assert {'grabcut', 'network_grabcut', 'scores'} <= set(stages)


def levels(path):
    """How many files stand one behind the other in the inheritance of a config."""
    bases = re.search(r'^_base_ = (\[.*?\]|.*?$)', path.read_text(), re.DOTALL | re.MULTILINE)
    names = re.findall(r"'([^']+)'", bases[1]) if bases else []
    return max((1 + levels((path.parent / name).resolve()) for name in names), default=0)


@pytest.mark.parametrize('path', sorted(ROOT.rglob('*.py')), ids=lambda path: path.relative_to(ROOT).as_posix())
def test_configs_are_data(path):
    """No functions, loops or imports, no reading of the disk, no environment but the places of data and weights.

    Those of LPG inherit over two levels at most.
    """
    text = path.read_text()
    programs = ast.FunctionDef, ast.For, ast.While, ast.If, ast.Import, ast.comprehension, ast.Lambda
    if path.parent.name in ('lpg', 'stages'):
        assert levels(path) <= 2
        assert [type(node).__name__ for node in ast.walk(ast.parse(text)) if isinstance(node, programs)] == []
    assert '__import__' not in text
    switches = set(re.findall(r'{{\$(\w+)', text))
    assert {name for name in switches if not name.endswith(('_ROOT', '_CHECKPOINT', '_POINTS'))} == set()
