"""What only the fast twin must do; that both keep one contract is tested with the reference."""

import importlib
import math

import pytest
import torch
import torch.nn.functional as F
from hypothesis import given, settings
from hypothesis import strategies as st

from mmseg_wsss import functional, ops
from tests.helpers.pamr import random_pamr_case

sizes = st.integers(1, 13)


@settings(max_examples=40, deadline=None, derandomize=True)
@given(
    shape=st.tuples(st.integers(1, 3), st.sampled_from([1, 2, 7]), sizes, sizes),
    image_size=st.none() | st.tuples(sizes, sizes),
    masked=st.booleans(),
    dilations=st.lists(st.integers(1, 9), min_size=1, max_size=4),
    num_iters=st.integers(1, 4),
    affinity=st.sampled_from(['reference', 'paper']),
    seed=st.integers(0, 99),
)
def test_equals_the_reference(shape, image_size, masked, dilations, num_iters, affinity, seed):
    masks, image, chosen = random_pamr_case(shape, image_size, masked=masked, seed=seed)
    chosen.update(dilations=dilations, num_iters=num_iters, affinity=affinity)
    result = ops.pamr(masks, image, **chosen)
    torch.testing.assert_close(result, functional.pamr(masks, image, **chosen), rtol=1e-9, atol=1e-12)


@settings(max_examples=20, deadline=None, derandomize=True)
@given(
    shape=st.tuples(st.integers(1, 3), st.integers(1, 6), sizes, sizes),
    masked=st.booleans(),
    dtype=st.sampled_from([torch.bool, torch.float32, torch.int64]),
    seed=st.integers(0, 99),
)
def test_present_channels_are_exact_and_the_others_zero(shape, masked, dtype, seed):
    masks, image, chosen = random_pamr_case(shape, (6, 9), masked=masked, seed=seed)
    present = torch.rand(shape[:2], generator=torch.Generator().manual_seed(seed)) > 0.5
    masks[~present] = math.nan
    chosen.update(dilations=(1, 3), num_iters=3)
    expected = functional.pamr(torch.where(present[:, :, None, None], masks, 0), image, **chosen)
    result = ops.pamr(masks, image, present=present.to(dtype), **chosen)
    assert result.shape == expected.shape
    torch.testing.assert_close(result, expected, rtol=1e-9, atol=1e-12)
    assert not result[~present].any()


@pytest.mark.parametrize(('shape', 'masked'), [((2, 21, 41, 43), False), ((1, 3, 70, 50), True)])
def test_equals_the_reference_in_float32_across_tiles(shape, masked):
    masks, image, chosen = random_pamr_case(shape, masked=masked, dtype=torch.float32)
    result = ops.pamr(masks, image, **chosen)
    torch.testing.assert_close(result, functional.pamr(masks, image, **chosen), rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize('affinity', ['reference', 'paper'])
@pytest.mark.parametrize('dtype', [torch.bfloat16, torch.float16, torch.float32])
@pytest.mark.parametrize('masked', [False, True])
@pytest.mark.parametrize('offset', [0, 100])
def test_error_is_at_most_twice_that_of_plain_pytorch(affinity, dtype, masked, offset):
    masks, image, chosen = random_pamr_case((2, 4, 24, 24), masked=masked, dtype=dtype)
    image, chosen['affinity'] = (image.double() + offset).to(dtype), affinity
    exact = functional.pamr(masks.double(), image.double(), **chosen)
    plain = plain_pytorch(masks, image, **chosen)
    error, plain_error = ((x - exact).abs() for x in (ops.pamr(masks, image, **chosen), plain))
    assert error.max() <= 2 * plain_error.max() + torch.finfo(torch.float32).eps
    assert error.mean() <= 2 * plain_error.mean() + torch.finfo(torch.float32).eps


def plain_pytorch(masks, image, *, affinity, mask=None):
    """Ten iterations at the published dilations in the type of the inputs, no float32 anywhere."""
    dilations, reach = (1, 2, 4, 8, 12, 24), 24
    height, width = image.shape[2:]
    inside = torch.ones_like(image[:, :1]) if mask is None else mask.to(image.dtype)

    def around(field):
        padded = F.pad(field, [reach] * 4, mode='replicate')
        corners = [(y, x) for d in dilations for y in (-d, 0, d) for x in (-d, 0, d) if (y, x) != (0, 0)]
        rows = [padded[:, :, reach + y : reach + y + height, reach + x : reach + x + width] for y, x in corners]
        return torch.stack(rows, dim=2)

    counted = around(inside)
    samples = torch.cat([around(image), image[:, :, None].expand(-1, -1, 6, -1, -1)], dim=2)
    gates = torch.cat([counted, torch.ones_like(counted[:, :, :6])], dim=2)
    mean = (gates * samples).sum(2, keepdim=True) / gates.sum(2, keepdim=True)
    variance = (gates * (samples - mean).square()).sum(2, keepdim=True) / (gates.sum(2, keepdim=True) - 1)
    scale = 0.1 * variance.sqrt() if affinity == 'reference' else variance
    scores = (-(around(image) - image[:, :, None]).abs() / (1e-8 + scale)).mean(dim=1)
    weights = scores.masked_fill(counted[:, 0] == 0, -math.inf).softmax(dim=1)[:, None]
    masks = masks * inside
    for _ in range(10):
        masks = (weights * around(masks)).sum(2) * inside
    return masks


def test_layout_of_the_inputs_does_not_matter():
    masks, image, chosen = random_pamr_case((3, 4, 9, 7), masked=True, dtype=torch.float32)
    present = torch.rand(3, 4, generator=torch.Generator().manual_seed(1)) > 0.3
    strided = lambda x: x.permute(3, 1, 0, 2).contiguous().permute(2, 1, 3, 0)  # noqa: E731
    for settings_ in ({}, {'present': present}, {'mask': chosen['mask']}):
        expected = ops.pamr(masks, image, **settings_)
        if 'mask' in settings_:
            settings_ = {'mask': strided(chosen['mask'])}
        assert not strided(masks).is_contiguous()
        result = ops.pamr(strided(masks), strided(image), **settings_)
        assert torch.equal(result, expected)
        assert result.is_contiguous()
    expanded = masks[:1].expand(3, -1, -1, -1)
    torch.testing.assert_close(ops.pamr(expanded, image), functional.pamr(expanded, image))


def test_same_numbers_every_time_and_in_every_batch():
    masks, image, chosen = random_pamr_case((3, 5, 20, 20), masked=True, dtype=torch.float32)
    first = ops.pamr(masks, image, **chosen)
    for _ in range(3):
        assert torch.equal(ops.pamr(masks, image, **chosen), first)
    alone = ops.pamr(masks[1:2], image[1:2], mask=chosen['mask'][1:2])
    assert torch.equal(alone, first[1:2])


def test_present_of_a_wrong_kind():
    masks, image, _ = random_pamr_case((1, 3, 4, 4))
    with pytest.raises(TypeError, match='present must be a tensor of zeros and ones, got list'):
        ops.pamr(masks, image, present=[[1, 0, 1]])
    with pytest.raises(ValueError, match=r'present must have the shape \(1, 3\).* got \(3,\)'):
        ops.pamr(masks, image, present=torch.ones(3))
    assert not ops.pamr(masks, image, present=torch.zeros(1, 3)).any()


def test_backends():
    masks, image, _ = random_pamr_case((1, 3, 4, 4))
    assert torch.equal(ops.pamr(masks, image, backend='torch'), ops.pamr(masks, image))
    with pytest.raises(ValueError, match="unknown backend 'cuda': choose from auto, torch, triton"):
        ops.pamr(masks, image, backend='cuda')


def test_a_mask_without_a_pixel_outside_changes_nothing(monkeypatch):
    masks, image, _ = random_pamr_case((2, 3, 9, 7), dtype=torch.float32)
    whole = torch.ones(2, 1, 9, 7)
    expected = ops.pamr(masks, image)
    assert torch.equal(ops.pamr(masks, image, mask=whole), expected)
    twin = importlib.import_module('mmseg_wsss.ops.pamr')  # the name in the package is the function
    monkeypatch.setattr(twin, 'all_inside', lambda counts: False)
    torch.testing.assert_close(ops.pamr(masks, image, mask=whole), expected)
