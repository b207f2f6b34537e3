import importlib
import math

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import ndimage

from mmseg_wsss.functional import distance_fields, expand_distance_fields, expansion_step


def proximity(points, size, normalisation, margin=50):
    """Proximity and distance by scipy's distance transform on a grid that is larger than the map."""
    height, width = size
    free = np.ones((height + 2 * margin, width + 2 * margin))
    for x, y in points:
        free[math.floor(y) + margin, math.floor(x) + margin] = 0
    distance = ndimage.distance_transform_edt(free)
    inside = distance[margin:-margin, margin:-margin]
    scale = math.hypot(height, width) if normalisation == 'diagonal' else max(inside.max(), 1e-6)
    return np.clip(1 - distance / scale, 0, 1), distance, inside


def slow_fields(points, classes, size, form, normalisation, margin=50):
    """The fields straight from the equations, one pixel at a time."""
    seeds = {c: [p for p, own in zip(points, classes, strict=True) if own == c] for c in sorted(set(classes))}
    own = {c: proximity(seeds[c], size, normalisation) for c in seeds}
    fields = {}
    for c in seeds:
        near = own[c][0][margin:-margin, margin:-margin]
        fields[c] = near.copy()
        if not c or 0 not in seeds:
            continue
        for y, x in np.ndindex(size):
            place = (y + margin, x + margin)
            gate, to_ground, to_class = 1 - own[0][0][place], own[0][1][place], own[c][1][place]
            squares = [(math.floor(u) - x) ** 2 + (math.floor(v) - y) ** 2 for u, v in seeds[c]]
            nearest = [p for p, square in zip(seeds[c], squares, strict=True) if square == min(squares)]
            at_seed = min(1 - own[0][0][math.floor(v) + margin, math.floor(u) + margin] for u, v in nearest)
            fields[c][y, x] = {
                'anchored': near[y, x] * (min(1, gate / at_seed) if at_seed else 1),
                'ratio': to_ground / (to_ground + to_class) if to_ground + to_class else 1,
                'product': near[y, x] * gate,
            }[form]
    return fields


FORMS = ('anchored', 'ratio', 'product')


@given(st.integers(0, 10_000), st.sampled_from(FORMS), st.sampled_from(['diagonal', 'maximum']))
@settings(max_examples=40, deadline=None, derandomize=True)
def test_equals_the_equations_one_pixel_at_a_time(seed, form, normalisation):
    rng = np.random.default_rng(seed)
    size = tuple(rng.integers(1, 20, 2).tolist())
    points = rng.uniform(-12, 30, (rng.integers(1, 9), 2))
    classes = rng.choice([0, 3, 5, 149], len(points))
    expected = slow_fields(points, classes.tolist(), size, form, normalisation)
    fields, present = distance_fields(
        torch.from_numpy(points), torch.from_numpy(classes), size, form=form, normalisation=normalisation
    )
    assert present.tolist() == sorted(expected)
    for field, label in zip(fields, present.tolist(), strict=True):
        np.testing.assert_allclose(field, expected[label], atol=1e-6)


@pytest.mark.parametrize('normalisation', ['maximum', 'diagonal'])
@pytest.mark.parametrize('form', FORMS)
def test_the_value_at_every_seed(form, normalisation):
    """1 in the two forms that keep what the paper says of the seed, the gate in the product."""
    rng = np.random.default_rng(1)
    corners = rng.choice(30 * 40, 16, replace=False)
    points = torch.from_numpy(np.stack([corners % 40, corners // 40], axis=1) + 0.5)
    classes = torch.tensor([0, 0, 0, 0, *[2] * 6, *[7] * 6])
    fields, present = distance_fields(points, classes, (30, 40), form=form, normalisation=normalisation)
    x, y = points.long().T
    for place, (column, row) in enumerate(zip(x.tolist(), y.tolist(), strict=True)):
        values = dict(zip(present.tolist(), fields[:, row, column].tolist(), strict=True))
        own = int(classes[place])
        if form != 'product' or own == 0:
            assert values[own] == 1
        else:
            assert values[own] == pytest.approx(1 - values[0])
            assert values[own] < 1
        if own == 0:  # no object where the background was clicked
            assert (values[2], values[7]) == (0, 0)
    assert fields.max() <= 1


def test_the_worked_example_of_one_object_and_one_point_of_the_background():
    """128 pixels square, object at (34, 64), background at (94, 64): 60 pixels apart, 113.7 to the farthest corner."""
    points, classes = torch.tensor([[34.5, 64.5], [94.5, 64.5]]), torch.tensor([3, 0])
    found = {form: distance_fields(points, classes, (128, 128), form=form)[0][1] for form in FORMS}
    reach = math.hypot(94, 64)
    assert found['product'][64, 34].item() == pytest.approx(60 / reach)  # 0.528
    assert found['product'].max().item() == pytest.approx(0.5821, abs=1e-4)
    assert divmod(int(found['product'].argmax()), 128)[1] == 8  # beyond the object, seen from the background
    for form in ('anchored', 'ratio'):
        assert found[form][64, 34] == found[form].max() == 1
        assert int((found[form] == 1).sum()) == 1
        assert found[form][64, 94] == 0
    own = math.hypot(93, 64)  # the farthest pixel from the object, (127, 0)
    assert found['anchored'][64, 54].item() == pytest.approx((1 - 20 / own) * 40 / 60)
    assert found['anchored'][64, 24].item() == pytest.approx(1 - 10 / own)  # farther from the background: no gate
    assert found['ratio'][64, 54].item() == pytest.approx(40 / 60)
    assert found['ratio'][64, 24].item() == pytest.approx(70 / 80)


def test_by_hand():
    points = torch.tensor([[0.2, 0.9], [2.5, 0.5]])
    fields, present = distance_fields(points, torch.tensor([0, 2]), (1, 5), background=None)
    assert present.tolist() == [0, 2]
    torch.testing.assert_close(fields[:, 0], torch.tensor([[1, 0.75, 0.5, 0.25, 0], [0, 0.5, 1, 0.5, 0]]))
    for form, expected in {
        'anchored': [0, 0.5 * 0.5, 1, 0.5, 0],
        'ratio': [0, 1 / 2, 1, 3 / 4, 4 / 6],
        'product': [0, 0.5 * 0.25, 0.5, 0.5 * 0.75, 0],
    }.items():
        fields, _ = distance_fields(points, torch.tensor([0, 2]), (1, 5), form=form)
        torch.testing.assert_close(fields[1, 0], torch.tensor(expected))
        torch.testing.assert_close(fields[0, 0], torch.tensor([1, 0.75, 0.5, 0.25, 0]))
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
    for form, value in {'anchored': 1, 'ratio': 1, 'product': 0}.items():
        fields, _ = distance_fields(same, torch.tensor([0, 4]), (4, 4), form=form)
        assert (fields[0, 1, 1], fields[1, 1, 1]) == (1, value)
        assert fields.isfinite().all()
    fields, _ = distance_fields(same[:1], torch.tensor([4]), (1, 1))
    assert fields.tolist() == [[[0]]]
    assert distance_fields(same[:1] - 1, torch.tensor([4]), (1, 1))[0].tolist() == [[[1]]]


@pytest.mark.parametrize('form', FORMS)
@pytest.mark.parametrize('normalisation', ['maximum', 'diagonal'])
def test_padding_changes_nothing_inside(normalisation, form):
    points, classes = 20 * torch.rand(6, 2), torch.tensor([0, 1, 1, 2, 0, 2])
    mask = torch.zeros(30, 40)
    mask[:13, :17] = 1
    mask[13:] = 0.5
    chosen = {'form': form, 'normalisation': normalisation}
    fields, _ = distance_fields(points, classes, (30, 40), mask=mask, **chosen)
    assert not fields[:, mask < 1].any()
    if normalisation == 'maximum':
        alone, _ = distance_fields(points, classes, (13, 17), form=form)
    else:
        alone = distance_fields(points, classes, (30, 40), **chosen)[0][:, :13, :17]
    torch.testing.assert_close(fields[:, :13, :17], alone)
    nothing, present = distance_fields(points, classes, (30, 40), mask=0 * mask, **chosen)
    assert present.tolist() == [0, 1, 2]
    assert not nothing.any()


def test_many_points_in_parts(monkeypatch):
    points, classes = 50 * torch.rand(200, 2), torch.randint(0, 4, (200,))
    whole = distance_fields(points, classes, (33, 40))
    module = importlib.import_module('mmseg_wsss.functional.distance_fields')
    monkeypatch.setattr(module, '_PAIRS', 4000)
    parts = distance_fields(points, classes, (33, 40))
    assert all(torch.equal(a, b) for a, b in zip(whole, parts, strict=True))


@pytest.mark.parametrize('form', FORMS)
def test_the_order_of_points_and_a_mirror_change_nothing(form):
    points, classes = 20 * torch.rand(9, 2), torch.tensor([0, 1, 2] * 3)
    fields, _ = distance_fields(points, classes, (20, 20), form=form)
    order = torch.randperm(9)
    assert torch.equal(distance_fields(points[order], classes[order], (20, 20), form=form)[0], fields)
    mirrored = torch.stack([19.999 - points[:, 0], points[:, 1]], dim=1)
    torch.testing.assert_close(distance_fields(mirrored, classes, (20, 20), form=form)[0].flip(2), fields)


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
        ({'classes': torch.tensor([1])}, ValueError, r'classes must be 3 ids, one per point, got \(1,\)'),
        ({'size': (3, 0)}, ValueError, r'size must be \(height, width\), two positive integers, got \(3, 0\)'),
        ({'form': 'sum'}, ValueError, "unknown form 'sum': choose from anchored, ratio, product"),
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
