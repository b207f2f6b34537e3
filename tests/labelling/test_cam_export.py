"""Class activation maps of a trained network: views, tags, files and scores."""

import copy
import json
import re
import shutil
from pathlib import Path

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from mmengine.config import Config
from mmengine.dataset import Compose
from mmseg.registry import DATASETS, MODELS
from torch import nn

from mmseg_wsss.cli.main import main
from mmseg_wsss.datasets.cam_files import read_cam_index, read_cams
from mmseg_wsss.datasets.shapes_drawing import CLASSES, PALETTE
from mmseg_wsss.engine.stages import StagedRunner
from mmseg_wsss.evaluation.metrics import ContourFScore
from mmseg_wsss.functional import cam_label_probs, normalised_cams
from mmseg_wsss.labelling.cam_export import make_cams, mean_probs, view_pipeline, write_cam_folder
from mmseg_wsss.labelling.cam_overlays import write_cam_overlays
from mmseg_wsss.labelling.cam_threshold_sweep import CAMSettings, threshold_labels
from mmseg_wsss.labelling.images import prediction_dataset
from mmseg_wsss.labelling.mask_accuracy import MaskScores
from mmseg_wsss.labelling.refined_cams import full_size_cams
from tests.helpers.models import model_config
from tests.helpers.same_files import assert_same_files
from tests.helpers.trained import training_config

ROOT = Path(__file__).parents[2]
HEAD = {'type': 'CAMHead', 'in_channels': 64, 'num_classes': 7}
SHAPES = {'type': 'ShapesDataset', 'size': (40, 56), 'seed': 3, 'num_images': 4}
READ = [{'type': 'LoadShapesImage', 'with_mask': True}, {'type': 'PackSegInputs'}]
TRAIN = [
    {'type': 'LoadShapesImage'},
    {'type': 'LoadWeakAnnotations'},
    {'type': 'WeakRandomCrop', 'crop_size': (32, 32)},
    {'type': 'RasterizeWeakAnnotations'},
    {'type': 'PackWeakSegInputs'},
]
ONE_VIEW = {'scales': (1.0,), 'flip': False}
DECISION = {'type': 'TagDecision', 'pooling': {'type': 'MaxProbPooling'}, 'score_threshold': 0.15}


def config(tmp_path, **decision):
    losses = {'loss_tags': {'type': 'ImportanceSamplingLoss'}}
    model = model_config(HEAD, losses, num_classes=7, decision={**DECISION, **decision})
    data = [{**SHAPES, 'labels': labels, 'pipeline': pipeline} for labels, pipeline in ((['tags'], TRAIN), ([], READ))]
    evaluator = {'type': 'ContourFScore', 'split': 'test'}
    return training_config(tmp_path / 'work', model, *data, test_evaluator=evaluator)


def saved(tmp_path, cfg, sharpness=40.0):
    """The checkpoint of a network whose maps are not flat."""
    torch.manual_seed(0)
    model = MODELS.build(cfg.model)
    model.init_weights()
    model.decode_head.conv_seg.weight.data.mul_(sharpness)
    meta = {'dataset_meta': {'classes': CLASSES, 'palette': PALETTE}}
    torch.save({'state_dict': model.state_dict(), 'meta': meta}, tmp_path / 'net.pth')
    return tmp_path / 'net.pth', model.eval()


@pytest.fixture
def trained(tmp_path):
    cfg = config(tmp_path)
    return cfg, *saved(tmp_path, cfg)


def infos(cfg):
    dataset = DATASETS.build({**cfg.train_dataloader.dataset, 'pipeline': []})
    return [dataset.get_data_info(index) for index in range(len(dataset))]


def truths(cfg):
    read = Compose(READ)
    return [read(copy.deepcopy(info))['data_samples'].gt_sem_seg.data[0].long() for info in infos(cfg)]


class Pixels(nn.Module):
    """Features of a pixel are its channels: nothing depends on where it lies or how large the image is."""

    def forward(self, x):
        return (x,)


def pixel_model():
    head = {**HEAD, 'in_channels': 3, 'num_classes': 4, 'align_corners': False}
    torch.manual_seed(1)
    return MODELS.build(
        model_config(
            head,
            {'loss_tags': {'type': 'ImportanceSamplingLoss'}},
            num_classes=4,
            backbone={'type': Pixels},
            decision=DECISION,
        )
    ).eval()


def views_of(cfg, scales, flip, index=0):
    return view_pipeline(Compose(READ).transforms, scales, flip=flip)(copy.deepcopy(infos(cfg)[index]))


def test_views_are_all_sizes_and_mirrored(trained):
    data = views_of(trained[0], (0.5, 1.0, 2.0), True)
    shapes = [(sample.img_shape, sample.flip) for sample in data['data_samples']]
    assert shapes == [((h, w), flip) for h, w in [(20, 28), (40, 56), (80, 112)] for flip in (False, True)]
    assert all(sample.ori_shape == (40, 56) for sample in data['data_samples'])
    plain, mirrored = data['inputs'][2:4]
    assert torch.equal(mirrored, plain.flip(2))
    assert len(views_of(trained[0], (1.0,), False)['inputs']) == 1
    shrinking = Compose([READ[0], {'type': 'Resize', 'scale_factor': 0.5, 'keep_ratio': True}, *READ[1:]]).transforms
    half = view_pipeline(shrinking, (1.0, 2.0, 4.0), flip=True)(copy.deepcopy(infos(trained[0])[0]))
    assert all(torch.equal(view, same) for view, same in zip(half['inputs'], data['inputs'], strict=True))
    squeezing = {'type': 'Resize', 'scale_factor': (0.5, 0.25), 'keep_ratio': False}
    squeezed = view_pipeline(Compose([READ[0], squeezing, READ[1]]).transforms, (1.0, 2.0), flip=False)
    shapes = [sample.img_shape for sample in squeezed(copy.deepcopy(infos(trained[0])[0]))['data_samples']]
    assert shapes == [(10, 28), (20, 56)]
    with pytest.raises(ValueError, match='must end with PackSegInputs, got LoadShapesImage'):
        view_pipeline(Compose(READ[:1]).transforms, (1.0,), flip=True)


def test_mirrored_views_are_averaged_where_they_belong(trained):
    """A network that looks at pixels alone says the same of an image and its mirror image."""
    model = pixel_model()
    _, plain, _ = mean_probs(model, views_of(trained[0], (1.0,), False), [1, 3])
    _, both, _ = mean_probs(model, views_of(trained[0], (1.0,), True), [1, 3])
    torch.testing.assert_close(both, plain)
    assert plain.std(dim=(1, 2)).min() > 0.01


def test_mean_of_the_views_by_hand(trained):
    cfg, _, model = trained
    scales, tags = (0.5, 1.5), [2, 5]
    data = views_of(cfg, scales, True)
    classes, probs, photo = mean_probs(model, data, tags)
    assert (classes, photo) == ([2, 5], None)
    parts = []
    for inputs, sample in zip(data['inputs'], data['data_samples'], strict=True):
        ready = model.data_preprocessor({'inputs': [inputs], 'data_samples': [sample]}, False)
        with torch.no_grad():
            logits = model.decode_head(model.extract_feat(ready['inputs']))
        soft = F.interpolate(logits.softmax(1), inputs.shape[1:], mode='bilinear', align_corners=False)
        soft = soft.flip(3) if sample.flip else soft
        soft = F.interpolate(soft, (40, 56), mode='bilinear', align_corners=False)[0]
        parts.append(torch.stack([soft[c] / (soft[0] + soft[2] + soft[5]) for c in (0, 2, 5)]))
    torch.testing.assert_close(probs, sum(parts) / 4, rtol=1e-4, atol=1e-6)
    torch.testing.assert_close(probs.sum(0), torch.ones(40, 56))


def test_unknown_tags_are_those_that_any_view_finds(trained):
    cfg, _, model = trained
    data = views_of(cfg, (0.5, 1.0), True)
    with torch.no_grad():
        samples = [
            model.test_step({'inputs': [inputs], 'data_samples': [copy.deepcopy(sample)]})[0]
            for inputs, sample in zip(data['inputs'], data['data_samples'], strict=True)
        ]
    scores = torch.stack([sample.class_scores for sample in samples])
    model.decision.score_threshold = float(scores.amax(0).median()) - 1e-6
    classes, probs, _ = mean_probs(model, data, None)
    assert classes == [index + 1 for index in range(6) if scores[:, index].max() > model.decision.score_threshold]
    assert 0 < len(classes) < 6
    assert probs.shape[0] == len(classes) + 1
    model.decision.score_threshold = 0.0
    assert mean_probs(model, data, None)[0] == [1, 2, 3, 4, 5, 6]
    model.decision.score_threshold = 1.0
    assert mean_probs(model, data, None)[0] == []
    model.decision = MODELS.build({'type': 'ArgmaxDecision'})
    classes, argmax, _ = mean_probs(model, data, None)
    assert classes == [1, 2, 3, 4, 5, 6]
    torch.testing.assert_close(argmax[1:].argmax(0), mean_probs(model, data, classes)[1][1:].argmax(0))


def test_written_maps_are_normalised_and_a_quarter_of_the_size():
    probs = torch.rand(3, 41, 55).softmax(0)
    cams = make_cams([2, 4], probs)
    assert (cams.size, cams.scores.shape) == ((41, 55), (2, 11, 14))
    small = F.interpolate(probs[None, 1:], (11, 14), mode='bilinear', align_corners=False)
    assert np.abs(cams.scores - normalised_cams(small)[0].numpy()).max() < 1e-3
    assert ((cams.scores > 0).sum(0) == 1).all()
    overlapping = make_cams([2, 4], probs, winner_takes_all=False)
    assert ((overlapping.scores > 0).sum(0) == 2).all()
    assert make_cams([], probs[:1]).scores.shape == (0, 11, 14)


def test_folder_holds_maps_of_the_known_classes(trained, tmp_path):
    cfg, checkpoint, model = trained
    before = cfg.to_dict()
    summary = write_cam_folder(cfg, checkpoint, tmp_path / 'out', CAMSettings(known_tags=True, **ONE_VIEW))
    assert summary == {'images': 4, 'split': 'train'}
    assert cfg.to_dict() == before
    index = read_cam_index(tmp_path / 'out')
    assert index.classes[0] == 'background'
    assert (index.source['known_tags'], index.source['scales']) == (True, [1.0])
    for key, info, truth in zip(index.images, infos(cfg), truths(cfg), strict=True):
        cams = read_cams(tmp_path / 'out', key)
        assert cams.classes.tolist() == sorted(set(truth.unique().tolist()) - {0, 255})
        assert cams.size == (40, 56)
        _, probs, _ = mean_probs(model, views_of(cfg, (1.0,), False, index=int(key[-4:])), cams.classes)
        assert np.abs(cams.scores - make_cams(cams.classes.tolist(), probs).scores).max() < 2e-3
        assert info['weak_annotations'].image_tags()


def by_metric(cfg, labels):
    metric = ContourFScore()
    metric.dataset_meta = {'classes': infos_classes(cfg)}
    samples = [
        {'pred_sem_seg': {'data': one[None]}, 'gt_sem_seg': {'data': truth[None]}}
        for one, truth in zip(labels, truths(cfg), strict=True)
    ]
    metric.process({}, samples)
    found = metric.compute_metrics(metric.results)
    return found['mIoU'], found['contour_F']


def infos_classes(cfg):
    return DATASETS.build({**cfg.train_dataloader.dataset, 'pipeline': []}).metainfo['classes']


def test_scores_are_those_of_the_metric_and_say_how_they_were_reached(trained, tmp_path):
    cfg, checkpoint, model = trained
    settings = CAMSettings(known_tags=True, evaluate=True, thresholds=(0.2, 0.5, 0.8), alphas=(1.0, 4.0), **ONE_VIEW)
    summary = write_cam_folder(cfg, checkpoint, tmp_path / 'out', settings)
    name = 'cam_train_known_tags_1_view'
    assert all(key.startswith(name) for key in list(summary)[2:])
    keys = read_cam_index(tmp_path / 'out').images
    files = [read_cams(tmp_path / 'out', key) for key in keys]
    for alpha in (1, 4):
        labels = []
        for cams in files:
            soft = cam_label_probs(full_size_cams(cams), alpha=alpha)[0].argmax(0)
            labels.append(torch.tensor([0, *cams.classes])[soft])
        expected = by_metric(cfg, labels)
        found = [summary[f'{name}/alpha_{alpha}/{kind}'] for kind in ('mIoU', 'contour_F')]
        assert found == pytest.approx(expected, abs=0.02)
    best = summary[f'{name}/best_threshold']
    sweep = {t: summary[f'{name}/threshold_{t:.2f}/mIoU'] for t in settings.thresholds}
    assert sweep[best] == max(sweep.values())
    expected = by_metric(cfg, [threshold_labels(cams, best) for cams in files])
    assert [summary[f'{name}/best/{kind}'] for kind in ('mIoU', 'contour_F')] == pytest.approx(expected, abs=0.02)
    assert summary[f'{name}/threshold_0.50/mIoU'] == pytest.approx(summary[f'{name}/alpha_1/mIoU'], abs=0.02)
    labels = []
    for index, cams in enumerate(files):
        _, probs, _ = mean_probs(model, views_of(cfg, (1.0,), False, index), cams.classes)
        labels.append(torch.tensor([0, *cams.classes])[probs.argmax(0)])
    expected = by_metric(cfg, labels)
    assert [summary[f'{name}/argmax/{kind}'] for kind in ('mIoU', 'contour_F')] == pytest.approx(expected, abs=0.1)
    assert read_cam_index(tmp_path / 'out').source[f'{name}/best_threshold'] == best


class Half(nn.Module):
    """A refiner that makes all masks equal, the background a little higher."""

    def forward(self, masks, image):
        assert image.shape == (1, 3, 40, 56)
        return torch.ones_like(masks).index_fill(1, torch.tensor([0]), 2.0)


def test_refined_labels_have_a_name_of_their_own(tmp_path):
    cfg = config(tmp_path, refiner={'type': Half})
    checkpoint, _ = saved(tmp_path, cfg)
    settings = CAMSettings(evaluate=True, split='test', scales=(0.5, 1.0), thresholds=(0.5,), alphas=(2,))
    summary = write_cam_folder(cfg, checkpoint, tmp_path / 'out', settings)
    background = by_metric(cfg, [torch.zeros(40, 56, dtype=torch.long)] * 4)
    for way in ('argmax', 'alpha_2'):
        found = [summary[f'cam_test_predicted_tags_4_views_Half/{way}/{kind}'] for kind in ('mIoU', 'contour_F')]
        assert found == pytest.approx(background, abs=0.02)
    assert summary['cam_test_predicted_tags_4_views/argmax/mIoU'] != pytest.approx(background[0], abs=0.02)


def test_images_without_a_class_are_background(trained, tmp_path):
    cfg, checkpoint, _ = trained
    cfg.model.decision.score_threshold = 1.0
    summary = write_cam_folder(cfg, checkpoint, tmp_path / 'out', CAMSettings(evaluate=True, **ONE_VIEW))
    background = by_metric(cfg, [torch.zeros(40, 56, dtype=torch.long)] * 4)
    for way in ('argmax', 'alpha_1', 'best'):
        found = [summary[f'cam_train_predicted_tags_1_view/{way}/{kind}'] for kind in ('mIoU', 'contour_F')]
        assert found == pytest.approx(background, abs=0.02)


def test_mask_scores_of_chosen_classes_by_hand():
    scores = MaskScores(4, chosen=[0, 2])
    truth = torch.tensor([[0, 2, 2, 255], [0, 0, 3, 255]])
    labels = torch.tensor([[0, 2, 0, 2], [0, 2, 3, 1]])
    scores.add('a', labels, truth, contours=False)
    assert scores.compute() == {'a/mIoU': pytest.approx(100 * (2 / 4 + 1 / 3) / 2, abs=0.01)}
    with pytest.raises(ValueError, match=r'labels are \(2, 4\) and the true mask a.png \(2, 3\)'):
        scores.add('a', labels, truth[:, :3], source='a.png')


def test_command_prints_the_scores(trained, tmp_path, capsys):
    cfg, checkpoint, _ = trained
    cfg.dump(tmp_path / 'cfg.py')
    command = ['cams', str(tmp_path / 'cfg.py'), str(checkpoint), '-o', str(tmp_path / 'out'), '--scales', '1']
    assert main([*command, '--known-tags', '--evaluate', '--no-flip']) == 0
    printed = capsys.readouterr().out
    assert 'class activation maps of 4 images of train' in printed
    assert re.search(r'^cam_train_known_tags_1_view/best/contour_F: \d+', printed, re.MULTILINE)
    assert main(command) == 2
    assert 'contains files: choose another -o, or overwrite them with --force' in capsys.readouterr().err
    assert main([*command[:2], 'none.pth', '-o', str(tmp_path / 'o')]) == 2
    assert 'no checkpoint at none.pth' in capsys.readouterr().err
    for content in (b'', checkpoint.read_bytes()[:5000]):
        (tmp_path / 'half.pth').write_bytes(content)
        assert main([*command[:2], str(tmp_path / 'half.pth'), '-o', str(tmp_path / 'o')]) == 2
        assert 'half.pth cannot be read as a checkpoint' in capsys.readouterr().err
    cfg.model.decision = None
    cfg.dump(tmp_path / 'cfg.py')
    assert main([*command, '--force']) == 2
    assert 'set model.decision=' in capsys.readouterr().err


def test_as_a_stage(tmp_path):
    cfg = config(tmp_path)
    cfg.runner_type = 'StagedRunner'
    task = {'type': 'WriteCAMs', 'stage': 'cam', 'checkpoint': '{stages.cam}', 'known_tags': True, **ONE_VIEW}
    cfg.stages = {'cam': {}, 'maps': {'task': task}}
    results = StagedRunner.from_cfg(cfg).train()
    assert len(read_cam_index(results['maps']).images) == 4
    assert read_cam_index(results['maps']).source['checkpoint'] == str(results['cam'])


def predictions_counted(monkeypatch, die_after=None):
    """Count the images that are predicted; the process ends before one of them."""
    counted = []

    def counting(*args):
        if len(counted) == die_after:
            raise KeyboardInterrupt
        counted.append(args)
        return mean_probs(*args)

    monkeypatch.setattr('mmseg_wsss.labelling.cam_export.mean_probs', counting)
    return counted


@pytest.mark.parametrize('evaluate', [False, True])
def test_a_cut_stage_goes_on(tmp_path, monkeypatch, evaluate):
    cfg = config(tmp_path, score_threshold=0.0)
    cfg.runner_type = 'StagedRunner'
    task = {'type': 'WriteCAMs', 'stage': 'cam', 'checkpoint': '{stages.cam}', 'evaluate': evaluate, **ONE_VIEW}
    cfg.stages = {'cam': {}, 'maps': {'task': task}}
    cfg.work_dir = str(tmp_path / 'cut')
    predictions_counted(monkeypatch, die_after=2)
    with pytest.raises(KeyboardInterrupt):
        StagedRunner.from_cfg(cfg).train()
    shutil.copytree(tmp_path / 'cut', tmp_path / 'whole')
    keys = sorted(path.stem for path in (tmp_path / 'cut/02_maps/cams').iterdir())
    assert keys == ['shapes_00000', 'shapes_00001']
    half = tmp_path / 'cut/02_maps/cams/shapes_00001.npz'
    half.write_bytes(half.read_bytes()[:-40])
    counted = predictions_counted(monkeypatch)
    StagedRunner.from_cfg(cfg).train()
    assert len(counted) == (4 if evaluate else 3)
    log = (tmp_path / 'cut/stages.log').read_text()
    assert "stage 2/2 'maps' resumes, in" in log
    assert ('1 of 4 images were finished before the interruption and are kept' in log) != evaluate
    # the same from the beginning
    cfg.work_dir = str(tmp_path / 'whole')
    shutil.rmtree(tmp_path / 'whole/02_maps')
    StagedRunner.from_cfg(cfg).train()
    found, expected = (tmp_path / name / '02_maps' for name in ('cut', 'whole'))
    markers = [json.loads((folder / 'stage.json').read_text()) for folder in (found, expected)]
    assert markers[0]['result']['returned'] == markers[1]['result']['returned']
    assert ('cam_train_predicted_tags_1_view/best/mIoU' in markers[0]['result']['returned']) == evaluate
    indices = [(folder / 'cams.json').read_text().replace('/cut/', '/whole/') for folder in (found, expected)]
    assert indices[0] == indices[1]
    for key in read_cam_index(expected).images:
        cams = [read_cams(folder, key) for folder in (found, expected)]
        assert np.array_equal(cams[0].scores, cams[1].scores)
        assert cams[0].classes.tolist() == cams[1].classes.tolist() == [1, 2, 3, 4, 5, 6]
    assert not list(found.rglob('*.tmp'))


def test_maps_written_over_and_cut_do_not_look_finished(trained, tmp_path, monkeypatch):
    cfg, checkpoint, _ = trained
    write_cam_folder(cfg, checkpoint, tmp_path / 'out', CAMSettings(**ONE_VIEW))
    read_cam_index(tmp_path / 'out')
    monkeypatch.setattr('mmseg_wsss.labelling.cam_export.make_cams', lambda *args, **kwargs: 1 / 0)
    with pytest.raises(ZeroDivisionError):
        write_cam_folder(cfg, checkpoint, tmp_path / 'out', CAMSettings(**ONE_VIEW))
    with pytest.raises(FileNotFoundError, match='cams.json is missing'):
        read_cam_index(tmp_path / 'out')


def test_scores_are_not_called_known_tags_where_nobody_tagged(trained, tmp_path):
    cfg, checkpoint, _ = trained
    settings = CAMSettings(split='test', known_tags=True, **ONE_VIEW)
    with pytest.raises(
        ValueError, match="none of the 4 images of 'test' has a weak label: set weak_labels of test_dataloa"
    ):
        write_cam_folder(cfg, checkpoint, tmp_path / 'out', settings)
    assert not (tmp_path / 'out').exists()


@pytest.mark.parametrize('name', ['cam_wrn38_voc_tags', 'cam_mbv2_voc_tags', 'cam_shapes_tags'])
def test_validation_images_of_the_recipes_have_tags(name):
    """The published scores of maps are of val with known tags."""
    cfg = Config.fromfile(ROOT / f'configs/importance_sampling/{name}.py')
    for loader in (cfg.val_dataloader, cfg.test_dataloader):
        assert loader.dataset.get('labels') == ['tags'] or loader.dataset.weak_labels[0].tags


def test_other_networks_and_data_are_refused(trained, tmp_path):
    cfg, checkpoint, _ = trained
    meta = {'dataset_meta': {'classes': CLASSES, 'palette': PALETTE}}
    torch.save({'state_dict': {}, 'meta': meta}, tmp_path / 'empty.pth')
    with pytest.raises(ValueError, match=r'empty.pth does not fit \w+: \d+ missing: backbone'):
        write_cam_folder(cfg, tmp_path / 'empty.pth', tmp_path / 'out')
    cfg.test_dataloader.dataset.pipeline[0].with_mask = False
    with pytest.raises(ValueError, match='the test pipeline loads no true masks: put LoadAnnotations into it'):
        write_cam_folder(cfg, checkpoint, tmp_path / 'out', CAMSettings(evaluate=True, **ONE_VIEW))
    cfg.model.decision = None
    with pytest.raises(TypeError, match=r"set model.decision=dict\(type='TagDec"):
        write_cam_folder(cfg, checkpoint, tmp_path / 'out')
    plain = {key: value for key, value in cfg.model.items() if key not in ('losses', 'decision')}
    cfg.model = {**plain, 'type': 'EncoderDecoder'}
    with pytest.raises(TypeError, match='expected a network of type WeakEncoderDecoder, got EncoderDecoder'):
        write_cam_folder(cfg, checkpoint, tmp_path / 'out')
    with pytest.raises(ValueError, match=r'scales must be one or more numbers above 0, got \(0,'):
        CAMSettings(scales=(0, 1))


def test_masks_of_the_test_data_serve_a_split_without_any(tmp_path):
    folder = {'img_path': 'img', 'seg_map_path': 'masks'}
    data = {'type': 'BaseSegDataset', 'metainfo': {'classes': ['a']}, 'data_root': str(tmp_path), 'pipeline': []}
    reader = {'dataset': {**data, 'data_prefix': folder}}
    (tmp_path / 'img').mkdir()
    (tmp_path / 'img/a.jpg').touch()
    cfg = Config(
        {'test_dataloader': reader, 'train_dataloader': {'dataset': {**data, 'data_prefix': {'img_path': 'img'}}}}
    )
    assert prediction_dataset(cfg, 'train', masks=True).data_prefix['seg_map_path'] == str(tmp_path / 'masks')
    assert not prediction_dataset(cfg, 'test').data_prefix.get('seg_map_path')


def test_two_workers_write_the_same_files_and_scores(tmp_path):
    cfg = config(tmp_path, refiner={'type': 'PAMR', 'num_iters': 1, 'dilations': (1,)})
    checkpoint, _ = saved(tmp_path, cfg)
    settings = {'known_tags': True, 'evaluate': True, 'thresholds': (0.2, 0.5), **ONE_VIEW}

    def write(folder, workers):
        summary = write_cam_folder(cfg, checkpoint, folder, CAMSettings(**settings, workers=workers))
        assert write_cam_overlays(cfg, folder, folder, workers=workers) == summary['images']
        return summary

    assert_same_files(write, tmp_path)
