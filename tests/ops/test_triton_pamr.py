"""The Triton kernels against the float64 reference: on a GPU if there is one, in Triton's interpreter otherwise.

The interpreter takes milliseconds for every neighbour of a tile: the cases are small.
"""

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from mmseg_wsss import ops
from mmseg_wsss.functional import pamr

DEVICE = 'cuda' if torch.cuda.is_available() else 'cpu'


def triton_pamr(masks, image, **settings):
    return ops.pamr(masks, image, backend='triton', **settings)


def case(shape, *, size=None, masked=False, dtype=torch.float32, seed=0):
    generator = torch.Generator().manual_seed(seed)
    masks = torch.randn(shape, generator=generator).softmax(1).to(dtype)
    image = torch.rand(shape[0], 3, *(size or shape[2:]), generator=generator).to(dtype)
    mask = (torch.rand(shape[0], 1, *shape[2:], generator=generator) > 0.3).float() if masked else None
    return masks.to(DEVICE), image.to(DEVICE), mask if mask is None else mask.to(DEVICE)


def assert_equals_the_reference(masks, image, **chosen):
    expected = pamr(masks.double(), image.double(), **chosen)
    refined = triton_pamr(masks, image, **chosen)
    assert refined.dtype == torch.float32
    assert refined.shape == expected.shape
    torch.testing.assert_close(refined.double(), expected, rtol=5e-6, atol=2e-6)


@pytest.mark.parametrize(
    ('shape', 'masked', 'chosen'),
    [
        ((1, 2, 7, 9), False, {'num_iters': 2}),
        ((1, 2, 10, 13), True, {'num_iters': 2, 'dilations': (2, 12), 'affinity': 'paper'}),  # several tiles
        ((2, 21, 3, 5), True, {'num_iters': 2, 'dilations': (1, 3)}),  # several blocks of channels, the last in part
        ((1, 2, 4, 35), False, {'num_iters': 3, 'dilations': (2,), 'affinity': 'paper'}),
        ((1, 1, 1, 1), False, {'num_iters': 1}),
    ],
)
def test_equals_the_reference(shape, masked, chosen):
    masks, image, mask = case(shape, masked=masked)
    assert_equals_the_reference(masks, image, mask=mask, **chosen)


@settings(max_examples=5, deadline=None, derandomize=True)
@given(
    shape=st.tuples(st.integers(1, 2), st.integers(1, 12), st.integers(1, 9), st.integers(1, 9)),
    size=st.tuples(st.integers(1, 12), st.integers(1, 12)),
    masked=st.booleans(),
    affinity=st.sampled_from(['reference', 'paper']),
    dtype=st.sampled_from([torch.float32, torch.bfloat16, torch.float16]),
    seed=st.integers(0, 99),
)
def test_equals_the_reference_for_random_shapes(shape, size, masked, affinity, dtype, seed):
    masks, image, mask = case(shape, size=size, masked=masked, dtype=dtype, seed=seed)
    assert_equals_the_reference(masks, image, mask=mask, num_iters=2, dilations=(1,), affinity=affinity)


def test_error_is_at_most_twice_that_of_plain_pytorch():
    masks, image, _ = case((1, 4, 8, 16))
    chosen = {'num_iters': 4, 'dilations': (1, 4)}
    exact = pamr(masks.double(), image.double(), **chosen)
    plain = (pamr(masks, image, **chosen) - exact).abs().max()
    error = (triton_pamr(masks, image, **chosen) - exact).abs().max()
    assert error <= 2 * plain + torch.finfo(torch.float32).eps


def test_flat_image_and_pixels_without_neighbours():
    masks, _, _ = case((1, 3, 6, 7))
    flat = torch.full((1, 3, 6, 7), 0.3, device=DEVICE)
    assert_equals_the_reference(masks, flat, num_iters=2, dilations=(1,))
    alone = torch.zeros(1, 1, 6, 7, device=DEVICE)
    alone[..., 2, 3] = 1
    refined = triton_pamr(masks, flat, num_iters=2, dilations=(2,), mask=alone)
    assert torch.equal(refined, masks * alone)


def test_same_numbers_every_time_whatever_the_layout_and_inputs_unchanged():
    masks, image, mask = case((2, 9, 5, 6), masked=True)
    copies = [x.clone() for x in (masks, image, mask)]
    chosen = {'num_iters': 2, 'dilations': (1,), 'mask': mask}
    first = triton_pamr(masks, image, **chosen)
    transposed = lambda x: x.permute(3, 1, 0, 2).contiguous().permute(2, 1, 3, 0)  # noqa: E731
    channels_last = lambda x: x.to(memory_format=torch.channels_last)  # noqa: E731
    for strided in (transposed, channels_last):
        assert not strided(masks).is_contiguous()
        again = triton_pamr(strided(masks), strided(image), **{**chosen, 'mask': strided(mask)})
        assert torch.equal(again, first)
    assert all(map(torch.equal, copies, (masks, image, mask)))


@pytest.mark.parametrize('poison', [float('nan'), float('inf')])
def test_what_is_masked_does_not_leak(poison):
    masks, image, mask = case((1, 3, 5, 7), masked=True)
    chosen = {'num_iters': 2, 'dilations': (1, 2), 'mask': mask}
    expected = triton_pamr(masks, image, **chosen)
    outside = mask == 0
    refined = triton_pamr(masks.masked_fill(outside, poison), image.masked_fill(outside, poison), **chosen)
    assert torch.equal(refined, expected)
    assert (refined.masked_select(outside) == 0).all()


def test_present_channels_only():
    masks, image, mask = case((2, 4, 5, 6), masked=True)
    present = torch.tensor([[1, 0, 1, 0], [0, 1, 0, 0]], device=DEVICE)
    chosen = {'num_iters': 1, 'dilations': (1,), 'mask': mask}
    refined = triton_pamr(masks, image, present=present, **chosen)
    torch.testing.assert_close(refined, triton_pamr(masks, image, **chosen) * present[:, :, None, None])


def test_autocast_and_no_gradient():
    masks, image, _ = case((1, 2, 4, 5))
    chosen = {'num_iters': 1, 'dilations': (1,)}
    with torch.autocast(DEVICE, torch.bfloat16):
        refined = triton_pamr(masks.requires_grad_(), image, **chosen)
    assert not refined.requires_grad
    assert torch.equal(refined, triton_pamr(masks, image, **chosen))


def test_what_the_kernels_do_not_serve():
    masks, image, _ = case((1, 2, 4, 5))
    with pytest.raises(ValueError, match='the input is float64'):
        triton_pamr(masks.double(), image)
