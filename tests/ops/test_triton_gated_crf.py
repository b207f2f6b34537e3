"""The Triton kernel against the float64 reference: on a GPU if there is one, in Triton's interpreter otherwise.

The interpreter takes milliseconds for every neighbour in the window of a tile: the cases are small.
"""

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from mmseg_wsss import functional, ops
from tests.helpers.gated_crf import MIXTURE, PAPER, random_case, value_and_grad
from tests.ops.test_gated_crf import plain_pytorch

DEVICE = 'cuda' if torch.cuda.is_available() else 'cpu'


def case(shape, *, scale=2, **settings):
    """A random case of which the reference gets a float64 copy."""
    size = (scale * shape[2], scale * shape[3])
    settings = {'dtype': torch.float32, 'mask_size': size, **settings}
    probs, image, masks = random_case(shape, image_size=size, **settings)
    return probs.to(DEVICE), image.to(DEVICE), {name: mask.to(DEVICE) for name, mask in masks.items()}


def assert_equals_the_reference(probs, image, **chosen):
    expected, expected_grad = value_and_grad(functional.gated_crf_loss, probs.double(), image.double(), **chosen)
    loss, grad = value_and_grad(ops.gated_crf_loss, probs, image, backend='triton', **chosen)
    assert loss.dtype == torch.float32
    assert grad.dtype == probs.dtype
    torch.testing.assert_close(loss.double(), expected, rtol=1e-5, atol=1e-6)
    # A gradient in bfloat16 is rounded once, at the end.
    rtol = max(1e-5, torch.finfo(probs.dtype).eps)
    torch.testing.assert_close(grad.double(), expected_grad, rtol=rtol, atol=1e-6 * float(expected_grad.abs().max()))


@pytest.mark.parametrize(
    ('shape', 'radius', 'masks', 'kernels'),
    [
        ((2, 21, 7, 9), 5, 's', PAPER),
        ((1, 2, 6, 13), 10, '', MIXTURE),
        ((1, 3, 9, 35), 2, 'sd', MIXTURE),  # several tiles
        ((1, 1, 1, 1), 3, '', PAPER),
        ((1, 150, 6, 5), 1, 'd', MIXTURE),  # several blocks of channels, the last one in part
        ((1, 256, 3, 4), 1, 'sd', PAPER),
    ],
)
def test_equals_the_reference(shape, radius, masks, kernels):
    probs, image, chosen = case(shape, masks=masks)
    assert_equals_the_reference(probs, image, kernels=kernels, radius=radius, **chosen)


@settings(max_examples=8, deadline=None, derandomize=True)
@given(
    shape=st.tuples(st.integers(1, 2), st.integers(1, 40), st.integers(1, 12), st.integers(1, 12)),
    masks=st.sampled_from(['', 's', 'd', 'sd']),
    dtype=st.sampled_from([torch.float32, torch.bfloat16, torch.float16]),
    seed=st.integers(0, 99),
)
def test_equals_the_reference_for_random_shapes(shape, masks, dtype, seed):
    probs, image, chosen = case(shape, masks=masks, dtype=dtype, seed=seed)
    assert_equals_the_reference(probs, image, kernels=MIXTURE, radius=1, **chosen)


@pytest.mark.parametrize('dtype', [torch.bfloat16, torch.float16, torch.float32])
def test_error_is_at_most_twice_that_of_plain_pytorch(dtype):
    probs, image, chosen = case((1, 7, 8, 16), scale=1, masks='s', dtype=dtype)
    image = image * 0.2
    chosen['kernels'] = MIXTURE
    exact, exact_grad = value_and_grad(functional.gated_crf_loss, probs.double(), image.double(), **chosen)
    plain, plain_grad = value_and_grad(
        plain_pytorch, probs.cpu(), image.cpu(), kernels=MIXTURE, source_mask=chosen['source_mask'].cpu()
    )
    loss, grad = value_and_grad(ops.gated_crf_loss, probs, image, backend='triton', **chosen)
    # In float32, plain PyTorch may be exact by chance: a few roundings of the last bit are allowed.
    room = 4 * torch.finfo(torch.float32).eps
    assert (loss - exact).abs() <= 2 * (plain - exact.cpu()).abs().to(DEVICE) + room * exact
    worst = (plain_grad - exact_grad.cpu()).abs().max().to(DEVICE)
    assert (grad - exact_grad).abs().max() <= 2 * worst + room * exact_grad.abs().max()


def test_layout_of_the_inputs_does_not_matter():
    probs, image, masks = case((3, 4, 9, 7), masks='sd')
    chosen = {'kernels': PAPER, 'radius': 1, 'backend': 'triton'}
    expected, expected_grad = value_and_grad(ops.gated_crf_loss, probs, image, **masks, **chosen)
    transposed = lambda x: x.permute(3, 1, 0, 2).contiguous().permute(2, 1, 3, 0)  # noqa: E731
    channels_last = lambda x: x.to(memory_format=torch.channels_last)  # noqa: E731
    for strided in (transposed, channels_last):
        leaf = strided(probs).requires_grad_()
        assert not leaf.is_contiguous()
        loss = ops.gated_crf_loss(leaf, strided(image), **{k: strided(v) for k, v in masks.items()}, **chosen)
        loss.backward()
        assert torch.equal(loss, expected)
        assert torch.equal(leaf.grad, expected_grad)


def test_upstream_gradient_and_second_use():
    probs, image, _ = case((2, 3, 6, 6))
    results = []
    for function, backend in ((functional.gated_crf_loss, {}), (ops.gated_crf_loss, {'backend': 'triton'})):
        logits = probs.log().requires_grad_()
        loss = function(logits.softmax(1), image, kernels=PAPER, radius=1, **backend)
        (3 * loss + loss.square()).backward(retain_graph=True)
        once = logits.grad.clone()
        (0.5 * loss).backward()
        results.append((once, logits.grad))
    torch.testing.assert_close(results[0], results[1])


def test_same_numbers_every_time_and_inputs_unchanged():
    probs, image, masks = case((2, 5, 9, 20), masks='sd')
    copies = [x.clone() for x in (probs, image, *masks.values())]
    chosen = {'kernels': MIXTURE, 'radius': 1, 'backend': 'triton', **masks}
    first = value_and_grad(ops.gated_crf_loss, probs, image, **chosen)
    again = value_and_grad(ops.gated_crf_loss, probs, image, **chosen)
    assert torch.equal(again[0], first[0])
    assert torch.equal(again[1], first[1])
    assert all(map(torch.equal, copies, (probs, image, *masks.values())))


@pytest.mark.parametrize('poison', [float('nan'), float('inf')])
def test_what_is_outside_both_masks_does_not_leak(poison):
    probs, image, _ = case((1, 3, 6, 9), scale=1)
    mask = torch.ones(1, 1, 6, 9, device=DEVICE)
    mask[..., 2, 4:] = 0
    chosen = {'kernels': PAPER, 'radius': 2, 'source_mask': mask, 'destination_mask': mask, 'backend': 'triton'}
    expected, expected_grad = value_and_grad(ops.gated_crf_loss, probs, image, **chosen)
    outside = mask == 0
    loss, grad = value_and_grad(
        ops.gated_crf_loss, probs.masked_fill(outside, poison), image.masked_fill(outside, poison), **chosen
    )
    assert torch.equal(loss, expected)
    assert torch.equal(grad, expected_grad)
    assert (grad.masked_select(outside) == 0).all()


def test_positions_alone_do_not_look_at_colours():
    probs, image, _ = case((1, 3, 6, 5))
    assert_equals_the_reference(probs, torch.full_like(image, float('nan')), kernels=[{'weight': 1, 'xy': 2}], radius=2)


@pytest.mark.parametrize('chosen_class', [0, 39])
def test_equal_certain_predictions_cost_exactly_nothing(chosen_class):
    probs, image, masks = case((1, 40, 9, 13), masks='s')
    certain = torch.zeros_like(probs)
    certain[:, chosen_class] = 1
    assert ops.gated_crf_loss(certain, image, kernels=MIXTURE, radius=2, backend='triton', **masks) == 0


def test_autocast():
    probs, image, masks = case((1, 3, 5, 6), masks='s')
    chosen = {'kernels': PAPER, 'radius': 1, 'backend': 'triton', **masks}
    expected = value_and_grad(ops.gated_crf_loss, probs, image, **chosen)
    with torch.autocast(DEVICE, torch.bfloat16):
        loss = value_and_grad(ops.gated_crf_loss, probs, image, **chosen)
    assert torch.equal(loss[0], expected[0])
    assert torch.equal(loss[1], expected[1])


def test_what_the_kernel_does_not_serve():
    probs, image, _ = case((1, 3, 4, 4))
    for message, settings_ in (
        ('largest radius is 10, got 11', {'radius': 11}),
        ('only supports the Potts compatibility', {'compatibility': torch.rand(3, 3, device=DEVICE)}),
    ):
        with pytest.raises(ValueError, match=message):
            ops.gated_crf_loss(probs, image, kernels=PAPER, backend='triton', **settings_)
        torch.testing.assert_close(
            ops.gated_crf_loss(probs, image, kernels=PAPER, **settings_),
            functional.gated_crf_loss(probs, image, kernels=PAPER, **settings_),
        )
    with pytest.raises(ValueError, match='the input is float64'):
        ops.gated_crf_loss(probs.double(), image, kernels=PAPER, backend='triton')
