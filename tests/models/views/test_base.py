"""Any views with any decision: what is trained and what is predicted, by hand."""

import copy

import pytest
import torch
import torch.nn.functional as F
from mmseg.registry import MODELS

from tests.helpers.models import model_config, raw_batch

HEAD = {'type': 'CAMHead', 'in_channels': 64, 'in_index': 3, 'num_classes': 3}
CORRELATION = {'in_index': [1, 2], 'in_channels': [16, 32], 'channels': [4, 6]}
VIEWS = {
    'none': None,
    'siamese': {'type': 'SiameseViews', 'pixel_correlation': CORRELATION, 'scale': 0.5},
    'scales': {'type': 'MultiScaleViews', 'scales': (0.5,)},
}
DECISIONS = {
    'none': None,
    'argmax': {'type': 'ArgmaxDecision', 'refiner': {'type': 'PAMR', 'num_iters': 1, 'dilations': (1,)}},
    'tags': {'type': 'TagDecision', 'pooling': {'type': 'AveragePooling'}, 'score_threshold': 0.5},
}
LOSSES = {'loss_ce': {'type': 'PartialCrossEntropyLoss'}, 'loss_tags': {'type': 'ImageTagLoss'}}


def build(views, decision, losses=LOSSES):
    torch.manual_seed(0)
    config = model_config(HEAD, losses, size=(64, 64), views=VIEWS[views], decision=DECISIONS[decision])
    model = MODELS.build(config)
    model.decode_head.conv_seg.weight.data.mul_(3)
    return model.eval()


def batch():
    raw = raw_batch(((64, 64), (64, 64)))
    for sample in raw['data_samples']:
        sample.set_data({'gt_tags': torch.tensor([1])})
    return raw


@pytest.mark.parametrize('decision', DECISIONS)
@pytest.mark.parametrize('views', VIEWS)
def test_any_pair_trains(views, decision):
    model = build(views, decision)
    losses = model.loss(**model.data_preprocessor(batch(), True))
    prefixes = {'scales': ('scale_1.', 'scale_0_5.', 'max.')}.get(views, ('',))
    assert set(losses) == {'labelled_pixels', *(f'{prefix}{name}' for prefix in prefixes for name in LOSSES)}
    total, _ = model.parse_losses(losses)
    total.backward()
    silent = [name for name, p in model.named_parameters() if p.grad is None or not p.grad.any()]
    assert silent == [name for name in dict(model.named_parameters()) if name.startswith('pixel_correlation')]


@pytest.mark.parametrize('decision', DECISIONS)
@pytest.mark.parametrize('views', VIEWS)
def test_any_pair_predicts_by_hand(views, decision):
    model = build(views, decision)
    data = model.data_preprocessor(batch(), False)
    with torch.no_grad():
        samples = model.test_step(batch())
        features = model.extract_feat(data['inputs'])
        logits = model.decode_head(features)
        if views == 'scales':
            half = F.interpolate(data['inputs'], scale_factor=0.5, mode='bilinear')
            half = model.decode_head(model.extract_feat(half))
            logits = torch.maximum(logits, F.interpolate(half, logits.shape[2:], mode='bilinear'))
        probs = logits.softmax(1)
        if views == 'siamese':
            probs = (probs + model.pixel_correlation(logits, features, data['inputs']).softmax(1)) / 2
    size = (64, 64)
    if decision == 'none':
        said = logits if views != 'siamese' else probs.log()
        said = F.interpolate(said, size, mode='bilinear')
        labels = said.argmax(1)
    else:
        full = F.interpolate(probs, size, mode='bilinear')
        said, labels = full.log(), full.argmax(1)
    scores = logits[:, 1:].mean((2, 3)).sigmoid()
    if decision == 'argmax':
        images = torch.stack(batch()['inputs'])[:, [2, 1, 0]].float() / 255
        refiner = MODELS.build(DECISIONS['argmax']['refiner'])
        labels = torch.cat([refiner(*pair).argmax(1) for pair in zip(full.split(1), images.split(1), strict=True)])
    if decision == 'tags':
        masks = full.clone()
        masks[:, 0] **= 3
        masks[:, 1:] *= (scores > 0.5)[:, :, None, None]
        labels = masks.argmax(1)
    for index, sample in enumerate(samples):
        torch.testing.assert_close(sample.seg_logits.data, said[index], rtol=1e-4, atol=1e-5)
        assert (sample.pred_sem_seg.data[0] == labels[index]).float().mean() > 0.999  # ties of rounding
        assert ('inference_switches' in sample) == (decision != 'none')
        assert ('class_scores' in sample) == (decision == 'tags')
        if decision == 'tags':
            torch.testing.assert_close(sample.class_scores, scores[index], rtol=1e-4, atol=1e-5)


def test_weights_of_views_belong_to_the_segmentor():
    model = build('siamese', 'tags')
    names = ['reductions.0.weight', 'reductions.1.weight', 'mixing.weight']
    assert [name for name in model.state_dict() if 'pixel' in name] == [f'pixel_correlation.{name}' for name in names]
    other = copy.deepcopy(model)
    other.pixel_correlation.mixing.weight.data.zero_()
    assert other.views.pixel_correlation is other.pixel_correlation
    assert model.pixel_correlation.mixing.weight.any()
    assert model.double().views.pixel_correlation.mixing.weight.dtype == torch.float64


def test_losses_of_a_siamese_network_without_a_decision_may_name_views():
    tags = {'type': 'MultiViewLoss', 'loss': LOSSES['loss_tags'], 'views': ['first', 'refined']}
    model = build('siamese', 'none', {'loss_tags': tags})
    data = model.data_preprocessor(batch(), True)
    first = model.loss_inputs(model.decode_head, model.extract_feat(data['inputs']), *data.values())
    single = MODELS.build(LOSSES['loss_tags'])
    expected = single(first) + single(first.view('refined'))
    torch.testing.assert_close(model.loss(**data)['loss_tags'], expected)
