"""The variables of the recipes for one's own data reach every part, and one batch may mix all kinds of labels."""

from pathlib import Path

import numpy as np
import pytest
import torch
from mmengine.config import Config
from mmengine.dataset import pseudo_collate
from mmseg.registry import DATASETS, METRICS, MODELS, TRANSFORMS
from PIL import Image

from mmseg_wsss.engine.own_data import fill_own_data
from mmseg_wsss.engine.stages.config import parse_stages
from tests.helpers.one_of_each import CLASSES, COLOURS, LABELS, write_own_data

ROOT = Path(__file__).parents[2] / 'configs/own_data'
RECIPES = sorted(path.stem for path in ROOT.glob('*.py'))
VARIABLES = 'iterations = 400\nbatch = 5\ncrop = 48\nscale = 64\n'


@pytest.fixture
def read(tmp_path):
    """Write a config over a recipe beside a small data set, and read it."""
    write_own_data(tmp_path)

    def read(recipe='clicks_cpu', text=VARIABLES):
        path = tmp_path / 'config.py'
        path.write_text(f"_base_ = '{ROOT / recipe}.py'\ndata_root = '{{{{ fileDirname }}}}'\n{text}")
        return Config.fromfile(path)

    return read


def filled(cfg):
    fill_own_data(cfg)
    return cfg


def test_every_recipe_is_there():
    assert [f'{kind}_{size}' for kind in ('boxes', 'clicks', 'mix', 'tags') for size in ('cpu', 'gpu')] == RECIPES


@pytest.mark.parametrize('recipe', RECIPES)
def test_variables_reach_every_part(read, recipe):
    cfg = filled(read(recipe))
    steps = {step.type: step for step in cfg.train_dataloader.dataset.pipeline}
    assert tuple(steps['WeakRandomCrop'].crop_size) == tuple(cfg.model.data_preprocessor.size) == (48, 48)
    assert tuple(steps['RandomResize'].scale) == (64, 64)
    for pipeline in (cfg.val_dataloader.dataset.pipeline, cfg.test_dataloader.dataset.pipeline, cfg.tta_pipeline):
        assert [tuple(step.scale) for step in pipeline if step.type == 'Resize'] == [(64, 64)]
    assert (cfg.train_cfg.max_iters, cfg.train_dataloader.batch_size) == (400, 5)
    assert cfg.train_cfg.val_interval == 100
    assert cfg.param_scheduler[-1].end == 400
    assert cfg.param_scheduler[0].end == cfg.param_scheduler[1].begin == 16
    assert cfg.default_hooks.checkpoint.interval in (50, 100)
    assert cfg.model.decode_head.num_classes == 3
    for split in ('train', 'val', 'test'):
        assert tuple(cfg[f'{split}_dataloader'].dataset.metainfo.classes) == CLASSES


@pytest.mark.parametrize('recipe', RECIPES)
def test_every_recipe_builds_on_any_classes(read, recipe):
    cfg = filled(read(recipe))
    for split in ('train', 'val', 'test'):
        dataset = DATASETS.build(cfg[f'{split}_dataloader'].dataset)
        assert dataset.metainfo['classes'] == list(CLASSES) or tuple(dataset.metainfo['classes']) == CLASSES
        assert [list(colour) for colour in dataset.metainfo['palette']] == [list(colour) for colour in COLOURS]
        assert dataset[0]['data_samples'] is not None
    metric = METRICS.build(cfg.val_evaluator)
    metric.dataset_meta = dataset.metainfo
    cfg.model.backbone.init_cfg = None
    assert MODELS.build(cfg.model).num_classes == 3


def test_to_fill_twice_changes_nothing(read):
    cfg = filled(read('mix_cpu'))
    once = cfg.to_dict()
    fill_own_data(cfg)
    assert cfg.to_dict() == once
    again = Config(once)
    again.iterations = 800
    fill_own_data(again)
    assert (again.train_cfg.max_iters, again.train_cfg.val_interval) == (800, 200)


def test_loading_colours_and_windows(read):
    text = VARIABLES + "loading = dict(color_type='unchanged')\nmean = [1.0]\nstd = [2.0]\nwindow = 40\n"
    cfg = filled(read(text=text))
    for split in ('train', 'val', 'test'):
        assert cfg[f'{split}_dataloader'].dataset.pipeline[0].color_type == 'unchanged'
    preprocessor = cfg.model.data_preprocessor
    assert (list(preprocessor.mean), list(preprocessor.std), preprocessor.bgr_to_rgb) == ([1.0], [2.0], False)
    assert cfg.model.test_cfg == {'mode': 'slide', 'crop_size': (40, 40), 'stride': (30, 30)}


def test_outside_of_boxes_is_background_only_if_there_is_one(read):
    def drawn(text):
        (step,) = [s for s in filled(read(text=text)).train_dataloader.dataset.pipeline if 'draw_boxes' in s]
        return step.draw_boxes

    assert (drawn(VARIABLES), drawn(VARIABLES + 'background = False\n')) == ('core', True)


def test_without_masks_nothing_is_measured(read):
    cfg = filled(read(text=VARIABLES + 'masks = None\n'))
    assert cfg.val_dataloader is cfg.val_cfg is cfg.val_evaluator is None
    assert 'save_best' not in cfg.default_hooks.checkpoint
    assert 'ResultSheetHook' not in [hook.type for hook in cfg.custom_hooks]
    assert 'seg_map_path' not in cfg.test_dataloader.dataset.data_prefix


@pytest.mark.parametrize(
    ('text', 'message'),
    [
        ('iterations = 0', 'iterations must be a positive integer, got 0'),
        ('crop = 1.5', 'crop must be a positive integer, got 1.5'),
        ('iteratoins = 5', "'iteratoins' is not a variable of the recipes for own data; did you mean 'iterations'"),
    ],
)
def test_bad_variables(read, text, message):
    with pytest.raises(ValueError, match=message):
        fill_own_data(read(text=text))


def test_other_configs_are_left_as_they_are():
    cfg = Config.fromfile(ROOT.parent / 'gated_crf/unet_shapes_clicks.py')
    before = cfg.to_dict()
    fill_own_data(cfg)
    assert cfg.to_dict() == before


@pytest.mark.parametrize('recipe', ['boxes_cpu', 'boxes_gpu'])
def test_masks_are_cut_out_of_the_pictures_that_the_network_reads(read, tmp_path, recipe):
    """Of pictures with 12 bits, ``LoadImageFromFile`` only gives the upper four of 16."""
    values = np.arange(0, 4000, 100, dtype=np.uint16).reshape(5, 8)
    Image.fromarray(values).save(tmp_path / 'images/deep.png')
    cfg = filled(read(recipe, VARIABLES + "loading = dict(type='LoadDeepImage', range=(0, 3900))\n"))
    for dataset in (cfg.stages.boxes.task.dataset, cfg.train_dataloader.dataset, cfg.test_dataloader.dataset):
        loaded = TRANSFORMS.build(dataset.pipeline[0])({'img_path': str(tmp_path / 'images/deep.png')})['img']
        assert loaded[..., 0].ravel().tolist() == np.rint(values.ravel() * (255 / 3900)).astype(int).tolist()


def test_boxes_are_two_stages_of_one_command(read, tmp_path):
    cfg = filled(read('boxes_cpu'))
    cfg.work_dir = str(tmp_path / 'run')
    boxes, network = parse_stages(cfg)
    assert boxes.config['task']['dataset']['metainfo']['classes'] == list(CLASSES)
    dataset = network.config['train_dataloader']['dataset']
    assert (dataset['type'], dataset['label_root']) == ('PseudoLabelDataset', '{stages.boxes}')
    assert dataset['img_path'] == str(tmp_path / 'images')
    assert [step['crop_size'] for step in dataset['pipeline'] if step['type'] == 'RandomCrop'] == [(48, 48)]
    assert network.config['train_cfg']['max_iters'] == 400


@pytest.mark.parametrize('kind', LABELS)
def test_one_batch_mixes_all_kinds_and_each_teaches(read, kind):
    cfg = filled(read('mix_cpu'))
    cfg.model.backbone = dict(type='ResNet', depth=18, base_channels=8, stem_channels=8)
    cfg.model.decode_head.update(in_channels=64, channels=8, c1_in_channels=8, c1_channels=4, dilations=(1, 2))
    cfg.model.losses.loss_gated_crf = None  # it needs no labels
    torch.manual_seed(0)
    np.random.seed(0)
    model = MODELS.build(cfg.model)
    dataset = DATASETS.build(cfg.train_dataloader.dataset)
    batch = [dataset[index] for index in range(len(dataset))]
    assert [Path(sample['data_samples'].img_path).stem for sample in batch] == list(LABELS)
    data = model.data_preprocessor(pseudo_collate(batch), True)
    logits = model.decode_head(model.extract_feat(data['inputs']))
    model.decode_head.forward = lambda _: logits
    losses = model.loss(**data)
    gradients = {}
    for name in ('loss_ce', 'loss_tags'):
        (gradient,) = torch.autograd.grad(losses[name], logits, retain_graph=True)
        gradients[name] = gradient.abs().sum(dim=(1, 2, 3))[list(LABELS).index(kind)]
    labelled = (batch[list(LABELS).index(kind)]['data_samples'].gt_sem_seg.data != 255).any()
    assert labelled == (gradients['loss_ce'] > 0) == (kind != 'tags')
    assert gradients['loss_tags'] > 0


@pytest.mark.parametrize(
    ('text', 'message'),
    [
        ('masks = 3', 'masks must be a path, or None without validation, got 3'),
        ('images = None', 'images must be a path, got None'),
        ("background = 'no'", "background must be True or False, got 'no'"),
        ('loading = 3', 'loading must be settings of the loader such as .*, got 3'),
        ("classes = 'cat'", "classes must be a list of names such as .*, got 'cat'"),
        ('mean = 3', 'mean must be a list of numbers, one per band, got 3'),
        ("mean = ['a']", "mean must be a list of numbers, one per band, got .'a'."),
        ('std = [1, 0, 1]', 'std must be a list of positive numbers, got .1, 0, 1.'),
        ('palette = [[0, 0, 256]] * 3', 'palette must be a list of colours .*, got'),
        ('palette = [[0, 0, 0]]', 'palette must be a list of 3 colours, one per class, got'),
        ("weak_labels = ['a.json']", 'weak_labels must be a path, got .*'),
        ("classes = ['a']\nweak_labels = 3", 'weak_labels must be a path, or settings of a format .*, got 3'),
    ],
)
def test_values_of_the_wrong_kind_are_named(read, text, message):
    with pytest.raises(ValueError, match=f'config.py: {message}'):
        filled(read(text=f'{VARIABLES}{text}\n'))


def test_a_palette_of_ones_own_stays(read):
    assert filled(read(text=f'{VARIABLES}palette = [[1, 2, 3]] * 3\n')).palette == [[1, 2, 3]] * 3


def test_a_length_beside_that_of_the_variable_is_an_error(read):
    message = 'config.py: train_cfg.max_iters=2 has no effect, because iterations = 400 is the length of the training'
    with pytest.raises(ValueError, match=message):
        filled(read(text=f'{VARIABLES}train_cfg = dict(max_iters=2)\n'))
    assert filled(read(text=f'{VARIABLES}train_cfg = dict(max_iters=400)\n')).train_cfg.max_iters == 400


def test_labels_of_any_format_with_classes_of_the_config(read):
    source = {'format': 'canonical', 'path': 'weak_labels.json'}
    cfg = filled(read(text=f'{VARIABLES}classes = {list(CLASSES)}\nweak_labels = [{source}]\n'))
    assert cfg.train_dataloader.dataset.weak_labels == [source]


def test_a_schedule_of_ones_own_without_an_end(read):
    text = f"{VARIABLES}param_scheduler = [dict(type='MultiStepLR', milestones=[300], by_epoch=False)]\n"
    cfg = filled(read(text=text))
    assert (cfg.param_scheduler[0].milestones, cfg.train_cfg.max_iters) == ([300], 400)
