from importlib.util import find_spec

import numpy as np
import pytest
import torch
from mmengine.config import Config
from mmengine.runner import Runner
from mmseg.registry import METRICS, MODELS
from PIL import Image
from torch import nn

from mmseg_wsss.evaluation.metrics import SubsetIoUMetric
from mmseg_wsss.functional import prune_classes
from tests.helpers.models import model_config

CLASSES = ('background', 'cat', 'dog')
SWITCHES = {'tags': 'predicted', 'background_power': 1.0, 'views': 1, 'refiner': None}
SUBSET = ['background', 'cat']


@MODELS.register_module()
class RedIsACat(nn.Module):
    """Class 1 where the image is red; leaves what the network is sure of."""

    def forward(self, masks, image):
        red = image[:, 0] * 0.4
        return torch.stack([masks[:, 0], masks[:, 1] + red, masks[:, 2]], dim=1)


def build(kind='SubsetIoUMetric', **settings):
    metric = METRICS.build({'type': kind, **settings})
    metric.dataset_meta = {'classes': CLASSES}
    return metric


def evaluate(metric, *samples):
    metric.process({}, samples)
    return metric.evaluate(len(samples))


def sample(**changes):
    pred = torch.tensor([[0, 0, 1, 1], [2, 1, 1, 0]])
    truth = torch.tensor([[0, 1, 1, 1], [1, 1, 255, 255]])
    return {'pred_sem_seg': {'data': pred}, 'gt_sem_seg': {'data': truth}, **changes}


def switched(**changes):
    return sample(inference_switches={**SWITCHES, **changes})


# Classes.


@pytest.mark.parametrize('kind', ['SubsetIoUMetric', 'ContourFScore'])
def test_mean_over_the_subset_by_hand(kind):
    metrics = evaluate(build(kind, classes=SUBSET), sample())
    assert metrics['mIoU_subset'] == round((1 / 2 + 3 / 5) / 2 * 100, 2)
    assert metrics['mIoU'] == round((1 / 2 + 3 / 5 + 0) / 3 * 100, 2)
    assert 'mIoU_subset' not in evaluate(build(kind), sample())


@pytest.mark.parametrize('kind', ['SubsetIoUMetric', 'ContourFScore'])
def test_the_data_set_may_name_the_subset(kind):
    metric = METRICS.build({'type': kind})
    metric.dataset_meta = {'classes': CLASSES, 'measured_classes': SUBSET}
    assert evaluate(metric, sample()) == evaluate(build(kind, classes=SUBSET), sample())


def test_one_channel_of_floats_counts_as_labels():
    """mmseg thresholds a network of one channel into a map of the type of its logits."""
    data = sample()
    floats = sample(pred_sem_seg={'data': data['pred_sem_seg']['data'].float()})
    assert evaluate(build(classes=SUBSET), floats) == evaluate(build(classes=SUBSET), data)


def test_predictions_for_a_server_are_written_and_not_measured(tmp_path):
    metric = build(classes=['cat'], format_only=True, output_dir=str(tmp_path))
    metric.process({}, [sample(img_path='a.jpg')])
    assert metric.compute_metrics(metric.results) == {}
    assert (tmp_path / 'a.png').exists()


@pytest.mark.parametrize('kind', ['SubsetIoUMetric', 'ContourFScore'])
def test_classes_are_checked_when_the_data_set_is_known(kind):
    metric = METRICS.build({'type': kind, 'classes': ['cat', 'horse']})
    message = rf"{kind}: classes names \['horse'\], and the data set has \['background', 'cat', 'dog'\]: choose from"
    with pytest.raises(ValueError, match=message):
        metric.dataset_meta = {'classes': CLASSES}
    for meta in ({}, {'classes': None}):
        with pytest.raises(ValueError, match=rf'{kind} needs the class names .* set metainfo=dict\(classes='):
            METRICS.build({'type': kind}).dataset_meta = meta
    with pytest.raises(ValueError, match=f'{kind}: classes is empty: name at least one class'):
        METRICS.build({'type': kind, 'classes': []})


def test_a_training_with_classes_of_another_data_set_ends_before_its_first_iteration(tmp_path):
    data = {
        'batch_size': 1,
        'num_workers': 0,
        'sampler': {'type': 'DefaultSampler', 'shuffle': False},
        'dataset': {
            'type': 'ShapesDataset',
            'num_images': 1,
            'size': (32, 32),
            'labels': ['mask'],
            'pipeline': [{'type': 'LoadShapesImage', 'with_mask': True}, {'type': 'PackSegInputs'}],
        },
    }
    runner = Runner.from_cfg(
        Config(
            {
                'default_scope': 'mmseg',
                'work_dir': str(tmp_path),
                'experiment_name': tmp_path.name,
                'model': model_config(num_classes=7),
                'train_dataloader': data,
                'val_dataloader': data,
                'val_evaluator': {'type': 'SubsetIoUMetric', 'classes': ['disk', 'horse']},
                'val_cfg': {'type': 'ValLoop'},
                'train_cfg': {'type': 'IterBasedTrainLoop', 'max_iters': 1, 'val_interval': 1},
                'optim_wrapper': {'type': 'OptimWrapper', 'optimizer': {'type': 'SGD', 'lr': 0.1}},
                'log_level': 'ERROR',
            }
        )
    )
    with pytest.raises(ValueError, match=r"classes names \['horse'\], and the data set has .*'disk'"):
        runner.train()
    assert runner.iter == 0


# The name.


@pytest.mark.parametrize(
    ('changes', 'name'),
    [
        ({}, 'val_predicted_tags_1_view'),
        ({'tags': 'known'}, 'val_known_tags_1_view'),
        ({'views': 8}, 'val_predicted_tags_8_views'),
        ({'views': 8, 'refiner': 'DenseCRF'}, 'val_predicted_tags_8_views_DenseCRF'),
        ({'tags': None}, 'val_all_classes_1_view'),
        ({'background_power': 3.0}, 'val_predicted_tags_bg3_1_view'),
        ({'background_power': 0.5}, 'val_predicted_tags_bg0.5_1_view'),
    ],
)
def test_the_name_says_which_switches_were_on(changes, name):
    metrics = evaluate(build(split='val', classes=SUBSET), switched(**changes))
    assert metrics[f'{name}/mIoU_subset'] == round((1 / 2 + 3 / 5) / 2 * 100, 2)
    assert metrics[f'{name}/mIoU'] == round((1 / 2 + 3 / 5 + 0) / 3 * 100, 2)
    assert all(key.startswith(f'{name}/') for key in metrics)


def test_the_next_evaluation_has_its_own_name():
    metric = build(split='val')
    keys = set(evaluate(metric, switched()))
    assert keys == {f'val_predicted_tags_1_view/{key}' for key in ('mIoU', 'aAcc', 'mAcc')}
    assert 'val_predicted_tags_2_views/mIoU' in evaluate(metric, switched(views=2))


def test_contours_have_the_same_name_and_the_scores_of_the_plain_metrics():
    data = switched(tags='known', views=8)
    found = evaluate(build('ContourFScore', split='train', classes=SUBSET), data)
    plain = evaluate(build('ContourFScore', classes=SUBSET), data)
    areas = evaluate(build(split='train', classes=SUBSET), data)
    assert {f'train_known_tags_8_views/{key}': value for key, value in plain.items()} == pytest.approx(found)
    assert areas.items() < found.items()
    assert 'train_known_tags_8_views/contour_F' in found


@pytest.mark.parametrize('kind', ['SubsetIoUMetric', 'ContourFScore'])
def test_mixed_switches_and_other_models_are_refused(kind):
    metric = build(kind, split='val')
    metric.process({}, [switched()])
    with pytest.raises(ValueError, match='mixes val_predicted_tags_1_view and val_known_tags_1_view'):
        metric.process({}, [switched(tags='known')])
    with pytest.raises(KeyError, match=rf"{kind}\(split='val'\) takes its name .* omit split"):
        build(kind, split='val').process({}, [sample()])
    with pytest.raises(ValueError, match=f"{kind} makes its prefix from split .*split='val' or prefix='x'"):
        build(kind, split='val', prefix='x')


# Predictions that are decided again.


@pytest.fixture
def photo(tmp_path):
    """A prediction with its logits and its image, whose left half is red."""
    image = np.zeros((2, 4, 3), dtype=np.uint8)
    image[:, :2, 0] = 255
    Image.fromarray(image).save(tmp_path / 'a.png')
    logits = torch.zeros(3, 2, 4)
    logits[0] = 0.5
    logits[2, 0, 0] = 9.0
    return {
        'img_path': str(tmp_path / 'a.png'),
        'seg_logits': {'data': logits},
        'pred_sem_seg': {'data': logits.argmax(dim=0, keepdim=True)},
        'gt_sem_seg': {'data': torch.tensor([[[1, 1, 0, 0], [1, 1, 0, 0]]])},
        'gt_tags': np.array([1]),
    }


def test_refined_predictions_by_hand(photo):
    before = photo['pred_sem_seg']['data'].clone()
    metrics = evaluate(build(refiner={'type': 'RedIsACat'}, classes=SUBSET), photo)
    assert torch.equal(photo['pred_sem_seg']['data'], before)
    assert metrics['refined/mIoU'] == round((4 / 4 + 3 / 4 + 0) / 3 * 100, 2)
    assert metrics['refined/mIoU_subset'] == round((4 / 4 + 3 / 4) / 2 * 100, 2)


@pytest.mark.parametrize('shape', [(2, 4), (4, 2)])
def test_a_refiner_does_not_get_another_image_than_the_network(photo, shape):
    """Of 16 bits, mmcv gives the upper ones alone, and a turned image has other sides."""
    values = np.zeros(shape, dtype=np.uint16 if shape == (2, 4) else np.uint8)
    Image.fromarray(values).save(photo['img_path'])
    with pytest.raises(ValueError, match=r'a\.png is read as .* a refiner of a metric only reads images of 8 bits'):
        evaluate(build(refiner={'type': 'RedIsACat'}), photo)


def test_known_tags_by_hand(photo):
    """Without the dog, the sure pixel is background, and with the refiner behind it all red is a cat."""
    metrics = evaluate(build(known_tags=True, classes=SUBSET), photo)
    assert metrics['known_tags/mIoU'] == round((4 / 8 + 0) / 2 * 100, 2)
    photo['seg_logits']['data'][1, 0, 0] = 1.0
    metrics = evaluate(build(known_tags=True, classes=SUBSET), photo)
    assert metrics['known_tags/mIoU'] == round((4 / 7 + 1 / 4) / 2 * 100, 2)
    metrics = evaluate(build(known_tags=True, refiner={'type': 'RedIsACat'}, prefix='x'), photo)
    assert metrics['x/mIoU'] == 100


def test_contours_are_those_of_the_decided_masks(photo):
    settings = {'refiner': {'type': 'RedIsACat'}, 'bound': 0.0}
    plain, refined, both = (
        evaluate(build('ContourFScore', **more), photo)
        for more in ({'bound': 0.0}, settings, {**settings, 'known_tags': True})
    )
    # cat and dog: no cat is predicted, and a dog that is not there; then two of three pixels of the cat's contour
    assert (plain['contour_P'], plain['contour_R']) == (round(100 * (1 + 0) / 2, 2), round(100 * (0 + 1) / 2, 2))
    assert refined['refined/contour_P'] == round(100 * (2 / 3 + 0) / 2, 2)
    assert both['known_tags_refined/contour_F'] == 100


def test_a_decision_has_the_name_of_what_it_did(photo):
    photo['inference_switches'] = {'tags': 'predicted', 'background_power': 3.0, 'views': 8, 'refiner': 'PAMR'}
    names = [
        ({'refiner': {'type': 'RedIsACat'}}, 'val_all_classes_8_views_RedIsACat'),
        ({'known_tags': True}, 'val_known_tags_bg3_8_views'),
        ({'known_tags': True, 'refiner': {'type': 'RedIsACat'}}, 'val_known_tags_bg3_8_views_RedIsACat'),
        ({}, 'val_predicted_tags_bg3_8_views_PAMR'),
    ]
    for settings, name in names:
        assert {key.split('/')[0] for key in evaluate(build(split='val', **settings), photo)} == {name}


def test_known_tags_weaken_the_background_as_the_model_does(photo):
    photo['inference_switches'] = {**SWITCHES, 'background_power': 3.0}
    masks = photo['seg_logits']['data'].softmax(dim=0)[None]
    pruned = prune_classes(masks, torch.tensor([[True, False]]), background_power=3.0)
    expected = evaluate(build(), {**photo, 'pred_sem_seg': {'data': pruned.argmax(dim=1)}})
    assert (pruned.argmax(dim=1) == 1).any()
    found = evaluate(build(known_tags=True, split='val'), photo)
    assert found == {f'val_known_tags_bg3_1_view/{key}': value for key, value in expected.items()}


@pytest.mark.parametrize('settings', [{'refiner': {'type': 'RedIsACat'}}, {'known_tags': True}])
@pytest.mark.parametrize('logits', [None, torch.zeros(1, 2, 4)])
def test_predictions_without_logits_are_named(photo, settings, logits):
    with pytest.raises(KeyError, match='SubsetIoUMetric with known_tags or a refiner needs seg_logits of at least two'):
        build(**settings).process({}, [{**photo, 'seg_logits': {'data': logits}}])


def test_images_without_tags_are_named(photo):
    with pytest.raises(ValueError, match=r'a.png: tags are foreground classes, 1 to 2, got \[3\]'):
        build(known_tags=True).process({}, [{**photo, 'gt_tags': [3]}])
    del photo['gt_tags']
    with pytest.raises(KeyError, match='a.png has no gt_tags: put LoadImageTags into the test pipeline'):
        build(known_tags=True).process({}, [photo])


def test_a_missing_package_is_named_when_the_metric_is_built():
    if find_spec('pydensecrf') is None:
        with pytest.raises(ImportError, match='DenseCRF needs the module pydensecrf: pip install pydensecrf2'):
            SubsetIoUMetric(refiner={'type': 'DenseCRF'})
    else:
        assert type(SubsetIoUMetric(refiner={'type': 'DenseCRF'}).refiner).__name__ == 'DenseCRF'
