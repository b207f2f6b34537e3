"""What only the fast twin must do; that both keep one contract is tested with the reference."""

import math

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from mmseg_wsss import functional, ops
from mmseg_wsss.ops import feature_similarity as module
from tests.helpers.feature_similarity import random_similarity_case
from tests.helpers.gated_crf import value_and_grad

sizes = st.integers(1, 13)


@settings(max_examples=60, deadline=None, derandomize=True)
@given(
    shape=st.tuples(st.integers(1, 3), st.sampled_from([1, 2, 7]), sizes, sizes),
    masked=st.booleans(),
    mu=st.floats(-3, 5),
    sigma=st.floats(0.5, 10),
    radius=st.none() | st.floats(0.5, 20),
    seed=st.integers(0, 99),
    pairs=st.sampled_from([2**15, 200, 30, 1]),
)
def test_equals_the_reference(shape, masked, mu, sigma, radius, seed, pairs):
    probs, image, chosen = random_similarity_case(shape, masked=masked, seed=seed)
    chosen.update(radius=radius, normalise=('pixels', 'pairs')[seed % 2])
    results = []
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(module, '_CPU_PAIRS', pairs)  # tiles of any form: several lines, one line, a piece of a line
        for function in (functional.feature_similarity_loss, ops.feature_similarity_loss):
            learned = {
                name: torch.tensor(value, dtype=torch.float64, requires_grad=True)
                for name, value in (('mu', mu), ('sigma', sigma))
            }
            loss_and_grad = value_and_grad(function, probs, image, **learned, **chosen)
            results.append((*loss_and_grad, learned['mu'].grad, learned['sigma'].grad))
    torch.testing.assert_close(results[1], results[0], rtol=1e-9, atol=1e-13)


@pytest.mark.parametrize(
    ('shape', 'radius'),
    [((2, 21, 30, 33), None), ((1, 5, 20, 70), None), ((1, 5, 40, 35), 9), ((1, 3, 3, 400), 30)],
)
def test_equals_the_reference_in_float32_across_tiles(shape, radius):
    probs, image, _ = random_similarity_case(shape, dtype=torch.float32)
    expected, expected_grad = value_and_grad(functional.feature_similarity_loss, probs, image, radius=radius)
    loss, grad = value_and_grad(ops.feature_similarity_loss, probs, image, radius=radius)
    torch.testing.assert_close(loss, expected, rtol=1e-5, atol=1e-6)
    torch.testing.assert_close(grad, expected_grad, rtol=1e-4, atol=1e-6 * expected_grad.abs().max().item())


@pytest.mark.parametrize('dtype', [torch.bfloat16, torch.float16, torch.float32])
@pytest.mark.parametrize('spread', [0.05, 0.3, 1.0])
@pytest.mark.parametrize('masked', [False, True])
def test_error_is_at_most_twice_that_of_plain_pytorch(dtype, spread, masked):
    probs, image, chosen = random_similarity_case((2, 7, 16, 16), masked=masked, dtype=dtype)
    image = image * spread
    exact, exact_grad = value_and_grad(functional.feature_similarity_loss, probs.double(), image.double(), **chosen)
    plain, plain_grad = value_and_grad(plain_pytorch, probs, image, **chosen)
    loss, grad = value_and_grad(ops.feature_similarity_loss, probs, image, **chosen)
    # In float32, plain PyTorch may be exact by chance: a few roundings of the last bit are allowed.
    room = 4 * torch.finfo(torch.float32).eps
    assert (loss - exact).abs() <= 2 * (plain - exact).abs() + room * exact.abs()
    worst = (plain_grad - exact_grad).abs().max()
    assert (grad - exact_grad).abs().max() <= 2 * worst + room * exact_grad.abs().max()


def plain_pytorch(probs, image, *, mask=None):
    """The loss at the published settings in the type of its inputs, no float32 anywhere."""
    batch, _, height, width = probs.shape
    inside = torch.ones_like(probs[:, :1]) if mask is None else mask.to(probs.dtype)
    y, x = (
        axis.to(probs.dtype).flatten()
        for axis in torch.meshgrid(torch.arange(height), torch.arange(width), indexing='ij')
    )
    squared = (y[:, None] - y).square() + (x[:, None] - x).square()
    weights = torch.exp(-squared / 50) / (50 * math.pi) * inside.flatten(2) * inside.flatten(2).mT
    delta = (image.flatten(2)[:, :, :, None] - image.flatten(2)[:, :, None]).abs().mean(dim=1)
    f = torch.tanh(2.5 + torch.log((delta + 1e-5) / (1 - delta + 1e-5)))
    a = probs.flatten(2)
    total = 0
    for n in range(batch):
        distance = (a[n, :, :, None] - a[n, :, None]).square().sum(dim=0)
        total = total + (weights[n] * distance * f[n]).sum()
    return -0.5 * total / inside.sum()


def test_layout_of_the_inputs_does_not_matter():
    probs, image, chosen = random_similarity_case((3, 4, 9, 7), masked=True)
    expected, expected_grad = value_and_grad(ops.feature_similarity_loss, probs, image, **chosen)
    strided = lambda x: x.permute(3, 1, 0, 2).contiguous().permute(2, 1, 3, 0)  # noqa: E731
    leaf = strided(probs).requires_grad_()
    assert not leaf.is_contiguous()
    loss = ops.feature_similarity_loss(leaf, strided(image), mask=strided(chosen['mask']))
    loss.backward()
    torch.testing.assert_close(loss, expected, rtol=1e-12, atol=0)
    torch.testing.assert_close(leaf.grad, expected_grad, rtol=1e-9, atol=1e-15)
    expanded = probs[:1].expand(3, -1, -1, -1)
    torch.testing.assert_close(
        ops.feature_similarity_loss(expanded, image), functional.feature_similarity_loss(expanded, image)
    )


def test_upstream_gradient_and_second_use():
    probs, image, _ = random_similarity_case((2, 3, 6, 6))
    results = []
    for function in (functional.feature_similarity_loss, ops.feature_similarity_loss):
        logits = probs.log().requires_grad_()
        scale = torch.tensor(0.9, dtype=torch.float64, requires_grad=True)
        loss = function(logits.softmax(1), image, mu=2 * scale)
        (3 * loss + loss.square()).backward(retain_graph=True)
        once = logits.grad.clone(), scale.grad.clone()
        (0.5 * loss).backward()
        results.append((*once, logits.grad, scale.grad))
    torch.testing.assert_close(results[0], results[1])


def test_only_one_tensor_of_the_size_of_the_probabilities_is_kept():
    probs, image, _ = random_similarity_case((2, 8, 12, 12), dtype=torch.float32)
    probs.requires_grad_()
    kept = []
    with torch.autograd.graph.saved_tensors_hooks(lambda x: kept.append(x) or x, lambda x: x):
        ops.feature_similarity_loss(probs, image)
    others = [x for x in kept if x.data_ptr() != probs.data_ptr() and x.ndim]
    assert sum(x.untyped_storage().nbytes() for x in others) == probs.nbytes


@pytest.mark.parametrize('learned', [False, True])
def test_second_derivative_is_refused(learned):
    probs, image, _ = random_similarity_case((1, 2, 4, 4))
    mu = torch.tensor(2.0, dtype=torch.float64, requires_grad=learned)
    loss = ops.feature_similarity_loss(probs.requires_grad_(), image, mu=mu)
    (grad,) = torch.autograd.grad(loss, mu if learned else probs, create_graph=True)
    with pytest.raises(RuntimeError, match='ops.feature_similarity_loss does not support second derivatives'):
        grad.sum().backward()


def test_autocast_and_without_gradient():
    probs, image, _ = random_similarity_case((1, 3, 6, 6), dtype=torch.float32)
    mu = torch.tensor(2.0, requires_grad=True)
    expected, expected_grad = value_and_grad(ops.feature_similarity_loss, probs, image, mu=mu)
    expected_slope, mu.grad = mu.grad, None
    with torch.autocast('cpu', torch.bfloat16):
        loss, grad = value_and_grad(ops.feature_similarity_loss, probs, image, mu=mu)  # the backward pass too
    assert torch.equal(loss, expected)
    assert torch.equal(grad, expected_grad)
    assert torch.equal(mu.grad, expected_slope)
    alone = ops.feature_similarity_loss(probs, image, mu=2.0)
    assert not alone.requires_grad
    assert torch.equal(alone, expected)


def test_same_numbers_every_time():
    probs, image, chosen = random_similarity_case((3, 5, 20, 20), masked=True, dtype=torch.float32)
    first = value_and_grad(ops.feature_similarity_loss, probs, image, **chosen)
    for _ in range(3):
        again = value_and_grad(ops.feature_similarity_loss, probs, image, **chosen)
        assert torch.equal(again[0], first[0])
        assert torch.equal(again[1], first[1])


def test_backends():
    probs, image, _ = random_similarity_case((1, 3, 4, 4))
    auto = ops.feature_similarity_loss(probs, image)
    assert torch.equal(ops.feature_similarity_loss(probs, image, backend='torch'), auto)
    with pytest.raises(ValueError, match="unknown backend 'cuda': choose from auto, torch, triton"):
        ops.feature_similarity_loss(probs, image, backend='cuda')
