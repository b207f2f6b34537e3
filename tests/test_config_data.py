"""The data of every config builds and gives samples, on made-up miniatures in the layouts of the real data."""

import gc
from collections.abc import Mapping
from pathlib import Path

import numpy as np
import pytest
import torch
from mmengine.config import Config
from mmseg.registry import DATASETS

from mmseg_wsss.datasets.findings import ERROR
from mmseg_wsss.datasets.shapes_dataset import write_shapes
from mmseg_wsss.engine.own_data import fill_own_data, is_own_data
from mmseg_wsss.engine.preflight import audit_training
from mmseg_wsss.engine.stages.config import parse_stages, resolve
from mmseg_wsss.labelling.images import BoxImages, images_with_boxes, prediction_dataset
from mmseg_wsss.models.losses.affinity_loss import AffinityInputs
from mmseg_wsss.models.segmentors.named_losses import build_losses
from mmseg_wsss.structures import LossInputs
from tests.helpers.miniatures import SPLITS, write_labels_of, write_miniatures
from tests.helpers.one_of_each import LABELS, write_own_data

ROOT = Path(__file__).parents[1] / 'configs'
CONFIGS = sorted([*(p for p in ROOT.rglob('*.py') if '_base_' not in p.parts), *ROOT.glob('_base_/datasets/*.py')])
CONFIGS = [path for path in CONFIGS if path.stem != 'two_class_points']  # loaders without a data set
SHAPES = {'num_images': 4, 'size': (96, 96)}


@pytest.fixture(scope='module', autouse=True)
def _little_garbage():
    """Every data set collects garbage: it need not go through all that the imports made, which takes half a second."""
    gc.collect()
    gc.freeze()
    yield
    gc.unfreeze()


@pytest.fixture(scope='module')
def environment(tmp_path_factory):
    return write_miniatures(tmp_path_factory.mktemp('data'))


@pytest.fixture(scope='module')
def seen():
    """The data sets that were built already: stages and sibling configs share many."""
    return set()


@pytest.fixture
def load(environment, tmp_path, monkeypatch):
    """Read a config as its users do, with the miniatures in the environment."""
    monkeypatch.chdir(tmp_path)
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    (tmp_path / 'data').mkdir()
    (tmp_path / 'data/pseudo_labels').symlink_to(environment['PSEUDO_LABEL_ROOT'])

    def read(path):
        cfg = Config.fromfile(path)
        if is_own_data(cfg):
            kinds = ('clicks', 'scribbles', 'masks') if path.stem.startswith('clicks') else tuple(LABELS)
            cfg.data_root = str(write_own_data(tmp_path / 'own', kinds))
            fill_own_data(cfg)
        cfg.work_dir = str(tmp_path)
        return cfg

    return read


def with_few_shapes(value):
    """Return settings in which a few shapes are drawn; other data sets are as large as their files."""
    if isinstance(value, Mapping):
        few = SHAPES if value.get('type') in ('ShapesDataset', 'WriteShapes') else {}
        return {**{key: with_few_shapes(item) for key, item in value.items()}, **few}
    return type(value)(map(with_few_shapes, value)) if isinstance(value, list | tuple) else value


def check_data(cfg, seen):
    """Build the data of a training and of its evaluations, and look at their samples."""
    loaders = {split: cfg.get(f'{split}_dataloader') for split in ('train', 'val', 'test')}
    wanted = {split: loader['dataset'] for split, loader in loaders.items() if loader}
    if cfg.get('tta_pipeline'):
        wanted['tta'] = {**wanted['test'], 'pipeline': cfg['tta_pipeline']}
    for split, settings in wanted.items():
        if repr(settings) in seen:
            continue
        dataset = DATASETS.build(settings)
        samples = [dataset[index]['data_samples'] for index in {0, len(dataset) - 1}]
        if split == 'train':
            assert all(teaches_something(sample) for sample in samples)
            assert unused_labels(cfg, dataset) == []
        elif split == 'tta':
            views = np.prod([len(choices) for choices in cfg['tta_pipeline'][-1]['transforms']])
            assert [len(sample) for sample in samples] == [views] * len(samples)
        else:
            assert all((sample.gt_sem_seg.data != 255).any() for sample in samples)
        seen.add(repr(settings))


def unused_labels(cfg, dataset):
    """What the losses of a config would leave unused of its labels."""
    model = torch.nn.Module()
    if 'model' not in cfg:
        return []
    if cfg.model.get('losses'):
        reads = AffinityInputs if cfg.model.type == 'AffinityNetwork' else LossInputs
        model.losses = build_losses(cfg.model.losses, 'losses', len(dataset.metainfo['classes']), reads=reads)
    findings = [finding for audit in audit_training(model, dataset) for finding in audit.findings()]
    return [str(finding) for finding in findings if finding.level == ERROR]


def teaches_something(sample):
    """Whether a training sample has a labelled pixel, or a tag, a point or a box, be it outside of its crop."""
    kinds = ('gt_tags', 'gt_points', 'gt_boxes')
    return bool((sample.gt_sem_seg.data != 255).any()) or any(len(sample.get(kind, ())) for kind in kinds)


def task_data(task, trainings):
    """Build the data set that a task goes through, as the task does."""
    if task['type'] == 'ScoreLabels':
        return DATASETS.build({**task['dataset'], 'pipeline': [], 'test_mode': True})
    if 'dataset' in task:
        return images_with_boxes(task['dataset'], BoxImages(empty_images=task.get('empty_images', False)))
    return prediction_dataset(trainings[task['stage']], task.get('split', 'train'))


@pytest.mark.parametrize('path', CONFIGS, ids=lambda path: path.relative_to(ROOT).with_suffix('').as_posix())
def test_data(path, load, seen):
    cfg = load(path)
    if 'stages' not in cfg:
        cfg = Config(with_few_shapes(cfg.to_dict()))
        dataset = cfg.get('train_dataloader', {}).get('dataset', {})
        if dataset.get('type') == 'ShapesDataset' and 'label_root' in dataset:
            write_labels_of(DATASETS.build({'type': 'ShapesDataset', **SHAPES}), Path('labels'))
            dataset.label_root = 'labels'
        check_data(cfg, seen)
        return
    trainings, results = {}, {}
    for stage in parse_stages(cfg):
        results.update({other.key: (Path('another'), Path('run')) for other in stage.others})
        settings = Config(with_few_shapes(resolve(stage.config, results)))
        results[stage.name] = (stage.work_dir, stage.work_dir)
        if not stage.is_task:
            trainings[stage.name] = settings
            check_data(settings, seen)
        elif settings.task.type == 'WriteShapes':
            write_shapes(stage.work_dir, **{key: value for key, value in settings.task.items() if key != 'type'})
        else:
            dataset = task_data(settings.task, trainings)
            assert len(dataset) > 0
            write_labels_of(dataset, stage.work_dir)


def test_scribbles_of_voc_are_lines_and_clicks_are_points(load):
    for labels, lines, points in (('scribbles', 2, 0), ('clicks', 0, 2)):
        cfg = load(ROOT / f'gated_crf/deeplabv3plus_r34_voc_{labels}.py')
        dataset = DATASETS.build(cfg.train_dataloader.dataset)
        assert len(dataset) == len(SPLITS['train_aug'])
        for index in range(len(dataset)):
            annotations = dataset.get_data_info(index)['weak_annotations']
            assert (len(annotations.polylines), len(annotations.points)) == (lines, points)
