import math

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from mmseg_wsss.functional import focal_mask_penalty, ngwp


def case(shape=(2, 3, 4, 5), seed=0, dtype=torch.float64):
    generator = torch.Generator().manual_seed(seed)
    logits = 3 * torch.randn(shape, generator=generator, dtype=torch.float64)
    mask = (torch.rand(shape[0], 1, *shape[2:], generator=generator) > 0.3).to(dtype)
    return logits.to(dtype), logits.softmax(dim=1).to(dtype), mask


def pixels(mask, field, b):
    for y in range(field.shape[2]):
        for x in range(field.shape[3]):
            if mask is None or mask[b, 0, y, x] >= 1:
                yield y, x


def loop_ngwp(logits, probs, eps=1.0, mask=None):
    scores = torch.zeros(logits.shape[:2], dtype=torch.float64)
    for b in range(logits.shape[0]):
        for c in range(logits.shape[1]):
            numerator = denominator = 0.0
            for y, x in pixels(mask, logits, b):
                numerator += float(probs[b, c, y, x] * logits[b, c, y, x])
                denominator += float(probs[b, c, y, x])
            scores[b, c] = numerator / (eps + denominator)
    return scores


def loop_penalty(probs, exponent=3.0, floor=0.01, mask=None):
    result = torch.zeros(probs.shape[:2], dtype=torch.float64)
    for b in range(probs.shape[0]):
        for c in range(probs.shape[1]):
            values = [float(probs[b, c, y, x]) for y, x in pixels(mask, probs, b)]
            mean = sum(values) / len(values) if values else 0.0
            result[b, c] = (1 - mean) ** exponent * math.log(floor + mean)
    return result


@pytest.mark.parametrize('masked', [False, True])
@pytest.mark.parametrize('eps', [1.0, 1e-3, 7.5])
def test_ngwp_equals_the_loop(masked, eps):
    logits, probs, mask = case()
    mask = mask if masked else None
    torch.testing.assert_close(ngwp(logits, probs, eps=eps, mask=mask), loop_ngwp(logits, probs, eps, mask))
    torch.testing.assert_close(ngwp(logits, probs, mask=mask), loop_ngwp(logits, probs, 1.0, mask))


@pytest.mark.parametrize('masked', [False, True])
@pytest.mark.parametrize(('exponent', 'floor'), [(3.0, 0.01), (5, 0.1), (0, 0.01), (0.5, 1.0)])
def test_penalty_equals_the_loop(masked, exponent, floor):
    _, probs, mask = case()
    mask = mask if masked else None
    result = focal_mask_penalty(probs, exponent=exponent, floor=floor, mask=mask)
    torch.testing.assert_close(result, loop_penalty(probs, exponent, floor, mask))
    torch.testing.assert_close(focal_mask_penalty(probs, mask=mask), loop_penalty(probs, mask=mask))


def test_by_hand():
    # One channel: logits 1 and 3 with probabilities 1/2 and 1: (0.5 + 3) / (1 + 1.5), mean 3/4.
    logits, probs = torch.tensor([[[[1.0], [3.0]]]]), torch.tensor([[[[0.5], [1.0]]]])
    assert ngwp(logits, probs).item() == pytest.approx(3.5 / 2.5)
    assert focal_mask_penalty(probs).item() == pytest.approx(0.25**3 * math.log(0.76))
    # The second pixel is outside: 0.5 / 1.5, mean 1/2.
    mask = torch.tensor([[[[1.0], [0.0]]]])
    assert ngwp(logits, probs, mask=mask).item() == pytest.approx(1 / 3)
    assert focal_mask_penalty(probs, mask=mask).item() == pytest.approx(0.5**3 * math.log(0.51))


def test_size_decides_with_the_penalty_and_not_without():
    # A class that claims one pixel of 100 firmly, and one that claims half of them: nGWP alone hardly tells.
    probs = torch.zeros(1, 2, 10, 10)
    probs[0, 0, 0, 0] = 1
    probs[0, 1, :5] = 1
    penalty = focal_mask_penalty(probs)[0]
    assert penalty[0] == pytest.approx(0.99**3 * math.log(0.02), rel=1e-5)
    assert penalty[1] == pytest.approx(0.5**3 * math.log(0.51), rel=1e-5)


@pytest.mark.parametrize('masked', [False, True])
def test_gradcheck(masked):
    logits, probs, mask = case((2, 2, 3, 2))
    mask = mask if masked else None
    logits, probs = logits.requires_grad_(), probs.detach().requires_grad_()
    assert torch.autograd.gradcheck(lambda s, m: ngwp(s, m, mask=mask), (logits, probs))
    assert torch.autograd.gradcheck(lambda m: focal_mask_penalty(m, mask=mask), probs)
    assert torch.autograd.gradcheck(lambda s: ngwp(s, s.softmax(1), mask=mask), logits)


@pytest.mark.parametrize('bad', [math.nan, math.inf, -math.inf])
def test_masked_pixels_have_no_effect_whatever_they_hold(bad):
    logits, probs, mask = case()
    inside = (mask > 0).expand_as(logits)
    leaves = [torch.where(inside, x, 0).requires_grad_() for x in (logits, probs)]
    broken = [torch.where(inside, x, bad).requires_grad_() for x in (logits, probs)]
    for function in (
        lambda s, m: ngwp(s, m, mask=mask),
        lambda s, m: focal_mask_penalty(m, mask=mask) + 0 * s[0, 0, 0, 0],
    ):
        broken[0].data[0, 0, 0, 0] = leaves[0].data[0, 0, 0, 0]
        expected, result = function(*leaves), function(*broken)
        assert torch.equal(result, expected)
        expected_grads = torch.autograd.grad(expected.sum(), leaves, allow_unused=True)
        for grad, expected_grad in zip(torch.autograd.grad(result.sum(), broken), expected_grads, strict=True):
            assert torch.equal(grad, expected_grad)
            assert not grad[~inside].any()


def test_an_image_without_a_pixel_inside():
    logits, probs, mask = case()
    mask[1] = 0
    logits.requires_grad_()
    scores = ngwp(logits, probs, mask=mask)
    penalty = focal_mask_penalty(logits.softmax(1), mask=mask)
    assert scores[1].tolist() == [0, 0, 0]
    torch.testing.assert_close(penalty[1], torch.full((3,), math.log(0.01), dtype=torch.float64))
    (scores.sum() + penalty.sum()).backward()
    assert not logits.grad[1].any()
    assert logits.grad[0].any()


def test_padding_with_a_mask_changes_nothing():
    logits, probs, _ = case((1, 2, 8, 8))
    padded = [torch.nn.functional.pad(x, (0, 4, 0, 4)) for x in (logits, probs)]
    mask = torch.nn.functional.pad(torch.ones(1, 1, 8, 8), (0, 4, 0, 4))
    torch.testing.assert_close(ngwp(*padded, mask=mask), ngwp(logits, probs))
    torch.testing.assert_close(focal_mask_penalty(padded[1], mask=mask), focal_mask_penalty(probs))
    for dtype in (torch.bool, torch.uint8):
        assert torch.equal(ngwp(*padded, mask=mask.to(dtype)), ngwp(*padded, mask=mask))
    mask[0, 0, 2, 2] = 0.99
    assert torch.equal(ngwp(*padded, mask=mask), ngwp(*padded, mask=mask == 1))


@settings(max_examples=20, derandomize=True, deadline=None)
@given(
    st.tuples(st.integers(1, 3), st.integers(1, 6), st.integers(1, 7), st.integers(1, 7)),
    st.floats(0.01, 10),
    st.floats(0, 6),
    st.floats(0.001, 1),
)
def test_bounds_permutations_and_flips(shape, eps, exponent, floor):
    logits, probs, mask = case(shape)
    scores = ngwp(logits, probs, eps=eps, mask=mask)
    assert (scores.abs() <= logits.abs().amax(dim=(2, 3))).all()
    penalty = focal_mask_penalty(probs, exponent=exponent, floor=floor, mask=mask)
    assert (penalty <= math.log(1 + floor) + 1e-12).all()
    assert (penalty >= math.log(floor) - 1e-12).all()
    order = torch.randperm(shape[1])
    torch.testing.assert_close(ngwp(logits[:, order], probs[:, order], eps=eps, mask=mask), scores[:, order])
    flipped = focal_mask_penalty(probs.flip(3), exponent=exponent, floor=floor, mask=mask.flip(3))
    torch.testing.assert_close(flipped, penalty)


def test_150_classes_and_full_masks():
    logits, probs, _ = case((1, 150, 5, 3))
    torch.testing.assert_close(ngwp(logits, probs), loop_ngwp(logits, probs))
    full = torch.ones(1, 1, 33, 31, requires_grad=True)
    for exponent in (3.0, 0.5, 0.0):
        (grad,) = torch.autograd.grad(focal_mask_penalty(full + 1e-7, exponent=exponent).sum(), full)
        assert grad.isfinite().all()


@pytest.mark.parametrize('dtype', [torch.float16, torch.bfloat16])
def test_half_precision_is_computed_in_float32(dtype):
    # 300 x 300 pixels: a half would stop counting at 2048, or overflow.
    logits, probs, _ = case((1, 2, 300, 300), dtype=dtype)
    for result, expected in (
        (ngwp(logits, probs), ngwp(logits.float(), probs.float())),
        (focal_mask_penalty(probs), focal_mask_penalty(probs.float())),
    ):
        assert result.dtype == torch.float32
        torch.testing.assert_close(result, expected)
    logits, probs, _ = case(dtype=torch.float32)
    with torch.autocast('cpu', torch.bfloat16):
        result = ngwp(logits, probs), focal_mask_penalty(probs)
    assert torch.equal(result[0], ngwp(logits, probs))
    assert torch.equal(result[1], focal_mask_penalty(probs))


@pytest.mark.parametrize(
    ('change', 'error', 'message'),
    [
        ({'logits': torch.ones(1, 3, 4, 4, dtype=torch.long)}, TypeError, 'logits must be a floating-point tensor'),
        ({'logits': torch.ones(3, 4, 4)}, ValueError, 'logits must have the shape'),
        ({'probs': torch.ones(1, 2, 4, 4)}, ValueError, r'probs must have the shape of logits, \(1, 3, 4, 4\)'),
        ({'mask': torch.ones(1, 4, 4)}, ValueError, r'mask must have the shape \(1, 1, h, w\)'),
        ({'mask': torch.ones(1, 1, 8, 8)}, ValueError, r'size of logits, \(4, 4\), got \(8, 8\); reduce it'),
        ({'eps': 0}, ValueError, 'eps must be a finite number above 0, got 0'),
        ({'eps': '1'}, TypeError, 'eps must be a number above 0'),
    ],
)
def test_ngwp_errors(change, error, message):
    arguments = {'logits': torch.ones(1, 3, 4, 4), 'probs': torch.ones(1, 3, 4, 4), **change}
    with pytest.raises(error, match=message):
        ngwp(arguments.pop('logits'), arguments.pop('probs'), **arguments)


@pytest.mark.parametrize(
    ('change', 'error', 'message'),
    [
        ({'probs': None}, TypeError, 'probs must be a floating-point tensor'),
        ({'mask': torch.ones(1, 1, 8, 8)}, ValueError, 'mask must have the size of probs'),
        ({'exponent': -1}, ValueError, 'exponent must be a finite number from 0, got -1'),
        ({'exponent': True}, TypeError, 'exponent must be a number from 0'),
        ({'floor': 0}, ValueError, 'floor must be a finite number above 0, got 0'),
    ],
)
def test_penalty_errors(change, error, message):
    arguments = {'probs': torch.ones(1, 3, 4, 4), **change}
    with pytest.raises(error, match=message):
        focal_mask_penalty(arguments.pop('probs'), **arguments)
