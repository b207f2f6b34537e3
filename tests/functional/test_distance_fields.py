import importlib
import math

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import ndimage

from mmseg_wsss.functional import distance_fields, expand_distance_fields, expansion_step


def by_transform(points, classes, size, normalisation, margin=50):
    """The fields by scipy's distance transform on a grid that is larger than the map."""
    height, width = size
    fields = {}
    for label in sorted(set(classes)):
        free = np.ones((height + 2 * margin, width + 2 * margin))
        for (x, y), own in zip(points, classes, strict=True):
            if own == label:
                free[math.floor(y) + margin, math.floor(x) + margin] = 0
        distance = ndimage.distance_transform_edt(free)[margin:-margin, margin:-margin]
        scale = math.hypot(height, width) if normalisation == 'diagonal' else max(distance.max(), 1e-6)
        fields[label] = np.clip(1 - distance / scale, 0, 1)
    return {c: f * (1 - fields[0]) if c and 0 in fields else f for c, f in fields.items()}


@given(st.integers(0, 10_000), st.sampled_from(['diagonal', 'maximum']))
@settings(max_examples=20, deadline=None, derandomize=True)
def test_equals_the_distance_transform_on_a_padded_grid(seed, normalisation):
    rng = np.random.default_rng(seed)
    size = tuple(rng.integers(1, 30, 2).tolist())
    points = rng.uniform(-20, 45, (rng.integers(1, 9), 2))
    classes = rng.choice([0, 3, 5, 149], len(points))
    expected = by_transform(points, classes.tolist(), size, normalisation)
    fields, present = distance_fields(
        torch.from_numpy(points), torch.from_numpy(classes), size, normalisation=normalisation
    )
    assert present.tolist() == sorted(expected)
    for field, label in zip(fields, present.tolist(), strict=True):
        np.testing.assert_allclose(field, expected[label], atol=1e-6)


def test_by_hand():
    points = torch.tensor([[0.2, 0.9], [2.5, 0.5]])
    fields, present = distance_fields(points, torch.tensor([0, 2]), (1, 5), background=None)
    assert present.tolist() == [0, 2]
    torch.testing.assert_close(fields[:, 0], torch.tensor([[1, 0.75, 0.5, 0.25, 0], [0, 0.5, 1, 0.5, 0]]))
    fields, _ = distance_fields(points, torch.tensor([0, 2]), (1, 5))
    torch.testing.assert_close(fields[1, 0], torch.tensor([0, 0.5 * 0.25, 0.5, 0.5 * 0.75, 0]))
    fields, _ = distance_fields(points[1:], torch.tensor([2]), (3, 4), normalisation='diagonal')
    assert fields[0, 0, 2] == 1
    assert fields[0, 2, 0].item() == pytest.approx(1 - 8**0.5 / 5)


def test_points_outside_count_and_far_ones_give_nothing():
    outside = torch.tensor([[-2.5, 0.5]])
    fields, _ = distance_fields(outside, torch.tensor([1]), (1, 4), normalisation='maximum')
    torch.testing.assert_close(fields[0, 0], 1 - torch.tensor([3.0, 4, 5, 6]) / 6)
    fields, _ = distance_fields(outside - 100, torch.tensor([1]), (1, 4), normalisation='diagonal')
    assert not fields.any()


def test_no_point_no_background_and_two_classes_on_one_pixel():
    fields, present = distance_fields(torch.zeros(0, 2), torch.zeros(0, dtype=torch.long), (4, 5))
    assert fields.shape == (0, 4, 5)
    assert present.shape == (0,)
    same = torch.tensor([[1.5, 1.5], [1.5, 1.5]])
    fields, present = distance_fields(same, torch.tensor([7, 4]), (4, 4))
    assert present.tolist() == [4, 7]
    assert torch.equal(fields[0], fields[1])
    assert fields[0, 1, 1] == 1
    fields, _ = distance_fields(same, torch.tensor([0, 4]), (4, 4))
    assert (fields[0, 1, 1], fields[1, 1, 1]) == (1, 0)
    fields, _ = distance_fields(same[:1], torch.tensor([4]), (1, 1))
    assert fields.tolist() == [[[0]]]
    assert distance_fields(same[:1] - 1, torch.tensor([4]), (1, 1))[0].tolist() == [[[1]]]


@pytest.mark.parametrize('normalisation', ['maximum', 'diagonal'])
def test_padding_changes_nothing_inside(normalisation):
    points, classes = 20 * torch.rand(6, 2), torch.tensor([0, 1, 1, 2, 0, 2])
    mask = torch.zeros(30, 40)
    mask[:13, :17] = 1
    mask[13:] = 0.5
    fields, _ = distance_fields(points, classes, (30, 40), normalisation=normalisation, mask=mask)
    assert not fields[:, mask < 1].any()
    if normalisation == 'maximum':
        alone, _ = distance_fields(points, classes, (13, 17))
    else:
        alone = distance_fields(points, classes, (30, 40), normalisation='diagonal')[0][:, :13, :17]
    torch.testing.assert_close(fields[:, :13, :17], alone)
    nothing, present = distance_fields(points, classes, (30, 40), normalisation=normalisation, mask=0 * mask)
    assert present.tolist() == [0, 1, 2]
    assert not nothing.any()


def test_many_points_in_parts(monkeypatch):
    points, classes = 50 * torch.rand(200, 2), torch.randint(0, 4, (200,))
    whole = distance_fields(points, classes, (33, 40))
    module = importlib.import_module('mmseg_wsss.functional.distance_fields')
    monkeypatch.setattr(module, '_PAIRS', 4000)
    parts = distance_fields(points, classes, (33, 40))
    assert all(torch.equal(a, b) for a, b in zip(whole, parts, strict=True))


def test_the_order_of_points_and_a_shift_change_nothing():
    points, classes = 20 * torch.rand(9, 2), torch.tensor([0, 1, 2] * 3)
    fields, _ = distance_fields(points, classes, (20, 20))
    order = torch.randperm(9)
    assert torch.equal(distance_fields(points[order], classes[order], (20, 20))[0], fields)
    mirrored = torch.stack([19.999 - points[:, 0], points[:, 1]], dim=1)
    torch.testing.assert_close(distance_fields(mirrored, classes, (20, 20))[0].flip(2), fields)


def test_expansion():
    fields = torch.rand(2, 3, 4, 5)
    scores = torch.tensor([[0.1, -0.2, 3.0], [0.0, -3.0, 0.4]])
    expected = (fields + scores[:, :, None, None]).clamp(0, 1)
    assert torch.equal(expand_distance_fields(fields, scores), expected)
    assert torch.equal(expand_distance_fields(fields, 0.25), (fields + 0.25).clamp(0, 1))
    assert torch.equal(expand_distance_fields(fields[0], scores[0]), expected[0])


@pytest.mark.parametrize(
    ('change', 'error', 'message'),
    [
        ({'points': [[1, 2]]}, TypeError, 'points must be a floating-point tensor'),
        ({'points': torch.rand(3, 3)}, ValueError, r'shape \(P, 2\).*got \(3, 3\)'),
        ({'classes': torch.rand(3)}, TypeError, 'classes must be an integer tensor'),
        ({'classes': torch.tensor([1])}, ValueError, r'classes must be 3 ids, one for each point, got \(1,\)'),
        ({'size': (3, 0)}, ValueError, r'size must be \(height, width\)'),
        ({'mask': torch.ones(3, 4)}, ValueError, r'mask must be a tensor of the size \(4, 4\), got a tensor.*\(3, 4\)'),
        ({'normalisation': 'mean'}, ValueError, "unknown normalisation 'mean': choose from maximum, diagonal"),
    ],
)
def test_errors(change, error, message):
    arguments = {'points': torch.rand(3, 2), 'classes': torch.tensor([0, 1, 1]), 'size': (4, 4), **change}
    with pytest.raises(error, match=message):
        distance_fields(arguments.pop('points'), arguments.pop('classes'), arguments.pop('size'), **arguments)


def test_errors_of_the_expansion():
    with pytest.raises(TypeError, match='fields must be a floating-point tensor'):
        expand_distance_fields(torch.ones(2, 3), 0.1)
    with pytest.raises(ValueError, match=r'one for each field, \(2,\), got \(3,\)'):
        expand_distance_fields(torch.ones(2, 3, 3), torch.ones(3))


@pytest.mark.parametrize(
    ('previous', 'now', 'step'),
    [
        (1.01, 1.0, 0.01),
        (1.0, 1.01, 1 / 1.01 - 1),
        (3.0, 1.0, 0.025),
        (1.0, 3.0, -0.025),
        (1.0, 1.0, 0),
        (1.0, 0.0, 0.025),
        (0.0, 0.0, 0),
        (0.0, 1.0, -0.025),
        (-1.0, -1.01, 0.01 / 1.01),  # a loss below 0 that falls
    ],
)
def test_expansion_step(previous, now, step):
    assert expansion_step(previous, now) == pytest.approx(step)
    if step:
        assert expansion_step(previous, now, max_step=0, min_step=0) == 0


def test_bounds_of_the_expansion_step():
    with pytest.raises(ValueError, match='max_step must not be below 0 and min_step not above, got -1 and -0.025'):
        expansion_step(1.0, 1.0, max_step=-1)
    with pytest.raises(ValueError, match='losses must be finite, got 1.0 and inf'):
        expansion_step(1.0, math.inf)
