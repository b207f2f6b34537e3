"""The fast twin against the reference, which is tested against loops over cells."""

import math

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from mmseg_wsss import functional, ops
from mmseg_wsss.functional.pac import PAPER_STRIDES
from mmseg_wsss.ops import pac
from tests.helpers.pamr import random_pamr_case

sizes = st.integers(1, 13)
LAYERS = ((7, 1, 1), (5, 2, 1), (5, 2, 1), (3, 4, 2), (3, 4, 1), (3, 1, 1), (3, 16, 1))


@settings(max_examples=60, deadline=None, derandomize=True)
@given(
    shape=st.tuples(st.integers(1, 3), st.integers(1, 4), sizes, sizes),
    layers=st.lists(st.sampled_from(LAYERS), min_size=1, max_size=5),
    masked=st.booleans(),
    sharpness=st.sampled_from([1.0, 30.0]),
    seed=st.integers(0, 99),
)
def test_equals_the_reference(shape, layers, masked, sharpness, seed):
    masks, image, chosen = random_pamr_case(shape, masked=masked, seed=seed)
    kernel_sizes, dilations, strides = zip(*layers, strict=True)
    chosen.update(kernel_sizes=kernel_sizes, dilations=dilations, strides=strides, sharpness=sharpness)
    result = ops.pac_refine(masks, image, **chosen)
    torch.testing.assert_close(result, functional.pac_refine(masks, image, **chosen), rtol=1e-9, atol=1e-11)


@pytest.mark.parametrize('strides', [(1,) * 12, PAPER_STRIDES])
@pytest.mark.parametrize('masked', [False, True])
@pytest.mark.parametrize('offset', [0, 100])
def test_error_is_at_most_twice_that_of_the_reference(strides, masked, offset):
    masks, image, chosen = random_pamr_case((2, 3, 25, 18), masked=masked, dtype=torch.float32)
    image = image + offset
    chosen['strides'] = strides
    exact = functional.pac_refine(masks.double(), image.double(), **chosen)
    fast, slow = (package.pac_refine(masks, image, **chosen) for package in (ops, functional))
    assert fast.dtype == torch.float32
    error, slow_error = ((result - exact).abs().max() for result in (fast, slow))
    assert error <= 2 * slow_error + torch.finfo(torch.float32).eps
    assert (exact - masks.double() * chosen.get('mask', 1)).abs().max() > 0.05


@pytest.mark.parametrize('dtype', [torch.bfloat16, torch.float16])
def test_half_types_are_computed_in_float32(dtype):
    masks, image, chosen = random_pamr_case((2, 3, 25, 18), masked=True, dtype=dtype)
    exact = functional.pac_refine(masks.double(), image.double(), **chosen).float()
    torch.testing.assert_close(ops.pac_refine(masks, image, **chosen), exact, rtol=0, atol=3e-6)


@pytest.mark.parametrize('normalisation', ['damped', 'literal'])
def test_other_normalisations_are_those_of_the_reference(normalisation):
    masks, image, chosen = random_pamr_case((1, 2, 5, 6), masked=True)
    chosen.update(kernel_sizes=(3,), dilations=(2,), strides=(2,), sharpness=3.0, normalisation=normalisation)
    assert torch.equal(ops.pac_refine(masks, image, **chosen), functional.pac_refine(masks, image, **chosen))


def test_flat_colours_and_empty_masks():
    image = torch.full((2, 3, 9, 9), 0.3)
    image[1, :, :, 5:] = 0.7
    masks = torch.rand(2, 3, 9, 9)
    masks[:, 1] = 0
    result, expected = (package.pac_refine(masks, image) for package in (ops, functional))
    torch.testing.assert_close(result, expected, rtol=0, atol=2e-6)
    assert not result[:, 1].any()
    assert result.isfinite().all()


def test_cells_outside_have_no_effect_and_may_hold_anything():
    masks, image, chosen = random_pamr_case((2, 2, 8, 9), masked=True, dtype=torch.float32)
    outside = (chosen['mask'] < 1).expand_as(masks)
    expected = ops.pac_refine(masks, image, **chosen)
    assert not expected[outside].any()
    broken = masks.masked_fill(outside, math.nan), image.masked_fill(outside[:, :1], math.inf)
    assert torch.equal(ops.pac_refine(*broken, **chosen), expected)
    nowhere = torch.zeros_like(chosen['mask'])
    assert not ops.pac_refine(masks, image, mask=nowhere).any()


def test_colours_in_other_units():
    masks, image, chosen = random_pamr_case((1, 2, 9, 9), masked=True, dtype=torch.float32)
    expected = ops.pac_refine(masks, image, **chosen)
    torch.testing.assert_close(ops.pac_refine(masks, 255 * image, **chosen), expected, rtol=0, atol=1e-4)
    levels = (255 * image).byte()
    torch.testing.assert_close(
        ops.pac_refine(masks, levels, **chosen), functional.pac_refine(masks, levels, **chosen), rtol=0, atol=2e-6
    )


def test_colours_are_compared_once_for_equal_layers(monkeypatch):
    compared = []
    original = pac._exponents
    monkeypatch.setattr(pac, '_exponents', lambda *args: compared.append(args[1]) or original(*args))
    masks, image, _ = random_pamr_case((1, 1, 8, 8))
    pac.pac_refine(masks, image)
    assert len(compared) == 6
    compared.clear()
    # the same layers, but on a coarser grid each time
    pac.pac_refine(masks, image, kernel_sizes=(3, 3, 3), dilations=(1, 1, 1), strides=(2, 2, 1))
    assert len(compared) == 3


def test_no_gradient_no_change_of_the_inputs_and_float32_under_autocast():
    masks, image, chosen = random_pamr_case((2, 2, 9, 7), masked=True, dtype=torch.float32)
    copies = masks.clone(), image.clone(), chosen['mask'].clone()
    expected = ops.pac_refine(masks, image, **chosen)
    with torch.autocast('cpu', torch.bfloat16):
        result = ops.pac_refine(masks.requires_grad_(), image, **chosen)
    assert not result.requires_grad
    assert torch.equal(result, expected)
    assert all(torch.equal(x, y) for x, y in zip(copies, (masks, image, chosen['mask']), strict=True))
    with pytest.raises(ValueError, match='this op has no Triton kernel'):
        ops.pac_refine(masks, image, backend='triton')
    with pytest.raises(ValueError, match='must have the same batch and size'):
        ops.pac_refine(masks, image[:1])
