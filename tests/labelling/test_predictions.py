"""From a checkpoint to labels, and from those to the next network."""

import logging
import math
from pathlib import Path

import numpy as np
import pytest
import torch
from mmengine.config import Config
from mmengine.dataset import pseudo_collate
from mmengine.registry import init_default_scope
from mmengine.runner import Runner
from mmseg.registry import DATASETS, MODELS, TASK_UTILS
from PIL import Image

from mmseg_wsss.cli.main import main
from mmseg_wsss.datasets.pseudo_label_files import read_index
from mmseg_wsss.engine.stages import StageContext, StagedRunner
from mmseg_wsss.labelling.images import check_known, prediction_dataset
from mmseg_wsss.labelling.photo_masks import confidence_of
from mmseg_wsss.labelling.predictions import (
    PredictionSettings,
    label_and_confidence,
    load_model,
    predicted_logits,
    write_pseudo_labels,
)
from mmseg_wsss.structures import ImageEntry, WeakAnnotations, WeakLabelSet
from tests.helpers.models import head_config, model_config
from tests.helpers.same_files import assert_same_files
from tests.helpers.trained import train, training_config

ROOT = Path(__file__).parents[2]
CLASSES = ('background', 'cat', 'dog')
SIZES = {'a': (40, 36), 'b': (33, 48), 'c': (35, 35)}
READ = [{'type': 'LoadImageFromFile'}, {'type': 'LoadAnnotations'}, {'type': 'PackSegInputs'}]
TRAIN = [
    {'type': 'LoadImageFromFile'},
    {'type': 'LoadWeakAnnotations'},
    {'type': 'WeakRandomCrop', 'crop_size': (32, 32)},
    {'type': 'RasterizeWeakAnnotations'},
    {'type': 'PackWeakSegInputs'},
]


@pytest.fixture
def root(tmp_path):
    """Three photos: one tagged cat, one clicked on dog, one without labels; and a checkpoint."""
    entries = {}
    labels = {
        'a': WeakAnnotations(tags=(1,)),
        'b': WeakAnnotations(points=[[3, 4]], point_labels=[2]),
        'c': WeakAnnotations(),
    }
    (tmp_path / 'img').mkdir()
    for key, (width, height) in SIZES.items():
        pixels = np.random.default_rng(width).integers(0, 255, (height, width, 3), dtype=np.uint8)
        Image.fromarray(pixels).save(tmp_path / f'img/{key}.jpg')
        entries[key] = ImageEntry(f'{key}.jpg', width, height, labels[key])
    WeakLabelSet(CLASSES, ((0, 0, 0), (200, 0, 0), (0, 200, 0)), entries).write(tmp_path / 'weak.json')
    return tmp_path


def config(root, **changes):
    photos = {
        'type': 'WeakSegDataset',
        'weak_labels': str(root / 'weak.json'),
        'data_prefix': {'img_path': str(root / 'img')},
        'unused_labels': 'warn',  # the tags are for the commands
    }
    head, losses = head_config('deeplabv3plus', 3), {'loss_ce': {'type': 'PartialCrossEntropyLoss'}}
    data = [{**photos, 'pipeline': pipeline} for pipeline in (TRAIN, READ)]
    return training_config(root / 'work', model_config(head, losses), *data, **changes)


@pytest.fixture
def trained(root):
    cfg = config(root)
    return cfg, train(cfg)


def read(path):
    with Image.open(path) as image:
        return np.array(image)


def test_confidences_of_a_large_image_are_made_in_parts(monkeypatch):
    logits = torch.randn(4, 11, 6, generator=torch.Generator().manual_seed(0))
    monkeypatch.setattr('mmseg_wsss.labelling.photo_masks.ROWS', 4)
    found = confidence_of(logits, logits.argmax(dim=0))
    assert found == pytest.approx(logits.softmax(dim=0).amax(dim=0).numpy())


def test_labels_by_hand():
    probs = torch.tensor([[0.5, 0.2, 0.1], [0.3, 0.2, 0.6], [0.2, 0.6, 0.3]])[:, None]
    labels, confidence = label_and_confidence(probs.log() + 3, None)
    assert labels.tolist() == [[0, 2, 1]]
    assert confidence == pytest.approx(np.array([[0.5, 0.6, 0.6]]))
    labels, _ = label_and_confidence(probs.log(), None, unsure_below=0.55)
    assert labels.tolist() == [[255, 2, 1]]
    labels, confidence = label_and_confidence(probs.log(), (1,))
    assert labels.tolist()[0][::2] == [0, 1]
    assert confidence == pytest.approx(np.array([[0.5 / 0.8, 0.5, 0.6 / 0.7]]))
    labels, confidence = label_and_confidence(probs.log().bfloat16(), ())
    assert labels.tolist() == [[0, 0, 0]]
    assert confidence.tolist() == [[1, 1, 1]]
    with pytest.raises(ValueError, match='one output channel'):
        label_and_confidence(torch.zeros(1, 2, 2), None)


def test_a_class_stays_inside_its_boxes():
    probs = torch.tensor([0.1, 0.5, 0.4]).view(3, 1, 1).expand(3, 2, 4)
    boxes = WeakAnnotations(boxes=[[0, 0, 1, 1], [1, 0, 2, 0]], box_labels=[2, 1])
    labels, confidence = label_and_confidence(probs.log(), (1, 2), 0.0, boxes)
    assert labels.tolist() == [[2, 1, 1, 0], [2, 2, 0, 0]]
    expected = [[0.4 / 0.5, 0.5, 0.5 / 0.6, 1], [0.4 / 0.5, 0.4 / 0.5, 1, 1]]
    assert confidence == pytest.approx(np.array(expected))
    labels, _ = label_and_confidence(probs.log(), (1, 2), 0.0, WeakAnnotations())
    assert (labels == 1).all()
    with pytest.raises(ValueError, match='reaches out of the image, which is 4 x 2 pixels'):
        label_and_confidence(probs.log(), None, 0.0, WeakAnnotations(boxes=[[0, 0, 4, 1]], box_labels=[1]))


def test_known_boxes(trained, tmp_path, monkeypatch):
    cfg, checkpoint = trained
    lines = []
    monkeypatch.setattr('mmseg_wsss.labelling.images.print_log', lambda line, **_: lines.append(line))
    labels = {'b': WeakAnnotations(boxes=[[2, 3, 20, 30]], box_labels=[2])}
    entries = {key: ImageEntry(f'{key}.jpg', *SIZES[key], labels.get(key, WeakAnnotations())) for key in SIZES}
    WeakLabelSet(CLASSES, None, entries).write(tmp_path / 'boxes.json')
    photos = {**cfg.train_dataloader.dataset, 'weak_labels': str(tmp_path / 'boxes.json'), 'pipeline': READ}
    changes = {'train_dataloader': {'dataset': {'_delete_': True, **photos}}}
    settings = {'stage': 'cam', 'checkpoint': str(checkpoint), 'known_tags': True, 'known_boxes': True}
    context = StageContext('labels', tmp_path / 'out', lambda name: cfg, logging.getLogger('test'), False)
    TASK_UTILS.build({'type': 'WritePseudoLabels', 'changes': changes, **settings}).run(context)
    assert "known_boxes=True, but 2 of the 3 images of 'train' have no box (first" in lines[-1]
    written = read(tmp_path / 'out/masks/b.png')
    outside = np.ones(written.shape, bool)
    outside[3:31, 2:21] = False
    assert not written[outside].any()
    assert set(np.unique(written)) <= {0, 2}
    assert read_index(tmp_path / 'out').source['known_boxes'] is True
    with pytest.raises(ValueError, match="none of the 3 images of 'train' has a box"):
        TASK_UTILS.build({'type': 'WritePseudoLabels', **settings}).run(context)
    with pytest.raises(ValueError, match='known_boxes=True also uses the classes of the image: set known_tags=True'):
        PredictionSettings(known_boxes=True)


def test_written_labels_are_the_predictions(trained, tmp_path):
    cfg, checkpoint = trained
    before = cfg.to_dict()
    model = Runner.from_cfg(config(tmp_path, train_dataloader=None, train_cfg=None, optim_wrapper=None))
    model.load_checkpoint(str(checkpoint))
    predictions = {}
    for key, sample in zip(SIZES, prediction_dataset(cfg, 'train'), strict=True):
        data = {'inputs': [sample['inputs']], 'data_samples': [sample['data_samples']]}
        with torch.no_grad():
            probs = model.model.eval().test_step(data)[0].seg_logits.data.softmax(0)
        predictions[key] = [x.numpy() for x in probs.max(0)]
    least = float(np.median(predictions['a'][0]))
    summary = write_pseudo_labels(cfg, checkpoint, tmp_path / 'out', PredictionSettings(unsure_below=least))
    unsure = sum((confidence < least).sum() for confidence, _ in predictions.values())
    pixels = sum(width * height for width, height in SIZES.values())
    assert summary == {'images': 3, 'unsure': pytest.approx(unsure / pixels, abs=1e-3), 'split': 'train'}
    assert 0 < summary['unsure'] < 1
    for key, (width, height) in SIZES.items():
        confidence, labels = predictions[key]
        mask, grey = (read(tmp_path / f'out/{kind}/{key}.png') for kind in ('masks', 'confidence'))
        assert mask.shape == (height, width)
        assert (mask != np.where(confidence < least, 255, labels)).mean() < 0.01
        assert np.abs(grey / 255 - confidence).max() < 0.5 / 255 + 1e-5
    assert cfg.to_dict() == before
    index = read_index(tmp_path / 'out')
    assert list(index.images) == list(SIZES)
    assert index.source['unsure_below'] == least


@pytest.mark.parametrize('known_tags', [False, True])
def test_labels_are_those_of_the_decision_after_its_refiner(trained, tmp_path, known_tags):
    cfg, checkpoint = trained
    weights = torch.load(checkpoint, weights_only=False)
    weights['state_dict']['decode_head.conv_seg.weight'] *= 1000  # labels that differ from place to place
    torch.save(weights, checkpoint)
    refiner = {'type': 'PAMR', 'num_iters': 3, 'dilations': (1, 2)}
    # a threshold of 1 leaves out every class that is not known
    decision = {'type': 'TagDecision', 'score_threshold': float(known_tags), 'background_power': 2.0}
    cfg.model.decision = {**decision, 'refiner': refiner}
    summary = write_pseudo_labels(cfg, checkpoint, tmp_path / 'out', PredictionSettings(known_tags=known_tags))
    assert summary['unsure'] == 0
    model = load_model(cfg, checkpoint, torch.nn.Module)
    images = prediction_dataset(cfg, 'train')
    for key, classes in {'a': {0, 1}, 'b': {0, 2}, 'c': {0}}.items():
        with torch.no_grad():
            (maps,) = model.class_probs(**model.data_preprocessor(pseudo_collate([images[list(SIZES).index(key)]])))
            masks = maps.probs.clone()
            masks[0] = masks[0] ** 2
            for absent in {0, 1, 2} - classes if known_tags else ():
                masks[absent] = 0
            refined = MODELS.build(refiner)(masks[None], maps.image[None])[0]
        confidence, labels = (refined / refined.sum(dim=0)).max(dim=0)
        found, grey = (read(tmp_path / f'out/{kind}/{key}.png') for kind in ('masks', 'confidence'))
        assert (found != labels.numpy()).mean() < 0.01
        assert np.abs(grey / 255 - confidence.numpy()).max() < 0.5 / 255 + 1e-4
        if not known_tags or key != 'c':
            assert (found != masks.argmax(dim=0).numpy()).any()


def test_a_refiner_does_not_take_a_class_out_of_its_boxes(trained):
    cfg, checkpoint = trained
    cfg.model.decision = {'type': 'ArgmaxDecision', 'refiner': {'type': 'PAMR', 'num_iters': 2, 'dilations': (1,)}}
    model = load_model(cfg, checkpoint, torch.nn.Module)
    seen = []
    model.decision.refiner.register_forward_hook(lambda module, inputs, output: seen.append(inputs[0]))
    batch = pseudo_collate([prediction_dataset(cfg, 'train')[0]])
    boxes = WeakAnnotations(boxes=[[5, 6, 15, 20]], box_labels=[2])
    with torch.no_grad():
        logits = predicted_logits(model, batch, (2,), boxes)
    labels, _ = label_and_confidence(logits, (2,), 0.0, boxes)
    outside = np.ones(labels.shape, bool)
    outside[6:21, 5:16] = False
    assert not labels[outside].any()
    with torch.no_grad():
        predicted_logits(model, batch, (2,))
    masks, without_boxes = seen
    assert without_boxes[0, 2].all()
    assert not without_boxes[0, 1].any()
    assert not masks[0, 2][torch.from_numpy(outside)].any()
    assert not masks[0, 1].any()
    assert logits.softmax(dim=0)[2][torch.from_numpy(outside)].any()  # the refiner alone reaches out


def test_files_stay_in_the_folder_whatever_the_names_of_the_images_are(root, tmp_path):
    """A label file may name photos by absolute paths; what is made of them must not be written beside them."""
    photos = {file.stem: file.read_bytes() for file in (root / 'img').iterdir()}
    labels = WeakAnnotations(points=[[3, 4]], point_labels=[2])
    entries = {key: ImageEntry(str(root / f'img/{key}.jpg'), *size, labels) for key, size in SIZES.items()}
    WeakLabelSet(CLASSES, ((0, 0, 0), (200, 0, 0), (0, 200, 0)), entries).write(root / 'weak.json')
    cfg = config(root)
    checkpoint = train(cfg)
    before = set(root.rglob('*'))
    write_pseudo_labels(cfg, checkpoint, tmp_path / 'out', PredictionSettings())
    out = tmp_path / 'out'
    assert all(file.is_relative_to(out) for file in set(root.rglob('*')) - before)
    below = root.relative_to('/').as_posix()
    assert sorted(read_index(out).images) == [f'{below}/img/{key}' for key in SIZES]
    for key in SIZES:
        assert (out / f'masks/{below}/img/{key}.png').is_file()
        assert (root / f'img/{key}.jpg').read_bytes() == photos[key]


def test_names_that_leave_the_image_folder_are_refused(root):
    text = (root / 'weak.json').read_text()
    (root / 'weak.json').write_text(text.replace('"b.jpg"', '"../img/b.jpg"'))
    with pytest.raises(
        ValueError, match=r"weak.json: images\[1\] \('../img/b.jpg'\): file_name: .*expected the name of"
    ):
        prediction_dataset(config(root), 'train')
    (root / 'weak.json').write_text(text)
    (root / 'split.txt').write_text('../img/b\n')
    cfg = config(root)
    cfg.train_dataloader.dataset.ann_file = str(root / 'split.txt')
    with pytest.raises(ValueError, match='expected the name of an image below the image folder'):
        prediction_dataset(cfg, 'train')


def test_a_cut_stage_goes_on(trained, tmp_path, monkeypatch):
    cfg, checkpoint = trained
    settings = {'stage': 'cam', 'checkpoint': str(checkpoint), 'unsure_below': 0.35, 'known_tags': True}
    task = TASK_UTILS.build({'type': 'WritePseudoLabels', **settings})
    contexts = [
        StageContext('labels', tmp_path / 'out', lambda name: cfg, logging.getLogger('test'), resumed)
        for resumed in (False, True)
    ]
    expected = task.run(contexts[0])
    whole = {path: path.read_bytes() for path in (tmp_path / 'out').rglob('*.*')}
    (tmp_path / 'out/masks/b.png').unlink()
    predicted = []
    monkeypatch.setattr(
        'mmseg_wsss.labelling.predictions.label_and_confidence',
        lambda *args: predicted.append(args) or label_and_confidence(*args),
    )
    assert task.run(contexts[1]) == expected
    assert {path: path.read_bytes() for path in (tmp_path / 'out').rglob('*.*')} == whole
    assert len(predicted) == 1


def test_command_with_known_tags(trained, tmp_path, capsys):
    cfg, checkpoint = trained
    cfg.dump(tmp_path / 'cfg.py')
    command = ['pseudo-labels', str(tmp_path / 'cfg.py'), str(checkpoint), '-o', str(tmp_path / 'out')]
    assert main([*command, '--known-tags', '--coco-rle']) == 0
    assert '3 images of train, 0.00% of the pixels unsure' in capsys.readouterr().out
    allowed = {'a': {0, 1}, 'b': {0, 2}, 'c': {0, 1, 2}}
    for key, classes in allowed.items():
        assert set(np.unique(read(tmp_path / f'out/masks/{key}.png'))) <= classes
    assert (tmp_path / 'out/coco_rle.json').exists()
    assert main(command) == 2
    assert 'contains files: choose another -o, or overwrite them with --force' in capsys.readouterr().err
    assert main([*command, '--force', '--split', 'val']) == 2
    assert "split 'val': choose from train, test" in capsys.readouterr().err
    assert main([*command, '--force', '--unsure-below', '60']) == 2
    assert 'unsure_below must be in [0, 1], got 60.0' in capsys.readouterr().err
    assert main([*command[:2], 'none.pth', '-o', str(tmp_path / 'o')]) == 2
    assert 'no checkpoint at none.pth' in capsys.readouterr().err


def test_data_that_cannot_be_read_this_way(root):
    cfg = config(root)
    cfg.train_dataloader.dataset = {'type': 'ConcatDataset', 'datasets': []}
    with pytest.raises(ValueError, match='train_dataloader.dataset is a ConcatDataset of several'):
        prediction_dataset(cfg, 'train')
    cfg = config(root, test_dataloader=None, test_cfg=None, test_evaluator=None)
    with pytest.raises(ValueError, match='no test_dataloader and no val_dataloader'):
        prediction_dataset(cfg, 'train')
    cfg = config(root)
    inner = cfg.train_dataloader.dataset
    cfg.train_dataloader.dataset = {'type': 'SeededDataset', 'dataset': {'type': 'RepeatDataset', 'dataset': inner}}
    assert len(prediction_dataset(cfg, 'train')) == 3
    # masks that are not there, since they are still to be made
    inner.update(use_dense_masks=True)
    inner.data_prefix.seg_map_path = 'nowhere'
    cfg.train_dataloader.dataset = inner
    assert len(prediction_dataset(cfg, 'train')) == 3


def test_images_without_tags_are_counted(root, monkeypatch):
    lines = []
    monkeypatch.setattr('mmseg_wsss.labelling.images.print_log', lambda line, **_: lines.append(line))
    cfg = config(root)
    init_default_scope('mmseg')
    check_known(prediction_dataset(cfg, 'train'), 'train', 'tags')
    assert len(lines) == 1
    assert f"1 of the 3 images of 'train' have no weak label (first: {root}/img/c.jpg)" in lines[0]
    cfg.test_dataloader.dataset.weak_labels = None
    cfg.test_dataloader.dataset.metainfo = {'classes': CLASSES}
    for kind, what in (('tags', 'weak label'), ('boxes', 'box')):
        with pytest.raises(
            ValueError, match=f"known_{kind}=True, but none of the 3 images of 'test' has a {what}: set"
        ):
            check_known(prediction_dataset(cfg, 'test'), 'test', kind)


def test_known_tags_need_weak_labels(trained, tmp_path):
    cfg, checkpoint = trained
    cfg.train_dataloader.dataset = {
        'type': 'BaseSegDataset',
        'metainfo': {'classes': CLASSES},
        'data_prefix': {'img_path': str(tmp_path / 'img'), 'seg_map_path': 'masks'},
        'pipeline': [],
    }
    meta = {'dataset_meta': {'classes': CLASSES, 'palette': [[0, 0, 0]] * 3}}
    torch.save({'state_dict': {}, 'meta': meta}, tmp_path / 'empty.pth')
    with pytest.raises(ValueError, match=r'empty.pth does not fit \w+: \d+ missing: backbone'):
        write_pseudo_labels(cfg, tmp_path / 'empty.pth', tmp_path / 'out')
    with pytest.raises(ValueError, match='known_tags needs a data set with weak labels'):
        write_pseudo_labels(cfg, checkpoint, tmp_path / 'out', PredictionSettings(known_tags=True))
    write_pseudo_labels(cfg, checkpoint, tmp_path / 'out')
    assert read_index(tmp_path / 'out').images['b'] == {'file_name': 'b.jpg', 'width': 33, 'height': 48}


def test_stages_from_weak_labels_to_a_plain_network(root):
    cfg = config(root, runner_type='StagedRunner')
    plain = model_config(head_config('fcn', 3, loss_decode={'type': 'CrossEntropyLoss', 'avg_non_ignore': True}))
    plain['type'] = 'EncoderDecoder'
    plain.pop('losses')
    base = Config.fromfile(ROOT / 'configs/_base_/datasets/pseudo_labels.py')
    base.train_pipeline[3].crop_size = (32, 32)
    base.train_pipeline[2].scale = (48, 48)
    data = {**base.train_dataloader.dataset, 'label_root': '{stages.labels}', 'img_path': str(root / 'img')}
    cfg.stages = {
        'cam': {},
        'labels': {
            'task': {'type': 'WritePseudoLabels', 'stage': 'cam', 'checkpoint': '{stages.cam}', 'known_tags': True}
        },
        'final': {
            'model': {'_delete_': True, **plain},
            'train_dataloader': {'dataset': {'_delete_': True, **data, 'pipeline': base.train_pipeline}},
            'test_dataloader': None,
            'test_cfg': None,
            'test_evaluator': None,
        },
    }
    results = StagedRunner.from_cfg(cfg).train()
    assert read_index(results['labels']).source['checkpoint'] == str(results['cam'])
    weights = torch.load(results['final'], weights_only=False)['state_dict']
    assert all(math.isfinite(float(value.double().sum())) for value in weights.values())
    labels = DATASETS.build({**data, 'label_root': str(results['labels']), 'pipeline': []})
    assert labels.metainfo['classes'] == CLASSES


def test_two_workers_write_the_same_files(trained, tmp_path):
    def write(folder, workers):
        return write_pseudo_labels(*trained, folder, PredictionSettings(unsure_below=0.2, workers=workers))

    assert_same_files(write, tmp_path)
