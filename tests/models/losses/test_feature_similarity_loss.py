import math

import pytest
import torch
import torch.nn.functional as F
from mmseg.registry import MODELS

from mmseg_wsss.functional import feature_similarity_loss
from tests.helpers.cam_losses import batch, build


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


def test_learned_mu_starts_where_told_and_stays_in_its_range():
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


def test_learned_sigma_starts_where_told_stays_in_its_range_and_is_logged():
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


@pytest.mark.parametrize(
    ('settings', 'message'),
    [
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
