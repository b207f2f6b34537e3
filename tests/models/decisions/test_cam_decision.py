"""Labels of plain class activation maps: each over its maximum, beside a constant background."""

import pytest
import torch
import torch.nn.functional as F
from mmseg.registry import MODELS

from mmseg_wsss.models.decisions import CAMDecision
from tests.helpers.colour_network import CLASSES, batch_of, config, maps_of, predict
from tests.helpers.models import model_config

AVERAGE = {'type': 'AveragePooling'}


def build(stride=1, model=None, **settings):
    decision = {'type': 'CAMDecision', 'pooling': AVERAGE, 'score_threshold': 0.0, **settings}
    return MODELS.build(config(stride, **{'decision': decision, **(model or {})})).eval()


def cams_by_hand(logits, size, background=0.1):
    """Enlarge the foreground logits of one image, cut them at 0, divide each by its maximum."""
    large = F.interpolate(logits, size, mode='bilinear', align_corners=True)[0]
    maps = [torch.full(size, background)]
    for scores in large[1:]:
        positive = scores.clamp(min=0)
        maps.append(positive / (1e-5 + positive.max()))
    return torch.stack(maps)


@pytest.mark.parametrize('background', [0.1, 0.4])
def test_prediction_by_hand(background):
    batch = batch_of()
    model = build(stride=4, background_score=background)
    (sample,) = predict(model, batch)
    expected = cams_by_hand(maps_of(model, batch['inputs'][0])[0], (16, 24), background)
    torch.testing.assert_close(sample.seg_logits.data.exp(), expected, rtol=1e-4, atol=1e-6)
    assert torch.equal(sample.pred_sem_seg.data[0], expected.argmax(0))
    assert len(sample.pred_sem_seg.data.unique()) > 2
    assert sample.inference_switches == {'tags': None, 'background_power': 1.0, 'views': 1, 'refiner': None}


def test_the_background_takes_its_power_and_the_scores_are_those_of_average_pooling():
    batch = batch_of()
    logits = maps_of(build(stride=4), batch['inputs'][0])[0]
    scores = logits[0, 1:].mean(dim=(1, 2)).sigmoid()
    threshold = scores.sort().values[:2].mean().item()
    (sample,) = predict(build(stride=4, score_threshold=threshold, background_power=2.0), batch)
    torch.testing.assert_close(sample.class_scores, scores)
    expected = cams_by_hand(logits, (16, 24), 0.1**2)
    expected[1 + int(scores.argmin())] = 0
    assert torch.equal(sample.pred_sem_seg.data[0], expected.argmax(0))


def test_known_tags_prune():
    batch = batch_of()
    batch['data_samples'][0].set_data({'gt_tags': torch.tensor([2])})
    (sample,) = predict(build(known_tags=True), batch)
    assert sample.pred_sem_seg.data.unique().tolist() == [0, 2]


def test_padding_is_in_no_maximum():
    batch = batch_of(((13, 17),))
    preprocessor = {**config()['data_preprocessor'], 'test_cfg': {'size_divisor': 32}, 'pad_val': 9}
    plain, padded = build(), build(model={'data_preprocessor': preprocessor})
    (expected,), (result,) = predict(plain, batch), predict(padded, batch)
    torch.testing.assert_close(result.seg_logits.data.exp(), expected.seg_logits.data.exp(), rtol=1e-4, atol=1e-5)


def test_a_class_without_a_positive_logit_is_nowhere():
    logits = -torch.rand(1, CLASSES, 4, 5)
    maps = CAMDecision().class_maps(logits, logits.softmax(1), None, (8, 10), align_corners=True)
    assert maps[:, 0].unique().tolist() == pytest.approx([0.1])
    assert not maps[:, 1:].any()


@pytest.mark.parametrize(
    ('settings', 'error', 'message'),
    [
        ({'background_score': 1.1}, ValueError, r'background_score must be in \[0, 1\], got 1.1'),
        ({'background_score': '0.1'}, TypeError, 'background_score must be a number'),
        ({'score_threshold': 2}, ValueError, 'score_threshold'),
    ],
)
def test_bad_settings(settings, error, message):
    with pytest.raises(error, match=message):
        CAMDecision(**settings)


def test_refined_maps_that_it_would_not_read_are_an_error():
    views = {'type': 'SiameseViews', 'pixel_correlation': {'in_channels': (8, 16), 'channels': (4, 4)}}
    with pytest.raises(TypeError, match='CAMDecision, which makes its maps from logits, so .* SiameseViews refines'):
        MODELS.build(model_config(views=views, decision={'type': 'CAMDecision'}))
    MODELS.build(model_config(views=views, decision={'type': 'TagDecision'}))
    MODELS.build(model_config(views={'type': 'MultiScaleViews'}, decision={'type': 'CAMDecision'}))
