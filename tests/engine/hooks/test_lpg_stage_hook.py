"""Three rounds of generators and segmentors, killed and started again, and what does not go together."""

import copy
import itertools
import json
import logging
import re
from pathlib import Path

import numpy as np
import pytest
import torch
from mmengine.config import Config, ConfigDict
from mmengine.registry import RUNNERS
from mmengine.runner import Runner
from mmseg.registry import TASK_UTILS
from PIL import Image

from mmseg_wsss.checkpoints.network import plain_config, trained_network
from mmseg_wsss.cli.main import main
from mmseg_wsss.datasets.pseudo_label_files import read_index
from mmseg_wsss.engine.hooks import LPGStageHook
from mmseg_wsss.engine.stages import StageContext, StagedRunner
from mmseg_wsss.engine.stages.config import listed_stages
from mmseg_wsss.labelling.generator_masks import (
    GeneratorSettings,
    generator_label,
    of_classes,
    reading_pipeline,
    write_generator_labels,
)
from tests.helpers.killing import KilledError, KillInStageHook

CONFIGS = Path(__file__).parents[3] / 'configs'
numbers = itertools.count()


def demo(work_dir, name='hourglass_shapes_boxes', only=None, **settings):
    """The demo, two iterations for each training, with other settings of its stages."""
    cfg = Config.fromfile(CONFIGS / f'lpg/{name}.py')
    cfg.work_dir = str(work_dir)
    cfg.log_level = 'ERROR'
    for drawn in cfg.stages.before:
        drawn.task.num_images = 4
    short = {'train_cfg': {'max_iters': 2}, 'default_hooks': {'checkpoint': {'interval': 1}}}
    cfg.merge_from_dict({**short, 'train_dataloader': {'batch_size': 2}, 'val_dataloader': None})
    cfg.merge_from_dict({'val_cfg': None, 'val_evaluator': None, 'model.backbone.base_channels': 4})
    cfg.model.decode_head.in_channels = 8
    small = {'channels': (4, 4), 'units': (1, 1), 'stem_channels': 4, 'out_channels': 4}
    cfg.stages.generator.update(
        **copy.deepcopy(short),
        log_level='ERROR',
        train_dataloader={'batch_size': 2, 'dataset': {'dataset': {'num_images': 4}}},
        model={'backbone': small, 'decode_head': {'in_channels': 4, 'channels': 4}},
    )
    cfg.stages.update(settings)
    listed = listed_stages(cfg)  # each with a hook that ends the process
    for name in (name for name in listed if name.startswith('generator')):
        listed[name]['custom_hooks'].append({'type': 'KillInStageHook'})
    cfg.stages = ConfigDict(listed)
    if only:
        cfg.only = only
    return cfg


def train(cfg):
    return RUNNERS.build(cfg).train()


@pytest.fixture(scope='module')
def finished(tmp_path_factory):
    work_dir = tmp_path_factory.mktemp('lpg') / 'whole'
    return work_dir, train(demo(work_dir))


def renamed(cfg):
    """A Runner of a config that has run in this process: mmengine keeps one logger and visualizer of each name."""
    cfg.experiment_name = cfg.visualizer.name = f'again_{next(numbers)}'
    return Runner.from_cfg(cfg)


def weights(path):
    return torch.load(path, weights_only=False)['state_dict']


def boxes_of(finished, which='target'):
    return {
        'type': 'WeakSegDataset',
        'data_root': str(finished[1][which]),
        'weak_labels': 'weak_labels.json',
        'data_prefix': {'img_path': 'images', 'seg_map_path': 'masks'},
        'img_suffix': '.png',
    }


def test_the_whole_chain(finished, capsys):
    work_dir, results = finished
    for k in (1, 2, 3):
        meta = torch.load(results[f'generator_{k}'], weights_only=False)['meta']
        assert (meta['lpg_stage'], meta['lpg_in_channels']) == (k, 5)
        source = read_index(results[f'masks_{k}']).source
        assert source['generator'] == str(results[f'generator_{k}'])
        assert source['partner'] == str(results[f'segmentor_{k - 1}'])
        assert source['round'] == k
        config = Config.fromfile(results[f'generator_{k}'].parent / f'generator_{k}.py')
        assert config.load_from == (str(results[f'generator_{k - 1}']) if k > 1 else None)
    first = Config.fromfile(results['auxiliary_segmentor_1'].parent / 'auxiliary_segmentor_1.py')
    assert first.load_from == str(results['auxiliary_segmentor_0'])
    assert first.train_dataloader.dataset.label_root == str(results['auxiliary_masks_1'])
    target = {'star', 'ring', 'cross'}
    classes = read_index(results['boxes']).classes
    for folder in ('boxes', 'masks_1', 'masks_3'):
        for path in (results[folder] / 'masks').glob('*.png'):
            with Image.open(path) as image:
                values = set(np.unique(image).tolist())
            assert {classes[value] for value in values} <= {'background', *target}
    assert not [key for key in weights(results['generator_2']) if 'partner' in key]
    scores = json.loads((work_dir / results['scores'].name / 'stage.json').read_text())['result']['returned']
    assert {'boxes/mIoU', 'grabcut/mIoU', 'masks_1/mIoU', 'masks_3/IoU.background'} <= set(scores)
    assert main(['report', str(work_dir)]) == 0
    printed = capsys.readouterr().out
    assert re.search(r'_generator_3 +iter_2.pth', printed)
    assert f'boxes/mIoU {scores["boxes/mIoU"]}' in printed
    for name in ('auxiliary_segmentor_0', 'segmentor_3'):  # every stage logs into its own folder
        assert list(results[name].parent.glob('*/vis_data/config.py'))


def test_killed_in_the_second_e_step(finished, tmp_path):
    work_dir = tmp_path / 'cut'
    chosen = ['auxiliary', 'val', 'auxiliary_boxes', 'auxiliary_segmentor_0', 'generator_1', 'auxiliary_masks_1']
    chosen += ['auxiliary_segmentor_1', 'generator_2', 'auxiliary_masks_2']
    KillInStageHook.at = ('generator_2', 1)
    with pytest.raises(KilledError):
        train(demo(work_dir, only=chosen))
    results = train(demo(work_dir, only=chosen))
    assert "'generator_2' resumes from" in (work_dir / 'stages.log').read_text()
    for name in ('generator_1', 'auxiliary_segmentor_1', 'generator_2'):
        first, second = weights(results[name]), weights(finished[1][name])
        assert [key for key, value in first.items() if not torch.equal(value, second[key])] == [], name
    for path in (results['auxiliary_masks_2'] / 'masks').glob('*.png'):
        assert path.read_bytes() == (finished[1]['auxiliary_masks_2'] / 'masks' / path.name).read_bytes()


def test_first_round_as_published(finished, tmp_path):
    only = ['auxiliary', 'target', 'generator_1', 'masks_1']
    cfg = demo(tmp_path / 'code', only=only, first_reads_segmentor=False)
    assert not {'auxiliary_boxes', 'auxiliary_segmentor_0', 'boxes', 'segmentor_0'} & set(cfg.stages)
    assert cfg.stages.segmentor_1.load_from is None
    results = train(cfg)
    meta = torch.load(results['generator_1'], weights_only=False)['meta']
    assert (meta['lpg_stage'], meta['lpg_in_channels']) == (1, 4)
    assert read_index(results['masks_1']).source['partner'] is None


def test_generators_on_other_data(finished, tmp_path):
    """From the checkpoint alone, or from its folder, with one's own data and partner."""
    _, results = finished
    folder = results['generator_2'].parent
    for source in (folder, {'checkpoint': str(results['generator_2']), 'config': str(folder / 'generator_2.py')}):
        summary = write_generator_labels(
            source,
            boxes_of(finished),
            tmp_path / 'out',
            GeneratorSettings(round=2, unsure=0.1),
            partner=str(results['segmentor_1']),
        )
        assert (summary['images'], summary['round']) == (4, 2)


def test_generators_of_another_run_by_the_name_of_their_stage(finished, tmp_path):
    cfg = demo(tmp_path / 'use')
    cfg.stages = {
        'type': 'LPGStages',
        'generators': str(finished[0]),
        'first_reads_segmentor': True,
        'before': [{'name': name, **cfg.stages[name]} for name in ('target', 'val')],
        'target': {'dataset': cfg.stages.masks_1.task.dataset},
    }
    cfg.only = ['target', 'val', 'boxes', 'segmentor_0', 'masks_1']
    results = train(cfg)
    rounds = [f'{kind}_{k}' for k in (1, 2, 3) for kind in ('masks', 'segmentor')]
    assert list(StagedRunner.from_cfg(cfg).stages) == ['target', 'val', 'boxes', 'segmentor_0', *rounds]
    source = read_index(results['masks_1']).source
    assert (source['generator'], source['round']) == (str(finished[1]['generator_1']), 1)
    before = (results['masks_1'] / 'stage.json').read_bytes()
    assert train(cfg)['masks_1'] == results['masks_1']
    assert (results['masks_1'] / 'stage.json').read_bytes() == before
    cfg.stages.generators = str(tmp_path / 'none')
    cfg.work_dir = str(tmp_path / 'other')
    message = rf"'masks_1' needs the result of stage 'generator_1' of {tmp_path}/none, which is not finished: run that"
    with pytest.raises(ValueError, match=message):
        train(cfg)
    assert not list((tmp_path / 'other').glob('0*'))


def test_cut_labels_go_on(finished, tmp_path, monkeypatch):
    generator, partner = (str(finished[1][name]) for name in ('generator_2', 'segmentor_1'))
    settings = {'generator': generator, 'dataset': boxes_of(finished), 'partner': partner, 'unsure': 0.1}
    task = TASK_UTILS.build({'type': 'WriteGeneratorLabels', **settings})
    contexts = [StageContext('masks', tmp_path, None, logging.getLogger('test'), resumed) for resumed in (False, True)]
    expected = task.run(contexts[0])
    whole = {path: path.read_bytes() for path in tmp_path.rglob('*.*')}
    next((tmp_path / 'confidence').iterdir()).write_bytes(b'half')
    made = []
    monkeypatch.setattr(
        'mmseg_wsss.labelling.generator_masks.generator_label',
        lambda *args, **settings: made.append(args) or generator_label(*args, **settings),
    )
    assert task.run(contexts[1]) == expected
    assert {path: path.read_bytes() for path in tmp_path.rglob('*.*')} == whole
    assert len(made) == 1


@pytest.mark.parametrize(
    ('change', 'error', 'message'),
    [
        ({'round': 1}, ValueError, 'is the generator of round 2, expected round 1'),
        ({'partner': None}, ValueError, 'reads the probability of the class: give partner'),
        ({'generator': 'segmentor_1'}, TypeError, 'is a WeakEncoderDecoder, expected a checkpoint of a MaskGenerator'),
        (
            {'partner': 'generator_1'},
            ValueError,
            r'trained on 2 classes \(background, object.*the boxes have 7 ',
        ),
        ({'generator': 'gone.pth'}, FileNotFoundError, 'no checkpoint at gone.pth'),
        ({'rule': 'last'}, ValueError, "expected a rule of overlap, first and unsure.*got 'last'"),
        ({'unsure': 0.5}, ValueError, r'unsure in \[0, 0.5\), got .* 0.5'),
    ],
)
def test_what_does_not_go_together(finished, tmp_path, change, error, message):
    settings = {'generator': 'generator_2', 'partner': 'segmentor_1', **change}
    for key in ('generator', 'partner'):
        settings[key] = str(finished[1].get(settings[key], settings[key])) if settings[key] else None
    task = {'type': 'WriteGeneratorLabels', 'dataset': boxes_of(finished), **settings}
    context = StageContext('masks', tmp_path / 'out', None, logging.getLogger('test'))
    with pytest.raises(error, match=message):
        TASK_UTILS.build(task).run(context)


def test_boxes_of_the_background_are_named(finished, tmp_path):
    labels = json.loads((finished[1]['target'] / 'weak_labels.json').read_text())
    labels['images'][2]['boxes'][0]['class'] = 0
    (tmp_path / 'labels.json').write_text(json.dumps(labels))
    boxes = {**boxes_of(finished), 'weak_labels': str(tmp_path / 'labels.json')}
    partner = str(finished[1]['segmentor_0'])
    with pytest.raises(ValueError, match=rf'{labels["images"][2]["file_name"]} has a box of class 0, the background'):
        write_generator_labels(str(finished[1]['generator_1']), boxes, tmp_path / 'out', partner=partner)
    assert not (tmp_path / 'out').exists()


def test_checkpoints_of_other_rounds_are_refused(finished, tmp_path):
    folder = finished[1]['generator_2'].parent
    cfg = Config.fromfile(folder / 'generator_2.py')
    cfg.update(work_dir=str(tmp_path), load_from=str(finished[1]['generator_3']), resume=False)
    with pytest.raises(ValueError, match='is the generator of round 3, expected round 1 or round 2'):
        renamed(cfg).train()
    cfg.model.use_probability = False
    with pytest.raises(ValueError, match='LPGStageHook has a partner, but MaskGenerator does not read the probability'):
        renamed(cfg).train()
    cfg.model.use_probability = True
    cfg.load_from = None
    partner = torch.load(cfg.custom_hooks[1].partner, weights_only=False)
    partner['meta']['dataset_meta']['classes'] = ('background', *'abcdef')
    torch.save(partner, tmp_path / 'other.pth')
    cfg.custom_hooks[1].partner = str(tmp_path / 'other.pth')
    with pytest.raises(ValueError, match=r'other.pth was trained on 7 classes \(background, a, b, c, ...\)'):
        renamed(cfg).train()
    cfg.custom_hooks[1].partner = None
    with pytest.raises(ValueError, match='LPGStageHook has no partner, but the generator reads'):
        renamed(cfg).train()
    cfg.custom_hooks[1].update(round=1)
    cfg.model.use_probability = False
    cfg.load_from = str(finished[1]['generator_1'])
    with pytest.raises(ValueError, match='holds a generator of 5 input channels.*expected 4'):
        renamed(cfg).train()
    with pytest.raises(ValueError, match='round must be from 1 to num_rounds=3, got 4'):
        LPGStageHook(round=4, num_rounds=3)
    with pytest.raises(TypeError, match='LPGStageHook needs round and num_rounds'):
        LPGStageHook(1)
    with pytest.warns(FutureWarning, match='the old names go with the next release'):
        hook = LPGStageHook(stage=2, num_stages=3)
    assert (hook.round, hook.num_rounds) == (2, 3)


def test_a_generator_alone_is_tested_beside_its_partner(finished, tmp_path):
    cfg = Config.fromfile(finished[1]['generator_2'].parent / 'generator_2.py')
    cfg.update(work_dir=str(tmp_path), load_from=str(finished[1]['generator_2']), resume=False)
    samples = copy.deepcopy(cfg.train_dataloader.dataset)
    samples.update(test_mode=True, indices=2)
    samples.pipeline = [step for step in samples.pipeline if step['type'] not in ('WeakClassCrop', 'WeakRandomFlip')]
    cfg.test_dataloader = {'dataset': samples, 'sampler': {'type': 'DefaultSampler', 'shuffle': False}}
    cfg.test_cfg = {'type': 'TestLoop'}
    cfg.test_evaluator = {'type': 'IoUMetric'}
    runner = renamed(cfg)
    assert 0 <= runner.test()['mIoU'] <= 100
    expected = weights(finished[1]['auxiliary_segmentor_1'])
    partner = runner.model.partner.state_dict()
    assert all(torch.equal(value, partner[key]) for key, value in expected.items())


def test_sources_of_networks(finished, tmp_path):
    with pytest.raises(TypeError, match='expected a checkpoint or dict'):
        trained_network({'config': 'x.py'})
    bare = {'state_dict': weights(finished[1]['generator_1'])}
    torch.save(bare, tmp_path / 'bare.pth')
    with pytest.raises(ValueError, match='does not hold the config of its network: give dict'):
        trained_network(tmp_path / 'bare.pth')
    torch.save({**bare, 'meta': {'cfg': 'model = dict(type=open("x", "w"))'}}, tmp_path / 'code.pth')
    with pytest.raises(ValueError, match=r'code.pth is not plain settings \(line 1: .*code from a .* is not run'):
        trained_network(tmp_path / 'code.pth')
    with pytest.raises(ValueError, match='expected name = value, got import os'):
        plain_config('import os')
    with pytest.raises(ValueError, match='line 2: expected plain settings'):
        plain_config('a = 1\nb = dict([1], **{})')
    written = {'b': {'a-b': [1, (2.5, None)], 'c': {'d': -1}}, 'e': 'x' * 200}
    assert plain_config(Config(written).dump()).to_dict() == written
    with pytest.raises(ValueError, match='test_pipeline of the generator must load an image but no labels'):
        reading_pipeline(Config({'test_pipeline': [{'type': 'LoadImageFromFile'}]}))
    with pytest.raises(ValueError, match='a box has class 3, but the partner has 3 classes'):
        of_classes(torch.zeros(3, 2, 2), (1, 3))
    cut = tmp_path / '01_cut'
    cut.mkdir()
    (cut / 'iter_1.pth').write_bytes(finished[1]['generator_1'].read_bytes())
    (cut / 'stage.json').write_text('{"done": false}')
    with pytest.raises(ValueError, match=r'the training in .*/01_cut is not finished: finish it first, or name'):
        trained_network(cut)
    assert trained_network(cut / 'iter_1.pth')[0].in_channels == 5
    model, _, _ = trained_network(finished[1]['generator_1'])
    assert not model.training
    assert not any(p.requires_grad for p in model.parameters())
