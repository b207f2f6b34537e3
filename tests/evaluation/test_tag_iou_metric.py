import pytest
import torch
from mmseg.registry import METRICS

SWITCHES = {'tags': 'predicted', 'background_power': 1.0, 'views': 1, 'refiner': None}


def sample(**changes):
    pred = torch.tensor([[0, 0, 1, 1], [2, 1, 1, 0]])
    truth = torch.tensor([[0, 1, 1, 1], [1, 1, 255, 255]])
    return {
        'pred_sem_seg': {'data': pred},
        'gt_sem_seg': {'data': truth},
        'inference_switches': {**SWITCHES, **changes},
    }


def build(**settings):
    metric = METRICS.build({'type': 'TagIoUMetric', 'split': 'val', **settings})
    metric.dataset_meta = {'classes': ('background', 'cat', 'dog')}
    return metric


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
    metric = build(classes=['background', 'cat'])
    metric.process({}, [sample(**changes)])
    metrics = metric.evaluate(size=1)
    assert metrics[f'{name}/mIoU_subset'] == round((1 / 2 + 3 / 5) / 2 * 100, 2)
    assert metrics[f'{name}/mIoU'] == round((1 / 2 + 3 / 5 + 0) / 3 * 100, 2)
    assert all(key.startswith(f'{name}/') for key in metrics)


def test_without_classes_it_is_the_plain_mean_and_the_next_evaluation_has_its_own_name():
    metric = build()
    metric.process({}, [sample()])
    assert set(metric.evaluate(size=1)) == {f'val_predicted_tags_1_view/{key}' for key in ('mIoU', 'aAcc', 'mAcc')}
    metric.process({}, [sample(views=2)])
    assert 'val_predicted_tags_2_views/mIoU' in metric.evaluate(size=1)


def test_mixed_switches_and_other_models_are_refused():
    metric = build()
    metric.process({}, [sample()])
    with pytest.raises(ValueError, match='mixes val_predicted_tags_1_view and val_known_tags_1_view'):
        metric.process({}, [sample(tags='known')])
    plain = sample()
    del plain['inference_switches']
    with pytest.raises(KeyError, match='TagIoUMetric evaluates a TagEncoderDecoder'):
        build().process({}, [plain])
    with pytest.raises(ValueError, match='makes its prefix from split'):
        build(prefix='x')


def test_contours_have_the_same_name_and_the_scores_of_the_plain_metrics():
    metric, plain, areas = (
        METRICS.build(settings)
        for settings in (
            {'type': 'TagContourFScore', 'split': 'train', 'classes': ['background', 'cat']},
            {'type': 'ContourFScore', 'classes': ['background', 'cat']},
            {'type': 'TagIoUMetric', 'split': 'train', 'classes': ['background', 'cat']},
        )
    )
    found = []
    for one in (metric, plain, areas):
        one.dataset_meta = {'classes': ('background', 'cat', 'dog')}
        one.process({}, [sample(tags='known', views=8)])
        found.append(one.evaluate(1))
    name = 'train_known_tags_8_views'
    assert {f'{name}/{key}': value for key, value in found[1].items()} == pytest.approx(found[0], nan_ok=True)
    assert found[2].items() <= found[0].items()
    assert f'{name}/contour_F' in found[0]


def test_contours_want_the_switches_too():
    with pytest.raises(ValueError, match='TagContourFScore makes its prefix'):
        METRICS.build({'type': 'TagContourFScore', 'split': 'val', 'prefix': 'x'})
    plain = sample()
    del plain['inference_switches']
    with pytest.raises(KeyError, match='TagContourFScore evaluates a TagEncoderDecoder'):
        METRICS.build({'type': 'TagContourFScore', 'split': 'val'}).process({}, [plain])
