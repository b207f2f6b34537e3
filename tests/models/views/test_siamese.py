"""The second view: what the losses see, and what is predicted."""

import copy

import pytest
import torch
import torch.nn.functional as F
from mmseg.registry import MODELS

from mmseg_wsss.functional import max_pooling_loss, probs_to_logits
from tests.functional.test_equivariance import loop_differences
from tests.helpers.models import model_config, raw_batch

HEAD = {'type': 'CAMHead', 'in_channels': 64, 'in_index': 3, 'num_classes': 3}
CORRELATION = {'in_index': [1, 2], 'in_channels': [16, 32], 'channels': [4, 6]}
SIAMESE = {'type': 'SiameseViews', 'pixel_correlation': CORRELATION, 'scale': 0.5}
TAGS = {'type': 'ImportanceSamplingLoss', 'expectation': True}
EQUIVARIANCE = {'type': 'EquivariantRegularizationLoss'}


def config(losses=None, **changes):
    losses = losses or {'loss_tags': TAGS, 'loss_equivariance': EQUIVARIANCE}
    return model_config(HEAD, losses=losses, size=(96, 96), **{'views': SIAMESE, **changes})


def build(losses=None, **changes):
    torch.manual_seed(0)
    model = MODELS.build(config(losses, **changes))
    model.decode_head.conv_seg.weight.data.mul_(3)
    return model.eval()


def batch(model, sizes=((96, 96), (96, 96)), tags=((1,), (1, 2))):
    raw = raw_batch(sizes)
    for sample, present in zip(raw['data_samples'], tags, strict=True):
        if present is not None:
            sample.set_data({'gt_tags': torch.tensor(present)})
    return model.data_preprocessor(raw, True)


def inputs_of(model, data):
    features = model.extract_feat(data['inputs'])
    return model.loss_inputs(model.decode_head, features, data['inputs'], data['data_samples'])


def test_views_are_those_of_the_same_network():
    model = build()
    data = batch(model)
    first = inputs_of(model, data)
    small = F.interpolate(data['inputs'], (48, 48), mode='bilinear', align_corners=True)
    features = model.extract_feat(small)
    second = first.view('second')
    torch.testing.assert_close(second.logits, model.decode_head(features))
    torch.testing.assert_close(
        first.view('refined').logits,
        model.pixel_correlation(first.logits, first.features, data['inputs'], first.valid_cells),
    )
    torch.testing.assert_close(
        first.view('second_refined').logits,
        model.pixel_correlation(second.logits, features, small, torch.ones(2, 1, *second.logits.shape[2:])),
    )
    assert second.image.shape == (2, 3, 48, 48)
    assert (second.labels.shape, second.valid.shape) == ((2, 48, 48), (2, 1, 48, 48))
    assert first.view('first') is first
    assert torch.equal(second.tags, first.tags)
    assert first.logits.shape[2:] != second.logits.shape[2:]


def test_padding_is_outside_in_every_view():
    model = build(data_preprocessor={**config()['data_preprocessor'], 'size': (64, 64)})
    first = inputs_of(model, batch(model, sizes=((32, 48), (64, 64))))
    assert first.view('second').valid[0, 0].nonzero().amax(0).tolist() == [15, 23]
    assert first.view('second').valid[1].all()
    assert (first.view('refined').logits[0] * (1 - first.valid_cells[0]) == 0).all()
    assert first.valid_cells[0].sum() < first.valid_cells[1].sum()


def test_equivariance_equals_the_equations():
    model = build()
    first = inputs_of(model, batch(model))
    loss = model.losses['loss_equivariance']
    names = ('first', 'second', 'refined', 'second_refined')
    size = first.view('second').logits.shape[2:]
    maps = []
    for name in names:
        probs = first.view(name).logits.softmax(1)
        maps.append(F.interpolate(probs, size, mode='bilinear', align_corners=True).detach())
    er, ecr = loop_differences(maps)
    assert loss(first).item() == pytest.approx(er + ecr, rel=1e-4)
    assert [float(loss.statistics[key]) for key in ('er', 'ecr')] == pytest.approx([er, ecr], rel=1e-4)
    weighted = MODELS.build({**EQUIVARIANCE, 'er_weight': 2.0, 'ecr_weight': 0.5, 'loss_weight': 3.0})
    assert weighted(first).item() == pytest.approx(3 * (2 * er + 0.5 * ecr), rel=1e-4)


def test_whole_objective_of_the_published_code():
    """(1 - l) (gap + gap') + l (is + is') + rv + rv' + ER + ECR, each term on its own."""
    both, refined = ['first', 'second'], ['refined', 'second_refined']
    rv = {'type': 'ImportanceSamplingLoss', 'weight': 0.0, 'pooling': 'max'}
    model = build(
        {
            'loss_tags': {'type': 'MultiViewLoss', 'views': both, 'loss': TAGS},
            'loss_refined': {'type': 'MultiViewLoss', 'views': refined, 'loss': rv},
            'loss_equivariance': EQUIVARIANCE,
        }
    )
    data = batch(model)
    first = inputs_of(model, data)
    losses = model.loss(**data)
    single = MODELS.build(TAGS)
    expected = single(first) + single(first.view('second'))
    torch.testing.assert_close(losses['loss_tags'], expected)
    targets = F.pad(first.tags, (1, 0), value=1.0)
    expected = sum(max_pooling_loss(first.view(name).logits.softmax(1), targets) for name in refined)
    torch.testing.assert_close(losses['loss_refined'], expected)
    total, log = model.parse_losses(losses)
    names = ('loss_tags', 'loss_refined', 'loss_equivariance')
    torch.testing.assert_close(total, sum(losses[name] for name in names))
    assert {'loss_equivariance/er', 'loss_equivariance/ecr'} <= set(log)
    total.backward()
    silent = [name for name, p in model.named_parameters() if p.grad is None or p.grad.abs().sum() == 0]
    assert silent == []


def test_statistics_of_both_views_are_logged():
    masks = {'type': 'PseudoMaskLoss', 'pseudo_labels': {'type': 'ConfidentLabels'}}
    model = build({'loss_masks': {'type': 'MultiViewLoss', 'loss': masks}})
    single = build({'loss_masks': masks})
    names = {key for key in single.loss(**batch(single)) if '/' in key}
    assert names
    expected = {name.replace('/', f'/{view}_') for name in names for view in ('first', 'second')}
    assert expected <= set(model.loss(**batch(model)))


def test_prediction_is_the_mean_with_and_without_refinement():
    model = build(decision={'type': 'TagDecision', 'score_threshold': 0.0, 'pooling': {'type': 'MaxProbPooling'}})
    raw = raw_batch(((32, 32),))
    data = model.data_preprocessor(copy.deepcopy(raw), False)
    with torch.no_grad():
        (sample,) = model.test_step(raw)
        features = model.extract_feat(data['inputs'])
        logits = model.decode_head(features)
        refined = model.pixel_correlation(logits, features, data['inputs'])
    probs = (logits.softmax(1) + refined.softmax(1)) / 2
    expected = F.interpolate(probs, (32, 32), mode='bilinear', align_corners=False)[0]
    torch.testing.assert_close(sample.seg_logits.data.exp(), expected)
    torch.testing.assert_close(sample.class_scores, probs_to_logits(probs[0, 1:].amax((1, 2))).sigmoid())


def test_views_that_nobody_makes_are_named():
    plain = MODELS.build(model_config('fcn', losses={'loss_equivariance': EQUIVARIANCE}))
    data = plain.data_preprocessor(raw_batch(), True)
    with pytest.raises(
        KeyError, match="asks for the view 'second', and the views of its batch are first: .*SiameseViews"
    ):
        plain.loss(**data)


def test_losses_that_know_no_views_see_the_batch_as_it_is():
    siamese, plain = (
        build({'loss_tags': TAGS}),
        MODELS.build(model_config(HEAD, {'loss_tags': TAGS}, size=(96, 96))).eval(),
    )
    plain.load_state_dict({k: v for k, v in siamese.state_dict().items() if 'pixel_correlation' not in k})
    data = batch(siamese)
    torch.testing.assert_close(siamese.loss(**data)['loss_tags'], plain.loss(**data)['loss_tags'])


@pytest.mark.parametrize('sizes', [((33, 47),), ((64, 33), (33, 64))])
def test_odd_sizes_untagged_images_and_mixed_precision(sizes):
    model = build(data_preprocessor={**config()['data_preprocessor'], 'size': (96, 96)}).train()
    data = batch(model, sizes, tags=[None, (2,)][: len(sizes)])
    with torch.autocast('cpu', torch.bfloat16):
        total, _ = model.parse_losses(model.loss(**data))
    assert total.isfinite()
    total.backward()
    assert all(p.grad.isfinite().all() for p in model.parameters() if p.grad is not None)


@pytest.mark.parametrize(
    ('settings', 'error', 'message'),
    [
        ({'scale': 1.5}, ValueError, r'in \(0, 1\], got 1.5'),
        ({'scale': 0}, ValueError, 'scale must be a finite number above 0, got 0'),
        ({'scale': '0.3'}, TypeError, 'scale must be a number above 0'),
    ],
)
def test_bad_settings(settings, error, message):
    with pytest.raises(error, match=message):
        build(views={**SIAMESE, **settings})


@pytest.mark.parametrize('views', [[], 'first', ['first', 'first']])
def test_bad_views(views):
    with pytest.raises(ValueError, match='views must name one or more different views'):
        MODELS.build({'type': 'MultiViewLoss', 'loss': TAGS, 'views': views})


def test_multi_view_loss_wants_a_weak_loss_for_as_many_classes():
    with pytest.raises(TypeError, match='derived from BaseWeakLoss, got CrossEntropyLoss'):
        MODELS.build({'type': 'MultiViewLoss', 'loss': {'type': 'CrossEntropyLoss'}})
    loss = MODELS.build({'type': 'MultiViewLoss', 'loss': TAGS})
    with pytest.raises(ValueError, match='ImportanceSamplingLoss needs a background channel'):
        loss.check_num_classes(1)
