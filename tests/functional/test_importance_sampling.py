import math

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from mmseg_wsss.functional import (
    average_pooling_loss,
    importance_sampling_loss,
    max_pooling_loss,
    probs_to_logits,
)
from tests.helpers.gated_crf import value_and_grad
from tests.helpers.importance_sampling import bce, loop_expectation, loop_pooling, random_tag_case

NAN, INF = math.nan, math.inf


def expectation(probs, tags, **chosen):
    return importance_sampling_loss(probs, tags, expectation=True, **chosen)


def sampled(probs, tags, **chosen):
    return importance_sampling_loss(probs, tags, generator=torch.Generator().manual_seed(0), **chosen)


every = pytest.mark.parametrize('loss_fn', [expectation, sampled, max_pooling_loss, average_pooling_loss])


@pytest.mark.parametrize('masked', [False, True])
@pytest.mark.parametrize('chosen', [{}, {'eps': 0.1}])
def test_expectation_equals_the_loop(masked, chosen):
    probs, tags, case = random_tag_case(masked=masked)
    loss, grad = value_and_grad(expectation, probs, tags, **chosen, **case)
    expected, expected_grad = value_and_grad(loop_expectation, probs, tags, **chosen, **case)
    torch.testing.assert_close(loss, expected, rtol=1e-9, atol=0)
    torch.testing.assert_close(grad, expected_grad, rtol=1e-9, atol=1e-14)
    assert grad.abs().max() > 0.01


@pytest.mark.parametrize('masked', [False, True])
def test_expectation_gradcheck_with_frozen_chances(masked):
    """The chances carry no gradient: freeze them in the loop, and its numerical slope is our gradient."""
    probs, tags, case = random_tag_case((2, 2, 3, 3), masked=masked)
    frozen = probs.clone()
    _, grad = value_and_grad(expectation, probs, tags, **case)
    assert torch.autograd.gradcheck(
        lambda p: loop_expectation(p, tags, chances_from=frozen, **case), probs.clone().requires_grad_()
    )
    step = 1e-6
    for index in [(0, 0, 0, 0), (1, 1, 2, 1), (0, 1, 1, 2)]:
        up, down = probs.clone(), probs.clone()
        up[index] += step
        down[index] -= step
        slope = (
            loop_expectation(up, tags, chances_from=frozen, **case)
            - loop_expectation(down, tags, chances_from=frozen, **case)
        ) / (2 * step)
        torch.testing.assert_close(grad[index], slope, rtol=1e-6, atol=1e-9)


@pytest.mark.parametrize(('loss_fn', 'kind'), [(max_pooling_loss, 'max'), (average_pooling_loss, 'average')])
@pytest.mark.parametrize('masked', [False, True])
def test_pooling_equals_the_loop(loss_fn, kind, masked):
    probs, tags, case = random_tag_case(masked=masked)
    maps = probs if kind == 'max' else 4 * probs - 2
    loss, grad = value_and_grad(loss_fn, maps, tags, **case)
    expected, expected_grad = value_and_grad(loop_pooling, maps, tags, kind=kind, **case)
    torch.testing.assert_close(loss, expected, rtol=1e-9, atol=0)
    torch.testing.assert_close(grad, expected_grad, rtol=1e-9, atol=1e-14)
    assert torch.autograd.gradcheck(lambda m: loss_fn(m, tags, **case), maps.clone().requires_grad_())


def test_by_hand():
    # One class on two pixels, 0.6 and 0.2: chances 3/4 and 1/4; eps 0.5 makes sigma(z) = (p / 2 + 1/2) / (3/2).
    probs = torch.tensor([[[[0.6, 0.2]]]], dtype=torch.float64)
    first, second = 0.8 / 1.5, 0.6 / 1.5
    loss = expectation(probs, torch.tensor([[1]]), eps=0.5)
    assert loss.item() == pytest.approx(-0.75 * math.log(first) - 0.25 * math.log(second), rel=1e-12)
    loss = expectation(probs, torch.tensor([[0]]), eps=0.5)
    assert loss.item() == pytest.approx(-0.75 * math.log(1 - first) - 0.25 * math.log(1 - second), rel=1e-12)
    loss = max_pooling_loss(probs, torch.tensor([[0]]), eps=0.5)
    assert loss.item() == pytest.approx(-math.log(1 - first), rel=1e-12)
    loss = average_pooling_loss(probs, torch.tensor([[1.0]]))
    assert loss.item() == pytest.approx(math.log(1 + math.exp(-0.4)), rel=1e-12)


def test_one_draw_is_the_loss_and_the_gradient_of_one_pixel():
    probs, tags, _ = random_tag_case((1, 1, 3, 3))
    loss, grad = value_and_grad(sampled, probs, tags, num_samples=1)
    single = bce(probs, tags, 1e-3)
    assert torch.isclose(single, loss).sum() == 1
    assert (grad != 0).nonzero().tolist() == torch.isclose(single, loss).nonzero().tolist()


@pytest.mark.parametrize('masked', [False, True])
def test_sampled_mean_converges_to_the_expectation(masked):
    probs, tags, case = random_tag_case((2, 3, 4, 4), masked=masked)
    expected, expected_grad = value_and_grad(expectation, probs, tags, **case)
    weights = probs * case.get('mask', torch.ones(2, 1, 4, 4))
    chances = (weights / weights.sum(dim=(2, 3), keepdim=True)).clamp(min=1e-9)
    errors = []
    for draws in (1000, 100_000):
        loss, grad = value_and_grad(sampled, probs, tags, num_samples=draws, **case)
        errors.append((loss - expected).abs().item())
        torch.testing.assert_close(loss, expected, rtol=0, atol=3 / math.sqrt(6 * draws))
        deviation = expected_grad.abs() / (chances * draws).sqrt()  # of a count of draws, times the slope
        assert ((grad - expected_grad).abs() <= 5 * deviation).all()
    assert errors[1] < errors[0]


def test_draws_come_from_the_generator_and_nowhere_else():
    probs, tags, _ = random_tag_case()
    state = torch.get_rng_state()
    generator = torch.Generator().manual_seed(5)
    first, second = (importance_sampling_loss(probs, tags, generator=generator) for _ in range(2))
    assert first != second
    again = importance_sampling_loss(probs, tags, generator=torch.Generator().manual_seed(5))
    assert torch.equal(first, again)
    expectation(probs, tags)
    assert torch.equal(torch.get_rng_state(), state)
    importance_sampling_loss(probs, tags)
    assert not torch.equal(torch.get_rng_state(), state)


@pytest.mark.parametrize('masked', [False, True])
def test_the_background_is_a_class_that_every_image_shows(masked):
    """Equations 1-5 of the paper: K classes with the background; its tag is 1 in the loop."""
    probs, tags, case = random_tag_case(masked=masked)
    whole = torch.cat([1 - probs.sum(dim=1, keepdim=True), probs], dim=1)
    shown = torch.cat([torch.ones_like(tags[:, :1]), tags], dim=1)
    for function, loop in (
        (expectation, loop_expectation),
        (max_pooling_loss, lambda *args, **chosen: loop_pooling(*args, kind='max', **chosen)),
    ):
        loss, grad = value_and_grad(function, whole, tags, background=True, **case)
        expected, expected_grad = value_and_grad(loop, whole, shown, **case)
        torch.testing.assert_close(loss, expected, rtol=1e-9, atol=0)
        torch.testing.assert_close(grad, expected_grad, rtol=1e-9, atol=1e-14)
        assert grad[:, 0].abs().max() > 1e-3
    frozen = [importance_sampling_loss(whole, tags, background=True, generator=torch.Generator().manual_seed(3))]
    frozen.append(importance_sampling_loss(whole, shown, generator=torch.Generator().manual_seed(3)))
    assert frozen[0] == frozen[1]


def test_only_with_the_background_does_a_tag_teach_it():
    """At uniform logits: sampling the foreground alone lowers the background's logit, with it raises it."""
    slopes = []
    for background in (False, True):
        logits = torch.zeros(1, 4, 3, 3, dtype=torch.float64, requires_grad=True)
        probs = logits.softmax(dim=1)
        tags = torch.tensor([[1, 0, 0]])
        expectation(probs if background else probs[:, 1:], tags, background=background).backward()
        slopes.append(logits.grad[0, 0].sum().item())
    assert slopes[0] > 0 > slopes[1]


def test_an_untagged_image_has_no_background_either():
    probs, tags, _ = random_tag_case((3, 2, 4, 4))
    tags[1, 0] = NAN
    for function in (expectation, max_pooling_loss):
        loss, grad = value_and_grad(function, torch.cat([probs[:, :1], probs], dim=1), tags, background=True)
        assert loss > 0
        assert not grad[1].any()


@every
@pytest.mark.parametrize('bad', [NAN, INF, -INF])
def test_untagged_images_and_masked_pixels_have_no_effect(loss_fn, bad):
    probs, tags, case = random_tag_case((4, 3, 4, 5), masked=True)
    case['mask'][3] = 0
    tags[1, 2] = NAN
    loss, grad = value_and_grad(loss_fn, probs, tags, **case)
    broken = torch.where(case['mask'] > 0, probs, bad)
    broken[1] = bad
    broken_loss, broken_grad = value_and_grad(loss_fn, broken, tags, **case)
    assert torch.equal(broken_loss, loss)
    assert torch.equal(broken_grad, grad)
    assert not grad[1].any()
    assert not grad[3].any()
    assert not grad[(case['mask'] == 0).expand_as(grad)].any()
    assert grad[0].any()
    if loss_fn is not sampled:  # the others draw other numbers when an image less is drawn
        kept = [0, 2]
        torch.testing.assert_close(loss_fn(probs[kept], tags[kept], mask=case['mask'][kept]), loss)


@every
def test_nobody_tagged(loss_fn):
    probs, tags, _ = random_tag_case()
    loss, grad = value_and_grad(loss_fn, probs, torch.full_like(tags, NAN))
    assert loss == 0
    assert not grad.any()
    loss, grad = value_and_grad(loss_fn, probs, tags, mask=torch.zeros(3, 1, 4, 5))
    assert loss == 0
    assert not grad.any()


@every
def test_nan_in_a_counted_pixel_is_not_hidden(loss_fn):
    probs, tags, _ = random_tag_case()
    probs[0, 0, 1, 1] = NAN
    assert loss_fn(probs, tags).isnan()
    if loss_fn is sampled:  # nor where it is not drawn
        assert loss_fn(probs, tags, num_samples=1).isnan()


@every
@pytest.mark.parametrize('value', [0.0, 1.0, 1e-30])
def test_extreme_probabilities(loss_fn, value):
    probs = torch.full((2, 3, 4, 4), value)
    tags = torch.tensor([[1, 0, 1], [0, 0, 0]])
    loss, grad = value_and_grad(loss_fn, probs, tags)
    assert loss.isfinite()
    assert grad.isfinite().all()
    if loss_fn is not average_pooling_loss:
        share = 2 / 6 if value == 1 else 4 / 6
        near, far = math.log(1 + math.exp(-6.9078)), math.log(1 + math.exp(6.9078))
        assert loss.item() == pytest.approx(share * near + (1 - share) * far, rel=1e-3)


@every
@pytest.mark.parametrize('classes', [1, 150])
def test_class_order_and_flips(loss_fn, classes):
    probs, tags, case = random_tag_case((1, classes, 5, 3), masked=True)
    loss = loss_fn(probs, tags, **case)
    assert loss.isfinite()
    if loss_fn is not sampled:
        order = torch.randperm(classes)
        torch.testing.assert_close(loss_fn(probs[:, order], tags[:, order], **case), loss)
        torch.testing.assert_close(loss_fn(probs.flip(2), tags, mask=case['mask'].flip(2)), loss)


@every
@pytest.mark.parametrize('dtype', [torch.float16, torch.bfloat16, torch.float32, torch.float64])
def test_types_and_autocast(loss_fn, dtype):
    probs, tags, _ = random_tag_case(dtype=dtype)
    loss, grad = value_and_grad(loss_fn, probs, tags)
    assert loss.dtype == (torch.float64 if dtype == torch.float64 else torch.float32)
    assert grad.dtype == dtype
    with torch.autocast('cpu', torch.bfloat16):
        assert torch.equal(loss_fn(probs, tags), loss)
    for kind in (torch.bool, torch.int64):
        assert torch.equal(loss_fn(probs, tags.to(kind)), loss)


@every
def test_inputs_are_not_changed(loss_fn):
    probs, tags, case = random_tag_case(masked=True)
    tags[0] = NAN
    before = [tensor.clone() for tensor in (probs, tags, case['mask'])]
    value_and_grad(loss_fn, probs, tags, **case)
    for tensor, copy in zip((probs, tags, case['mask']), before, strict=True):
        torch.testing.assert_close(tensor, copy, rtol=0, atol=0, equal_nan=True)


@settings(max_examples=20, derandomize=True, deadline=None)
@given(st.lists(st.floats(0, 1), min_size=2, max_size=6), st.booleans())
def test_expectation_lies_between_the_losses_of_its_pixels(values, tag):
    probs = torch.tensor(values, dtype=torch.float64).view(1, 1, 1, -1)
    loss = expectation(probs, torch.tensor([[tag]]))
    single = bce(probs, float(tag), 1e-3)
    assert single.min() - 1e-9 <= loss <= single.max() + 1e-9


def test_logits():
    torch.testing.assert_close(
        probs_to_logits(torch.tensor([0.0, 1.0, 0.3]), eps=1e-3),
        torch.tensor([math.log(1e-3), -math.log(1e-3), math.log(0.3007 / 0.7003)]),
    )
    assert probs_to_logits(torch.tensor([0.5], dtype=torch.bfloat16)).dtype == torch.float32


@pytest.mark.parametrize(
    ('change', 'error', 'message'),
    [
        ({'probs': torch.ones(1, 3, 4, 4, dtype=torch.long)}, TypeError, 'probs must be a floating-point tensor'),
        ({'probs': torch.ones(3, 4, 4)}, ValueError, r'probs must have the shape \(B, K, H, W\)'),
        ({'tags': [[1, 0, 0]]}, TypeError, 'tags must be a tensor'),
        ({'tags': torch.ones(1, 4)}, ValueError, r'tags must have the shape \(1, 3\).*leave the background out'),
        (
            {'background': True},
            ValueError,
            r'tags must have the shape \(1, 2\), one value per class in probs after the background, got \(1, 3\); '
            'tags are only for the foreground',
        ),
        ({'mask': torch.ones(1, 4, 4)}, ValueError, r'mask must have the shape \(1, 1, h, w\)'),
        ({'mask': torch.ones(1, 1, 8, 8)}, ValueError, r'mask must have the size of probs, \(4, 4\), got \(8, 8\)'),
        ({'eps': 0}, ValueError, 'eps must be a number between 0 and 1, such as 1e-3, got 0'),
        ({'eps': 1.0}, ValueError, 'eps must be a number between 0 and 1'),
        ({'num_samples': 0}, ValueError, 'num_samples must be a positive integer, got 0'),
        ({'num_samples': 2.5}, ValueError, 'num_samples must be a positive integer, got 2.5'),
    ],
)
def test_errors(change, error, message):
    arguments = {'probs': torch.ones(1, 3, 4, 4), 'tags': torch.ones(1, 3), **change}
    with pytest.raises(error, match=message):
        importance_sampling_loss(arguments.pop('probs'), arguments.pop('tags'), **arguments)
