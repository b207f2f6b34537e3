"""The fast twin against the reference, which is tested against the equations one pixel at a time."""

import importlib

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from mmseg_wsss import functional, ops

twin = importlib.import_module('mmseg_wsss.ops.distance_fields')  # the name in the package is the function


def random_points(size, count, seed, classes=3):
    """Points inside the map and around it; several may share a pixel."""
    generator = torch.Generator().manual_seed(seed)
    height, width = size
    points = (torch.rand(count, 2, generator=generator) * 1.6 - 0.3) * torch.tensor([width, height])
    mask = (torch.rand(height, width, generator=generator) > 0.3).float()
    return points, torch.randint(0, classes, (count,), generator=generator), mask


@settings(max_examples=150, deadline=None, derandomize=True)
@given(
    size=st.tuples(st.integers(1, 30), st.integers(1, 30)),
    count=st.integers(0, 9),
    form=st.sampled_from(['anchored', 'ratio', 'product']),
    normalisation=st.sampled_from(['maximum', 'diagonal']),
    background=st.sampled_from([0, 1, None]),
    masked=st.booleans(),
    seed=st.integers(0, 999),
)
def test_equals_the_reference(size, count, form, normalisation, background, masked, seed):
    points, classes, mask = random_points(size, count, seed)
    chosen = {'form': form, 'normalisation': normalisation, 'background': background, 'mask': mask if masked else None}
    expected, present = functional.distance_fields(points, classes, size, **chosen)
    fields, own = ops.distance_fields(points, classes, size, **chosen)
    assert torch.equal(own, present)
    assert own.dtype == present.dtype
    torch.testing.assert_close(fields, expected, rtol=0, atol=5e-7)
    assert torch.equal(fields == 1, expected == 1)
    assert torch.equal(fields == 0, expected == 0)


@pytest.mark.parametrize('form', ['anchored', 'ratio', 'product'])
def test_equals_the_reference_at_the_size_of_a_crop(form):
    points, classes, _ = random_points((127, 161), 12, 1)
    expected, _ = functional.distance_fields(points, classes, (127, 161), form=form)
    fields, _ = ops.distance_fields(points, classes, (127, 161), form=form)
    torch.testing.assert_close(fields, expected, rtol=0, atol=5e-7)
    if form != 'product':
        inside = (points >= 0).all(dim=1) & (points[:, 0] < 161) & (points[:, 1] < 127)
        for (x, y), label in zip(points[inside].long().tolist(), classes[inside].tolist(), strict=True):
            assert fields[label, y, x] == 1


@pytest.mark.parametrize(
    ('count', 'shift'), [(2, 5000.0), (9000, 0.0), (0, 0.0)], ids=['far away', 'many', 'none at all']
)
def test_what_float32_cannot_hold_is_left_to_the_reference(monkeypatch, count, shift):
    points, classes, _ = random_points((12, 17), count, 3)
    calls = []
    monkeypatch.setattr(
        twin, 'reference', lambda *args, **kw: calls.append(1) or functional.distance_fields(*args, **kw)
    )
    fields, present = twin.distance_fields(points + shift, classes, (12, 17))
    assert calls == [1]
    expected, own = functional.distance_fields(points + shift, classes, (12, 17))
    assert torch.equal(fields, expected)
    assert torch.equal(present, own)


def test_few_points_are_not_left_to_the_reference(monkeypatch):
    monkeypatch.delattr(twin, 'reference')
    points, classes, mask = random_points((12, 17), 6, 3)
    assert len(twin.distance_fields(points, classes, (12, 17), mask=mask)[0]) == 3


def test_equally_near_points_give_the_smallest_gate():
    # the pixel (4, 0) is between both points of class 1; the one on the right lies nearer to the background
    points = torch.tensor([[2.5, 0.5], [6.5, 0.5], [8.5, 0.5]])
    classes = torch.tensor([1, 1, 0])
    expected, _ = functional.distance_fields(points, classes, (1, 9))
    fields, _ = ops.distance_fields(points, classes, (1, 9))
    torch.testing.assert_close(fields, expected, rtol=0, atol=5e-7)


def test_autocast_changes_of_inputs_and_errors():
    points, classes, mask = random_points((9, 8), 5, 0)
    copy = points.clone()
    expected, _ = ops.distance_fields(points, classes, (9, 8), mask=mask)
    with torch.autocast('cpu', torch.bfloat16):
        fields, _ = ops.distance_fields(points.requires_grad_(), classes, (9, 8), mask=mask)
    assert torch.equal(fields, expected)
    assert fields.dtype == torch.float32
    assert not fields.requires_grad
    assert torch.equal(points, copy)
    with pytest.raises(ValueError, match='unknown form'):
        ops.distance_fields(points, classes, (9, 8), form='none')
    with pytest.raises(ValueError, match='this op has no Triton kernel'):
        ops.distance_fields(points, classes, (9, 8), backend='triton')
