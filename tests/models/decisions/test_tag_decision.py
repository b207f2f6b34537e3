"""Labels of the classes that an image has, by its tags or its scores, and labels without tags."""

import copy

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from mmengine.config import ConfigDict
from mmseg.registry import MODELS

from tests.helpers.colour_network import CLASSES, batch_of, build, config, maps_of, predict
from tests.helpers.models import LOSSES, assert_are_highest, head_config, model_config, raw_batch

TAGS = {'type': 'TagDecision'}


@pytest.mark.parametrize('threshold', [0.05, 0.3, 0.6, 1.0])
def test_prediction_by_hand(threshold):
    batch = batch_of()
    model = build(stride=4, score_threshold=threshold, background_power=3.0)
    (sample,) = predict(model, batch)
    _, probs, scores = maps_of(model, batch['inputs'][0])
    torch.testing.assert_close(sample.class_scores, scores)
    probs = F.interpolate(probs, (16, 24), mode='bilinear', align_corners=True)[0]
    torch.testing.assert_close(sample.seg_logits.data.exp(), probs)
    pruned = probs.clone()
    pruned[0] = probs[0] ** 3
    for index in range(1, CLASSES):
        if scores[index - 1] <= threshold:
            pruned[index] = 0
    assert_are_highest(sample.pred_sem_seg.data[0], pruned)
    assert sample.pred_sem_seg.data.shape == (1, 16, 24)
    assert sample.inference_switches == {'tags': 'predicted', 'background_power': 3.0, 'views': 1, 'refiner': None}


def test_thresholds_differ_in_what_they_keep():
    batch = batch_of()
    present = {
        threshold: set(predict(build(score_threshold=threshold), batch)[0].pred_sem_seg.data.unique().tolist())
        for threshold in (0.0, 0.5, 1.0)
    }
    assert present[1.0] == {0} < present[0.5] <= present[0.0]
    assert len(present[0.0]) == CLASSES


def test_zero_threshold_and_power_of_one_are_plain_inference():
    batch = batch_of(((16, 24), (16, 24)))
    tagged = build(stride=2, score_threshold=0.0, background_power=1.0)
    for sample, image in zip(predict(tagged, batch), batch['inputs'], strict=True):
        probs = F.interpolate(maps_of(tagged, image)[1], (16, 24), mode='bilinear', align_corners=True)[0]
        assert_are_highest(sample.pred_sem_seg.data[0], probs)


def test_a_strong_background_needs_the_power():
    batch = batch_of()
    shares = []
    for power in (0.3, 1.0, 3.0):
        (sample,) = predict(build(score_threshold=0.0, background_power=power), batch)
        shares.append((sample.pred_sem_seg.data == 0).float().mean().item())
    assert shares[0] > shares[1] > shares[2]


@pytest.mark.parametrize('kind', ['data', 'metainfo'])
def test_known_tags_replace_the_scores(kind):
    batch = batch_of()
    sample = batch['data_samples'][0]
    if kind == 'data':
        sample.set_data({'gt_tags': torch.tensor([2])})
    else:
        sample.set_metainfo({'gt_tags': np.array([2])})
    (result,) = predict(build(known_tags=True, score_threshold=1.0), batch)
    assert set(result.pred_sem_seg.data.unique().tolist()) == {0, 2}
    assert result.inference_switches['tags'] == 'known'


@pytest.mark.parametrize(
    ('tags', 'message'),
    [
        (None, r'known_tags=True, but the sample a.jpg has no gt_tags: put LoadImageTags'),
        ([0], r'a.jpg: tags are foreground classes, 1 to 3, got \[0\]'),
        ([1, 4], r'1 to 3, got \[1, 4\]'),
    ],
)
def test_missing_and_wrong_tags_are_named(tags, message):
    batch = batch_of()
    if tags is not None:
        batch['data_samples'][0].set_data({'gt_tags': torch.tensor(tags)})
    with pytest.raises(ValueError, match=message):
        predict(build(known_tags=True), batch)


def test_an_image_that_is_known_to_be_empty_is_background():
    batch = batch_of()
    batch['data_samples'][0].set_data({'gt_tags': torch.zeros(0, dtype=torch.long)})
    (result,) = predict(build(known_tags=True), batch)
    assert (result.pred_sem_seg.data == 0).all()


def test_inputs_without_samples_are_predicted_at_their_size():
    model = build(stride=2, known_tags=True, score_threshold=0.0)  # nothing is pruned
    inputs = torch.randn(2, 3, 12, 10)
    with torch.no_grad():
        results = model(inputs, None, mode='predict')
    assert [result.pred_sem_seg.data.shape for result in results] == [(1, 12, 10)] * 2
    assert results[0].inference_switches['tags'] is None


def test_padding_has_no_part_in_scores_and_map():
    batch = batch_of(((13, 17),))
    plain, padded = (
        build(model={'data_preprocessor': {**config()['data_preprocessor'], 'test_cfg': test_cfg}})
        for test_cfg in (None, {'size_divisor': 32})
    )
    (expected,), (result,) = predict(plain, batch), predict(padded, batch)
    torch.testing.assert_close(result.class_scores, expected.class_scores)
    assert (result.pred_sem_seg.data == expected.pred_sem_seg.data).float().mean() > 0.99


def test_windows_count_as_views():
    image = torch.zeros(3, 16, 32, dtype=torch.uint8)
    image[:, :, 20:] = torch.tensor([200, 30, 120], dtype=torch.uint8).view(3, 1, 1)
    batch = batch_of(((16, 32),))
    batch['inputs'] = [image]
    test_cfg = {'mode': 'slide', 'crop_size': (16, 16), 'stride': (16, 16)}
    whole = build()
    sliding = build(model={'test_cfg': ConfigDict(test_cfg)})
    (result,) = predict(sliding, batch)
    windows = torch.stack([maps_of(whole, part)[2] for part in (image[..., :16], image[..., 16:])])
    torch.testing.assert_close(result.class_scores, windows.amax(0))
    torch.testing.assert_close(result.seg_logits.data, predict(whole, batch)[0].seg_logits.data)


def test_mixed_precision():
    model = build(stride=2)
    batch = batch_of()
    (exact,) = predict(model, batch)
    with torch.autocast('cpu', torch.bfloat16):
        (result,) = predict(model, batch)
    assert result.seg_logits.data.dtype == torch.float32
    torch.testing.assert_close(result.class_scores, exact.class_scores, rtol=0.05, atol=0.01)


def test_real_head_trains_and_predicts():
    head = {'type': 'NGWPHead', 'in_channels': 64, 'num_classes': 3}
    model = MODELS.build(model_config(head, decision=TAGS, losses={**LOSSES, 'loss_tags': {'type': 'ImageTagLoss'}}))
    batch = raw_batch()
    for sample in batch['data_samples']:
        sample.set_data({'gt_tags': torch.tensor([1])})
    data = model.data_preprocessor(copy.deepcopy(batch), training=True)
    total, _ = model.parse_losses(model.train().loss(**data))
    total.backward()
    results = predict(model.eval(), batch)
    assert results[1].class_scores.shape == (2,)


@pytest.mark.parametrize(
    ('changes', 'message'),
    [
        ({'score_threshold': 1.2}, r'score_threshold must be in \[0, 1\], got 1.2'),
        ({'background_power': 0}, 'background_power must be a finite number above 0, got 0'),
    ],
)
def test_bad_settings(changes, message):
    with pytest.raises(ValueError, match=message):
        build(**changes)


def test_settings_are_those_of_the_loss_by_default_and_any_head_fits():
    decision = MODELS.build(model_config(head_config('fcn'), decision=TAGS)).decision
    assert type(decision.pooling).__name__ == 'NGWPPooling'
    assert (decision.score_threshold, decision.background_power, decision.known_tags) == (0.1, 3.0, False)
    pooling = {'type': 'AveragePooling'}
    pooled = MODELS.build(model_config('fcn', decision={**TAGS, 'pooling': pooling})).eval()
    batch = raw_batch()
    result = predict(pooled, batch)[0]
    data = pooled.data_preprocessor(copy.deepcopy(batch), False)
    logits = pooled.decode_head(pooled.extract_feat(data['inputs']))
    torch.testing.assert_close(result.class_scores, logits[0, 1:].mean((1, 2)).sigmoid())


def test_scores_are_pooled_as_the_losses_pool():
    def model(*poolings, **settings):
        losses = {f'loss_{i}': {'type': 'ImageTagLoss', 'pooling': {'type': kind}} for i, kind in enumerate(poolings)}
        return MODELS.build(model_config('fcn', decision={**TAGS, **settings}, losses=losses))

    alike = model('AveragePooling', 'AveragePooling')
    assert alike.decision.pooling is alike.losses['loss_0'].pooling
    with pytest.raises(ValueError, match='pool the logits in different ways: set model.decision.pooling'):
        model('AveragePooling', 'MaxPooling')
    chosen = model('AveragePooling', 'MaxPooling', pooling={'type': 'MaxPooling'})
    assert type(chosen.decision.pooling).__name__ == 'MaxPooling'


@pytest.mark.parametrize(
    ('settings', 'name'),
    [({'score_threshold': '0.1'}, 'score_threshold'), ({'background_power': '3'}, 'background_power')],
)
def test_settings_as_text_are_named(settings, name):
    with pytest.raises(TypeError, match=f'{name} must be a number'):
        build(**settings)
