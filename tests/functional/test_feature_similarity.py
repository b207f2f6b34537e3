"""The contract of ``feature_similarity_loss``, kept by the reference and by its fast twin alike."""

import math

import pytest
import torch

from mmseg_wsss import functional, ops
from tests.helpers.feature_similarity import loop_feature_similarity, random_similarity_case
from tests.helpers.gated_crf import value_and_grad

both = pytest.mark.parametrize(
    'loss_fn', [functional.feature_similarity_loss, ops.feature_similarity_loss], ids=['reference', 'op']
)


@both
@pytest.mark.parametrize('masked', [False, True])
@pytest.mark.parametrize(
    ('shape', 'settings'),
    [
        ((2, 3, 4, 5), {}),
        ((1, 4, 6, 3), {'mu': 1.0, 'sigma': 1.5}),
        ((1, 2, 5, 5), {'radius': 2}),
        ((2, 2, 4, 3), {'normalise': 'pairs', 'sigma': torch.tensor(3.0)}),
        ((1, 2, 3, 6), {'radius': 2.3, 'mu': -1, 'sigma': 2}),
        ((1, 1, 1, 4), {'radius': 0.5}),  # no pair but a pixel with itself
    ],
)
def test_equals_the_loop(loss_fn, masked, shape, settings):
    probs, image, chosen = random_similarity_case(shape, masked=masked)
    chosen.update(settings)
    expected, expected_grad = value_and_grad(loop_feature_similarity, probs, image, **chosen)
    loss, grad = value_and_grad(loss_fn, probs, image, **chosen)
    torch.testing.assert_close(loss, expected, rtol=1e-9, atol=1e-14)
    torch.testing.assert_close(grad, expected_grad, rtol=1e-9, atol=1e-14)
    assert (grad.abs().max() > 1e-4) == (settings.get('radius') != 0.5)


@both
def test_by_hand(loss_fn):
    # Two pixels side by side that differ by 0.3 in one colour: delta 0.1; each pair counted twice, two pixels.
    probs = torch.tensor([[[[0.9, 0.4]], [[0.1, 0.6]]]], dtype=torch.float64)
    image = torch.tensor([[[[0.5, 0.2]], [[0.7, 0.7]], [[0.1, 0.1]]]], dtype=torch.float64)
    f = math.tanh(1.5 + math.log(0.10001 / 0.90001))
    weight = math.exp(-0.5 / 4) / (2 * math.pi * 4)
    loss = loss_fn(probs, image, mu=1.5, sigma=2)
    assert loss.item() == pytest.approx(-weight * 0.25 * f, rel=1e-9)
    assert loss_fn(probs, image, mu=1.5, sigma=2, radius=1).item() == pytest.approx(loss.item(), rel=1e-12)
    # Only pairs of a pixel with itself are left, of which rounding may leave something.
    assert loss_fn(probs, image, mu=1.5, sigma=2, radius=0.99).item() == pytest.approx(0, abs=1e-15)


@both
def test_alike_pixels_attract_and_unlike_ones_repel(loss_fn):
    probs = torch.tensor([[[[0.6, 0.4]], [[0.4, 0.6]]]], dtype=torch.float64)
    for delta, sign in ((0.074, 1), (0.078, -1)):
        image = torch.zeros(1, 3, 1, 2)
        image[..., 1] = delta
        loss, grad = value_and_grad(loss_fn, probs, image)
        assert loss.sign() == sign
        assert grad[0, 0, 0, 0].sign() == sign  # a step downhill brings alike predictions together


@both
@pytest.mark.parametrize('masked', [False, True])
@pytest.mark.parametrize('radius', [None, 2])
def test_gradcheck_with_a_learned_mu(loss_fn, masked, radius):
    probs, image, chosen = random_similarity_case((2, 3, 4, 3), masked=masked)
    mu = torch.tensor(2.0, dtype=torch.float64, requires_grad=True)
    function = lambda probs, mu: loss_fn(probs, image, mu=mu, radius=radius, **chosen)  # noqa: E731
    assert torch.autograd.gradcheck(function, (probs.requires_grad_(), mu))
    assert torch.autograd.gradcheck(lambda mu: function(probs.detach(), mu), mu)
    assert torch.autograd.gradcheck(lambda probs: function(probs, mu.detach()), probs)


@both
@pytest.mark.parametrize('masked', [False, True])
@pytest.mark.parametrize('settings', [{}, {'radius': 2, 'normalise': 'pairs'}])
def test_gradcheck_with_a_learned_sigma(loss_fn, masked, settings):
    probs, image, chosen = random_similarity_case((2, 3, 4, 3), masked=masked)
    sigma = torch.tensor(1.7, dtype=torch.float64, requires_grad=True)
    mu = torch.tensor(2.0, dtype=torch.float64, requires_grad=True)
    function = lambda probs, mu, sigma: loss_fn(probs, image, mu=mu, sigma=sigma, **settings, **chosen)  # noqa: E731
    assert torch.autograd.gradcheck(function, (probs.requires_grad_(), mu, sigma))
    assert torch.autograd.gradcheck(lambda sigma: function(probs.detach(), mu.detach(), sigma), sigma)
    loss = function(probs.detach(), 2.0, sigma)
    loss.backward()
    learned = sigma.detach().clone().requires_grad_()
    expected = loop_feature_similarity(probs.detach(), image, mu=2.0, sigma=learned, **settings, **chosen)
    expected.backward()
    torch.testing.assert_close(sigma.grad, learned.grad, rtol=1e-9, atol=1e-14)
    assert sigma.grad.abs() > 1e-5


@both
def test_pairs_are_as_many_as_pixels_squared(loss_fn):
    probs, image, _ = random_similarity_case((2, 3, 4, 5))
    pixels, pairs = (loss_fn(probs, image, normalise=way) for way in ('pixels', 'pairs'))
    torch.testing.assert_close(pairs * 20, pixels, rtol=1e-12, atol=0)


@both
def test_mu_of_any_shape_and_size(loss_fn):
    probs, image, _ = random_similarity_case((1, 3, 4, 4))
    expected = loss_fn(probs, image, mu=2.0)
    for mu in (2, torch.tensor(2), torch.tensor([2.0]), torch.tensor([[2.0]], dtype=torch.float16)):
        torch.testing.assert_close(loss_fn(probs, image, mu=mu), expected)
    mu = torch.tensor([2.0], requires_grad=True)
    loss_fn(probs, image, mu=mu).backward()
    assert mu.grad.shape == (1,)
    assert mu.grad.dtype == torch.float32
    assert mu.grad < 0
    for extreme, sign in ((60.0, -1), (-60.0, 1)):  # f is 1 or -1 everywhere
        mu = torch.tensor(extreme, requires_grad=True)
        loss, grad = value_and_grad(loss_fn, probs.float(), image.float(), mu=mu)
        assert loss.sign() == sign
        assert grad.isfinite().all()
        assert mu.grad.abs() < 1e-6


@both
@pytest.mark.parametrize('bad', [math.nan, math.inf, -math.inf])
@pytest.mark.parametrize('radius', [None, 2])
def test_masked_pixels_have_no_effect_whatever_they_hold(loss_fn, bad, radius):
    probs, image, chosen = random_similarity_case((2, 3, 5, 6), masked=True)
    chosen.update(radius=radius)
    inside = chosen['mask'] > 0
    loss, grad = value_and_grad(loss_fn, probs, image, **chosen)
    broken_probs, broken_image = torch.where(inside, probs, bad), torch.where(inside, image, bad)
    broken_loss, broken_grad = value_and_grad(loss_fn, broken_probs, broken_image, **chosen)
    assert torch.equal(broken_loss, loss)
    assert torch.equal(broken_grad, grad)
    assert grad.isfinite().all()
    assert not grad[(~inside).expand_as(grad)].any()
    mu = torch.tensor(2.0, dtype=torch.float64, requires_grad=True)
    loss_fn(broken_probs, broken_image, mu=mu, **chosen).backward()
    assert mu.grad.isfinite()


@both
def test_denominator_and_empty_masks(loss_fn):
    probs, image, _ = random_similarity_case((2, 3, 4, 4))
    mask = torch.ones(2, 1, 4, 4)
    expected = loss_fn(probs, image)
    for dtype in (torch.bool, torch.int64, torch.float64):
        torch.testing.assert_close(loss_fn(probs, image, mask=mask.to(dtype)), expected)
    mask[1] = 0.99
    torch.testing.assert_close(loss_fn(probs, image, mask=mask), loss_fn(probs[:1], image[:1]))
    loss, grad = value_and_grad(loss_fn, probs, image, mask=0 * mask)
    assert loss == 0
    assert not grad.any()


@both
def test_nan_in_a_counted_pixel_is_not_hidden(loss_fn):
    probs, image, _ = random_similarity_case((1, 2, 4, 4))
    image[0, 1, 2, 2] = math.nan
    assert loss_fn(probs, image).isnan()


@both
def test_colours_are_clamped(loss_fn):
    probs, image, _ = random_similarity_case((1, 2, 4, 4))
    image = 8 * image - 3
    assert image.min() < 0
    assert image.max() > 1
    assert torch.equal(loss_fn(probs, image), loss_fn(probs, image.clamp(0, 1)))


@both
def test_flips_and_permutations(loss_fn):
    probs, image, chosen = random_similarity_case((2, 4, 5, 6), masked=True)
    chosen.update(radius=3.5)
    mask = chosen.pop('mask')
    expected = loss_fn(probs, image, mask=mask, **chosen)
    torch.testing.assert_close(loss_fn(probs[:, [2, 0, 3, 1]], image[:, [1, 2, 0]], mask=mask, **chosen), expected)
    for axes in ((2,), (3,), (2, 3)):
        flipped = loss_fn(probs.flip(axes), image.flip(axes), mask=mask.flip(axes), **chosen)
        torch.testing.assert_close(flipped, expected)
    turned = loss_fn(probs.mT, image.mT, mask=mask.mT, **chosen)
    torch.testing.assert_close(turned, expected)


@both
@pytest.mark.parametrize('dtype', [torch.float16, torch.bfloat16, torch.float32, torch.float64])
def test_types_and_autocast(loss_fn, dtype):
    probs, image, _ = random_similarity_case((1, 3, 6, 6), dtype=dtype)
    loss, grad = value_and_grad(loss_fn, probs, image)
    assert loss.dtype == (torch.float64 if dtype == torch.float64 else torch.float32)
    assert grad.dtype == dtype
    probs.requires_grad_()
    with torch.autocast('cpu', torch.bfloat16):
        cast_loss = loss_fn(probs, image)
    cast_loss.backward()
    assert torch.equal(cast_loss, loss)
    assert torch.equal(probs.grad, grad)


@both
def test_inputs_are_not_changed_and_the_image_gets_no_gradient(loss_fn):
    probs, image, chosen = random_similarity_case((1, 3, 4, 4), masked=True)
    given_tensors = [probs, image.requires_grad_(), chosen['mask'], torch.tensor(2.0, requires_grad=True)]
    before = [tensor.detach().clone() for tensor in given_tensors]
    value_and_grad(loss_fn, probs, image, mu=given_tensors[3], **chosen)
    value_and_grad(loss_fn, probs, image)
    assert image.grad is None
    for tensor, copy in zip(given_tensors, before, strict=True):
        assert torch.equal(tensor, copy)


@both
@pytest.mark.parametrize(
    ('change', 'error', 'message'),
    [
        ({'probs': torch.ones(1, 3, 4, 4, dtype=torch.long)}, TypeError, 'probs must be a floating-point tensor'),
        ({'probs': torch.ones(3, 4, 4)}, ValueError, r'probs must have the shape \(B, K, H, W\)'),
        ({'image': None}, TypeError, 'image must be a floating-point tensor'),
        ({'image': torch.ones(1, 3, 4, 4, dtype=torch.uint8)}, TypeError, 'image must be a floating-point tensor'),
        ({'image': torch.ones(2, 3, 4, 4)}, ValueError, 'image must have the batch and the size of probs'),
        ({'image': torch.ones(1, 3, 8, 8)}, ValueError, r'\(1, 3, 4, 4\), got \(1, 3, 8, 8\); resize the image'),
        ({'mask': torch.ones(1, 4, 4)}, ValueError, r'mask must have the shape \(1, 1, h, w\)'),
        ({'mask': torch.ones(1, 1, 8, 8)}, ValueError, r'mask must have the size of probs, \(4, 4\), got \(8, 8\)'),
        ({'mu': '2.5'}, TypeError, 'mu must be a number or a tensor of one number'),
        ({'mu': math.nan}, ValueError, 'mu must be finite, got nan'),
        ({'mu': torch.ones(2)}, ValueError, 'mu must be a number or a tensor of one number'),
        ({'sigma': 0}, ValueError, 'sigma must be a finite number above 0, got 0'),
        ({'sigma': torch.ones(2)}, ValueError, 'sigma must be a number or a tensor of one number, got a tensor'),
        ({'sigma': '5'}, TypeError, "sigma must be a number above 0, got str '5'"),
        ({'normalise': 'images'}, ValueError, "normalise must be one of pixels, pairs, got 'images'"),
        ({'radius': -1}, ValueError, 'radius must be a finite number above 0, got -1'),
    ],
)
def test_errors(loss_fn, change, error, message):
    arguments = {'probs': torch.ones(1, 3, 4, 4), 'image': torch.ones(1, 3, 4, 4), **change}
    with pytest.raises(error, match=message):
        loss_fn(arguments.pop('probs'), arguments.pop('image'), **arguments)
