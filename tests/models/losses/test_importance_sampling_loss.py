import pytest
import torch
import torch.nn.functional as F
from mmseg.registry import MODELS

from tests.helpers.cam_losses import NAN, batch, build, run
from tests.helpers.importance_sampling import loop_expectation, loop_pooling


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


@pytest.mark.parametrize(
    ('settings', 'message'),
    [
        ({'type': 'ImportanceSamplingLoss', 'weight': 1.2}, r'weight must be the share.*\[0, 1\], got 1.2'),
        ({'type': 'ImportanceSamplingLoss', 'pooling': 'mean'}, "pooling must be one of average, max, got 'mean'"),
        ({'type': 'ImportanceSamplingLoss', 'num_samples': 0}, 'num_samples must be a positive integer'),
        ({'type': 'ImportanceSamplingLoss', 'eps': 0}, 'eps must be a number between 0 and 1'),
    ],
)
def test_bad_settings(settings, message):
    with pytest.raises(ValueError, match=message):
        MODELS.build(settings)


def test_background_alone_is_refused():
    with pytest.raises(ValueError, match='at least one class, got num_classes=1'):
        build('ImportanceSampling').check_num_classes(1)
