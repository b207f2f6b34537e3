import math

import pytest
import torch
import torch.nn.functional as F
from mmseg.registry import MODELS

from mmseg_wsss.functional import feature_similarity_loss
from mmseg_wsss.structures import LossInputs
from tests.helpers.importance_sampling import loop_expectation, loop_pooling
from tests.helpers.models import model_config, raw_batch

NAN = math.nan


def batch(batch_size=3, classes=4, size=(14, 18), grid=(5, 6), **changes):
    generator = torch.Generator().manual_seed(0)
    valid = torch.ones(batch_size, 1, *size)
    valid[0, :, 10:] = 0
    values = {
        'logits': 2 * torch.randn(batch_size, classes, *grid, generator=generator),
        'image': torch.rand(batch_size, 3, *size, generator=generator),
        'labels': torch.full((batch_size, *size), 255),
        'valid': valid,
        'tags': torch.randint(0, 2, (batch_size, classes - 1), generator=generator).float(),
    }
    values.update(changes)
    values['logits'] = values['logits'].detach().requires_grad_()
    return LossInputs(**values)


def build(kind, **settings):
    return MODELS.build({'type': f'{kind}Loss', **settings})


def run(loss, inputs):
    value = loss(inputs)
    value.backward()
    return value.detach(), inputs.logits.grad


def test_a_cell_counts_if_all_its_pixels_do():
    inputs = batch()
    inputs.valid[1, 0, 3, 7] = 0.5
    expected = torch.ones(3, 1, 5, 6)
    for b in range(3):
        for y in range(5):
            for x in range(6):
                rows = slice(y * 14 // 5, -(-(y + 1) * 14 // 5))
                columns = slice(x * 18 // 6, -(-(x + 1) * 18 // 6))
                expected[b, 0, y, x] = float((inputs.valid[b, 0, rows, columns] == 1).all())
    assert torch.equal(inputs.valid_cells, expected)
    assert expected[0].sum() == 18
    assert expected[1].sum() == 29


def test_a_thousand_images_that_nobody_tagged_are_an_error():
    nobody = batch(batch_size=500, classes=2, size=(2, 2), grid=(1, 1), tags=None, valid=torch.ones(500, 1, 2, 2))
    loss = build('ImportanceSampling')
    assert loss(nobody) == 0
    with pytest.raises(ValueError, match='ImportanceSamplingLoss learns from image tags, but none of the first 1000'):
        loss(nobody)
    rare = build('ImportanceSampling')
    rare(batch())
    assert [rare(nobody).item() for _ in range(3)] == [0, 0, 0]


@pytest.mark.parametrize('weight', [0.0, 0.8, 1.0])
def test_importance_sampling_equals_the_equations(weight):
    inputs = batch()
    foreground, cells = inputs.probs[:, 1:].detach(), inputs.valid_cells
    sampled = loop_expectation(foreground, inputs.tags, mask=cells)
    with_background = F.pad(inputs.tags, (1, 0), value=1.0)
    pooled = {
        ('average', True): loop_pooling(inputs.logits[:, 1:], inputs.tags, kind='average', mask=cells),
        ('max', False): loop_pooling(foreground, inputs.tags, kind='max', mask=cells),
        ('max', True): loop_pooling(inputs.probs, with_background, kind='max', mask=cells),
    }
    for (pooling, background), term in pooled.items():
        loss = build(
            'ImportanceSampling',
            weight=weight,
            pooling=pooling,
            background=background,
            expectation=True,
            loss_weight=0.5,
        )
        torch.testing.assert_close(loss(inputs), 0.5 * ((1 - weight) * term + weight * sampled))


@pytest.mark.parametrize('weight', [0.0, 0.4, 1.0])
def test_objective_of_the_paper(weight):
    """Both terms over all classes, the background among them, as a class that every image shows."""
    inputs = batch()
    shown, cells = F.pad(inputs.tags, (1, 0), value=1.0), inputs.valid_cells
    sampled = loop_expectation(inputs.probs.detach(), shown, mask=cells)
    pooled = loop_pooling(inputs.probs.detach(), shown, kind='max', mask=cells)
    paper = {'weight': weight, 'pooling': 'max', 'sample_background': True}
    loss = build('ImportanceSampling', expectation=True, **paper)
    torch.testing.assert_close(loss(inputs), (1 - weight) * pooled + weight * sampled)
    torch.manual_seed(3)
    draws = torch.stack([build('ImportanceSampling', num_samples=1, **paper)(inputs) for _ in range(600)])
    error = 5 * draws.std() / 600**0.5
    assert (draws.mean() - loss(inputs)).abs() <= error + 1e-5
    assert (draws.std() > 0.01) == (weight > 0)


def test_draws_are_those_of_the_global_generator_and_near_their_mean():
    expected = build('ImportanceSampling', expectation=True)(batch())
    losses = []
    for draws in (100, 100, 20000):
        torch.manual_seed(7)
        losses.append(build('ImportanceSampling', num_samples=draws)(batch()))
    assert losses[0] == losses[1]
    assert losses[0] != losses[2]
    torch.testing.assert_close(losses[2], expected, rtol=0, atol=0.01)
    assert build('ImportanceSampling').num_samples == 100
    assert build('ImportanceSampling')(batch()) != build('ImportanceSampling')(batch())


@pytest.mark.parametrize('settings', [{}, {'pooling': 'max'}, {'pooling': 'max', 'weight': 0}, {'weight': 1}])
def test_images_that_nobody_tagged_have_no_effect(settings):
    loss = build('ImportanceSampling', expectation=True, **settings)
    inputs = batch()
    tags = inputs.tags.clone()
    tags[1] = NAN
    value, grad = run(loss, batch(tags=tags))
    other = inputs.logits.detach().clone()
    other[1] = 50 * torch.randn_like(other[1])
    other_value, other_grad = run(loss, batch(tags=tags, logits=other))
    assert torch.equal(value, other_value)
    assert torch.equal(grad, other_grad)
    assert not grad[1].any()
    kept = [0, 2]
    alone = batch(logits=inputs.logits[kept], image=inputs.image[kept], valid=inputs.valid[kept], tags=tags[kept])
    torch.testing.assert_close(loss(alone), value, rtol=1e-4, atol=1e-5)
    for unknown in (None, torch.full((3, 3), NAN)):
        value, grad = run(loss, batch(tags=unknown))
        assert value == 0
        assert not grad.any()


@pytest.mark.parametrize('kind', ['ImportanceSampling', 'FeatureSimilarity'])
def test_what_lies_outside_the_image_has_no_effect(kind):
    settings = {'expectation': True} if kind == 'ImportanceSampling' else {}
    loss = build(kind, **settings)
    inputs = batch()
    value, grad = run(loss, inputs)
    image = torch.where(inputs.valid > 0, inputs.image, NAN)
    logits = torch.where(inputs.valid_cells > 0, inputs.logits, -7).detach()
    other_value, other_grad = run(loss, batch(image=image, logits=logits))
    assert torch.equal(value, other_value)
    assert torch.equal(grad, other_grad)
    assert not grad[(inputs.valid_cells == 0).expand_as(grad)].any()
    assert grad.abs().max() > 1e-4


@pytest.mark.parametrize('size', [(14, 18), (3, 4)])
def test_feature_similarity_equals_the_reference(size):
    inputs = batch(size=size) if size == (14, 18) else batch(size=size, valid=torch.ones(3, 1, *size))
    inputs.valid[2, 0, 1, 2] = 0
    clean = torch.where(inputs.valid > 0, inputs.image, 0)
    image = F.interpolate(clean, (5, 6), mode='bilinear', align_corners=True)
    settings = {'sigma': 2.0, 'radius': 3.0}
    expected = feature_similarity_loss(inputs.probs, image, mu=1.7, mask=inputs.valid_cells, **settings)
    loss = build('FeatureSimilarity', mu=1.7, loss_weight=0.3, **settings)
    torch.testing.assert_close(loss(inputs), 0.3 * expected)
    plain = F.interpolate(inputs.image, (5, 6), mode='bilinear', align_corners=True)
    expected = feature_similarity_loss(inputs.probs, plain, mu=1.7, **settings)
    torch.testing.assert_close(build('FeatureSimilarity', mu=1.7, mask=False, **settings)(inputs), expected)


def test_feature_similarity_defaults_are_the_published_ones():
    inputs = batch()
    explicit = build('FeatureSimilarity', mu=2.5, sigma=5, radius=None, mask=True, loss_weight=1.0)
    assert torch.equal(build('FeatureSimilarity')(inputs), explicit(inputs))
    assert list(build('FeatureSimilarity').parameters()) == []


def test_learnt_mu_starts_where_told_and_stays_in_its_range():
    inputs = batch()
    loss = build('FeatureSimilarity', mu=2.0, learn_mu=True, mu_range=(1.0, 3.0))
    torch.testing.assert_close(loss(inputs), build('FeatureSimilarity', mu=2.0)(inputs))
    optimizer = torch.optim.SGD(loss.parameters(), lr=1e4)
    values = [loss.mu.item()]
    for _ in range(5):
        optimizer.zero_grad()
        loss(batch()).backward()
        optimizer.step()
        values.append(loss.mu.item())
    assert values == sorted(values)
    assert values[0] == pytest.approx(2.0)
    assert 2.5 < values[-1] <= 3.0
    other = build('FeatureSimilarity', learn_mu=True)
    assert other.mu.item() == pytest.approx(2.5)
    other.load_state_dict(loss.state_dict())
    assert other.theta == loss.theta


def test_learnt_sigma_starts_where_told_stays_in_its_range_and_is_logged():
    inputs = batch()
    loss = build('FeatureSimilarity', sigma=2.0, learn_sigma=True, sigma_range=(0.5, 2.5))
    torch.testing.assert_close(loss(inputs), build('FeatureSimilarity', sigma=2.0)(inputs))
    assert {name: value.item() for name, value in loss.statistics.items()} == {'sigma': pytest.approx(2.0)}
    optimizer = torch.optim.SGD(loss.parameters(), lr=1e5)
    start = loss.sigma.item()
    for _ in range(5):
        optimizer.zero_grad()
        loss(batch()).backward()
        optimizer.step()
        assert 0.5 <= loss.sigma.item() <= 2.5
    assert loss.sigma.item() != pytest.approx(start)
    both = build('FeatureSimilarity', learn_mu=True, learn_sigma=True)
    both(inputs).backward()
    assert {name for name, _ in both.named_parameters()} == {'theta', 'theta_sigma'}
    assert all(p.grad.abs() > 0 for p in both.parameters())
    assert set(both.statistics) == {'mu', 'sigma'}


def test_feature_similarity_of_the_paper_is_divided_by_pairs():
    inputs = batch(valid=torch.ones(3, 1, 14, 18))
    pixels, pairs = (build('FeatureSimilarity', normalise=way)(inputs) for way in ('pixels', 'pairs'))
    torch.testing.assert_close(30 * pairs, pixels)


@pytest.mark.parametrize('classes', [2, 150])
@pytest.mark.parametrize('kind', ['ImportanceSampling', 'FeatureSimilarity'])
def test_any_number_of_classes_and_a_batch_of_one_under_autocast(kind, classes):
    inputs = batch(1, classes, grid=(3, 3), tags=torch.zeros(1, classes - 1))
    with torch.autocast('cpu', torch.bfloat16):
        value, grad = run(build(kind), inputs)
    assert value.dtype == torch.float32
    assert value.isfinite()
    assert grad.isfinite().all()


def test_in_a_segmentor_every_parameter_gets_a_gradient():
    losses = {
        'loss_tags': {'type': 'ImportanceSamplingLoss'},
        'loss_similarity': {'type': 'FeatureSimilarityLoss', 'learn_mu': True},
    }
    model = MODELS.build(model_config('deeplabv3plus', losses=losses))
    model.init_weights()
    data = raw_batch()
    for sample in data['data_samples']:
        sample.set_data({'gt_tags': torch.tensor([1])})
    prepared = model.data_preprocessor(data, training=True)
    total, log = model.parse_losses(model.loss(**prepared))
    total.backward()
    assert {'loss_tags', 'loss_similarity'} < set(log)
    assert [name for name, p in model.named_parameters() if p.grad is None] == []
    assert model.losses['loss_similarity'].theta.grad < 0


@pytest.mark.parametrize(
    ('settings', 'message'),
    [
        ({'type': 'ImportanceSamplingLoss', 'weight': 1.2}, r'weight must be the share.*\[0, 1\], got 1.2'),
        ({'type': 'ImportanceSamplingLoss', 'pooling': 'mean'}, "pooling must be one of average, max, got 'mean'"),
        ({'type': 'ImportanceSamplingLoss', 'num_samples': 0}, 'num_samples must be a positive integer'),
        ({'type': 'ImportanceSamplingLoss', 'eps': 0}, 'eps must be a number between 0 and 1'),
        ({'type': 'FeatureSimilarityLoss', 'sigma': 0}, 'sigma must be a finite number above 0'),
        ({'type': 'FeatureSimilarityLoss', 'radius': -1}, 'radius must be a finite number above 0'),
        ({'type': 'FeatureSimilarityLoss', 'mu': math.inf}, 'mu must be finite'),
        ({'type': 'FeatureSimilarityLoss', 'backend': 'numpy'}, "unknown backend 'numpy'"),
        (
            {'type': 'FeatureSimilarityLoss', 'learn_mu': True, 'mu': 4.0},
            r'mu_range=\(low, high\) with low < mu < high, got \(1.0, 4.0\) and mu=4.0',
        ),
        (
            {'type': 'FeatureSimilarityLoss', 'sigma': 0.5, 'learn_sigma': True},
            r'sigma_range=\(low, high\) with low < sigma < high, got \(1.0, 10.0\) and sigma=0.5',
        ),
        (
            {'type': 'FeatureSimilarityLoss', 'learn_sigma': True, 'sigma_range': (0, 9)},
            'the low end of sigma_range must be a finite number above 0, got 0',
        ),
        (
            {'type': 'FeatureSimilarityLoss', 'normalise': 'images'},
            "normalise must be one of pixels, pairs, got 'images'",
        ),
    ],
)
def test_bad_settings(settings, message):
    with pytest.raises(ValueError, match=message):
        MODELS.build(settings)


def test_background_alone_is_refused():
    with pytest.raises(ValueError, match='at least one class, got num_classes=1'):
        build('ImportanceSampling').check_num_classes(1)
