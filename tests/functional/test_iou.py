import math

import pytest
import torch
from hypothesis import example, given, settings
from hypothesis import strategies as st

from mmseg_wsss.functional import class_areas, class_ious, confusion_matrix, mean_iou

ids = st.sampled_from([-1, 0, 1, 2, 3, 4, 255])
pixels = st.lists(st.tuples(ids, ids), min_size=0, max_size=40)


def pair(drawn):
    values = torch.tensor(drawn, dtype=torch.long).reshape(-1, 2)
    return values[:, 0], values[:, 1]


def loop_areas(pred, target, num_classes, ignore_index):
    areas = [[0] * num_classes for _ in range(4)]
    for p, t in zip(pred.flatten().tolist(), target.flatten().tolist(), strict=True):
        if t == ignore_index:
            continue
        for c in range(num_classes):
            for area, there in zip(areas, (p == t == c, c in (p, t), p == c, t == c), strict=True):
                area[c] += there
    return areas


@settings(max_examples=60, deadline=None)
@given(pixels, st.sampled_from([0, 2, 255]))
@example([(2, 2), (-1, 0), (255, 1), (3, 255)], 2)
def test_areas_equal_the_loop(drawn, ignore_index):
    pred, target = pair(drawn)
    areas = class_areas(pred, target, 4, ignore_index=ignore_index)
    assert [area.tolist() for area in areas] == loop_areas(pred, target, 4, ignore_index)
    assert all(area.dtype == torch.int64 for area in areas)


@settings(max_examples=60, deadline=None)
@given(pixels, st.permutations(range(5)))
def test_renumbered_classes_have_the_same_areas(drawn, order):
    table = {**dict(enumerate(order)), -1: -1, 255: 255}
    plain = class_areas(*pair(drawn), 5)
    renumbered = class_areas(*pair([(table[p], table[t]) for p, t in drawn]), 5)
    for area, other in zip(plain, renumbered, strict=True):
        assert torch.equal(other[list(order)], area)


@settings(max_examples=60, deadline=None)
@given(pixels, pixels)
def test_areas_of_parts_add_up_and_ignored_pixels_do_not_count(drawn, more):
    parts = [class_areas(*pair(part), 5) for part in (drawn, more)]
    whole = class_areas(*pair([*drawn, *more, *[(p, 255) for p, _ in more]]), 5)
    for first, second, together in zip(*parts, whole, strict=True):
        assert torch.equal(first + second, together)


@settings(max_examples=60, deadline=None)
@given(pixels)
def test_ious_are_symmetric_between_0_and_1_and_1_for_the_truth(drawn):
    pred, target = pair([(p, t) for p, t in drawn if 255 not in (p, t)])
    areas, swapped = class_areas(pred, target, 5), class_areas(target, pred, 5)
    ious = class_ious(areas.intersection, areas.union)
    torch.testing.assert_close(class_ious(swapped.intersection, swapped.union), ious, equal_nan=True)
    present = ious[areas.union > 0]
    assert ((present >= 0) & (present <= 1)).all()
    assert ious[areas.union == 0].isnan().all()
    same = class_areas(target, target, 5)
    assert class_ious(same.intersection, same.union).nan_to_num(1).tolist() == [1] * 5


def test_mean_leaves_out_absent_classes_by_hand():
    pred = torch.tensor([[0, 0, 1, 1], [2, 1, 1, 0]])
    target = torch.tensor([[0, 1, 1, 1], [1, 1, 255, 255]])
    areas = class_areas(pred, target, 4)
    expected = [1 / 2, 3 / 5, 0, math.nan]
    assert class_ious(areas.intersection, areas.union).tolist() == pytest.approx(expected, nan_ok=True)
    means = {None: 11 / 30, (0, 1): 11 / 20, (0, 3): 1 / 2, (2, 3): 0}
    for classes, mean in means.items():
        assert mean_iou(areas.intersection, areas.union, classes=classes).item() == pytest.approx(mean)
    for classes in ([3], []):
        assert mean_iou(areas.intersection, areas.union, classes=classes).isnan()
    with pytest.raises(IndexError):
        mean_iou(areas.intersection, areas.union, classes=[4])


def test_masks_are_maps_of_two_classes_and_many_pixels_are_counted_exactly():
    mask = torch.tensor([True, True, False])
    areas = class_areas(mask, torch.tensor([True, False, False]), 2)
    assert (areas.intersection.tolist(), areas.union.tolist()) == ([1, 1], [2, 2])
    image = class_areas(torch.zeros(2**12, 2**12, dtype=torch.uint8), torch.zeros(2**12, 2**12, dtype=torch.uint8), 1)
    pixel = class_areas(torch.tensor([0]), torch.tensor([0]), 1)
    assert (image.union + pixel.union).tolist() == [2**24 + 1]  # float32 has no such number


@pytest.mark.parametrize(
    ('arguments', 'error', 'message'),
    [
        ((torch.rand(2), torch.zeros(2).long(), 2), TypeError, 'pred must be a tensor of class ids .* got a tensor of'),
        ((torch.zeros(2).long(), [0, 1], 2), TypeError, 'target must be a tensor of class ids .* got list'),
        ((torch.zeros(2).long(), torch.zeros(3).long(), 2), ValueError, r'same shape, got \(2,\) and \(3,\)'),
        (
            (torch.zeros(2).long(), torch.zeros(2).long(), 0),
            ValueError,
            'num_classes must be a positive integer, got 0',
        ),
    ],
)
def test_errors(arguments, error, message):
    with pytest.raises(error, match=message):
        class_areas(*arguments)


@settings(max_examples=60, deadline=None)
@given(pixels, st.sampled_from([0, 2, 255]))
@example([(2, 2), (-1, 0), (255, 1), (3, 255), (1, 4), (4, 1), (0, 3)], 2)
def test_the_confusion_matrix_equals_the_loop(drawn, ignore_index):
    pred, target = pair(drawn)
    matrix = confusion_matrix(pred, target, 4, ignore_index=ignore_index)
    expected = [[0] * 4 for _ in range(4)]
    for p, t in zip(pred.tolist(), target.tolist(), strict=True):
        if t != ignore_index and 0 <= t < 4 and 0 <= p < 4:
            expected[t][p] += 1
    assert matrix.tolist() == expected
    areas = class_areas(pred, target, 4, ignore_index=ignore_index)
    assert matrix.diagonal().tolist() == areas.intersection.tolist()


def test_the_confusion_matrix_by_hand():
    pred, target = torch.tensor([[0, 1, 1], [2, 2, 0]]), torch.tensor([[0, 1, 0], [0, 2, 255]])
    assert confusion_matrix(pred, target, 3).tolist() == [[1, 1, 1], [0, 1, 0], [0, 0, 1]]
    with pytest.raises(ValueError, match='must have the same shape'):
        confusion_matrix(pred, target[:1], 3)
