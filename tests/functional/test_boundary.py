import math

import cv2
import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from skimage.morphology import disk

from mmseg_wsss.functional import boundary_matches, contour_scores, count_contours


def loop_boundary(mask):
    height, width = mask.shape
    pixels = []
    for y in range(height):
        for x in range(width):
            neighbours = [(y, x + 1), (y + 1, x), (y + 1, x + 1)]
            there = [mask[j, i] for j, i in neighbours if j < height and i < width]
            if any(value != mask[y, x] for value in there):
                pixels.append((y, x))
    return pixels


def loop_matches(pred, target, bound):
    radius = math.ceil(bound * math.sqrt(pred.shape[0] ** 2 + pred.shape[1] ** 2))
    first, second = loop_boundary(pred), loop_boundary(target)

    def near(pixels, others):
        return sum(any((y - j) ** 2 + (x - i) ** 2 <= radius**2 for j, i in others) for y, x in pixels)

    return near(first, second), near(second, first), len(first), len(second)


def random_mask(shape, seed, density=0.5):
    return np.random.default_rng(seed).random(shape) < density


def blob(shape, seed):
    noise = np.random.default_rng(seed).random(shape).astype(np.float32)
    return cv2.GaussianBlur(noise, (0, 0), 4) > 0.5


@pytest.mark.parametrize('shape', [(9, 13), (1, 7), (7, 1), (1, 1), (2, 2)])
@pytest.mark.parametrize('density', [0.0, 0.1, 0.5, 1.0])
@pytest.mark.parametrize('bound', [0.0, 0.008, 0.2])
def test_equals_the_loop(shape, density, bound):
    pred, target = random_mask(shape, 0, density), random_mask(shape, 1, 0.2)
    assert boundary_matches(pred, target, bound=bound) == loop_matches(pred, target, bound)


@pytest.mark.parametrize('bound', [0.008, 0.03])
def test_equals_dilation_by_a_disk(bound):
    pred, target = blob((75, 100), 0), blob((75, 100), 1)
    kernel = disk(math.ceil(bound * 125))

    def boundary(mask):
        drawn = np.zeros(mask.shape, np.uint8)
        drawn[tuple(np.transpose(loop_boundary(mask)))] = 1
        return drawn

    first, second = boundary(pred), boundary(target)
    expected = (
        int((first * cv2.dilate(second, kernel)).sum()),
        int((second * cv2.dilate(first, kernel)).sum()),
        int(first.sum()),
        int(second.sum()),
    )
    assert boundary_matches(pred, target, bound=bound) == expected
    assert 0 < expected[0] < expected[2]


def test_by_hand():
    # An L-shaped corner: the pixel left above the square counts through its lower-right neighbour.
    mask = np.zeros((4, 4), dtype=bool)
    mask[1:3, 1:3] = True
    assert loop_boundary(mask) == [(0, 0), (0, 1), (0, 2), (1, 0), (1, 2), (2, 0), (2, 1), (2, 2)]
    assert boundary_matches(mask, mask) == (8, 8, 8, 8)
    # 3-4-5: a diagonal of 500 makes a radius of ceil(4.0) = 4; the boundaries are one pixel each, 4 and 5 apart.
    for distance, matches in ((4, 1), (5, 0)):
        pred, target = np.zeros((2, 300, 400), dtype=bool)
        pred[0, :50] = target[0, : 50 + distance] = True
        first, _, num_pred, num_target = boundary_matches(pred, target)
        assert (num_pred, num_target) == (50, 50 + distance)
        # along the row all but the ends of the longer one are shared
        assert first == 50
        _, second, _, _ = boundary_matches(pred, target)
        assert second == 50 + distance - (0 if matches else 1)


def test_corner_pixel_is_no_boundary():
    mask = np.zeros((5, 5), dtype=bool)
    mask[4, 4] = True
    assert loop_boundary(mask) == [(3, 3), (3, 4), (4, 3)]
    assert boundary_matches(mask, mask)[2] == 3


def test_nothing_and_everything_have_no_boundary():
    nothing, everything = np.zeros((6, 6), dtype=bool), np.ones((6, 6), dtype=bool)
    half = np.arange(36).reshape(6, 6) < 18
    assert boundary_matches(nothing, everything) == (0, 0, 0, 0)
    assert boundary_matches(half, nothing) == (0, 0, 6, 0)
    assert boundary_matches(nothing, half) == (0, 0, 0, 6)


def test_any_type_of_zeros_and_ones():
    pred, target = random_mask((8, 9), 0), random_mask((8, 9), 1)
    expected = boundary_matches(pred, target)
    for kind in (np.uint8, np.int64, np.float32):
        assert boundary_matches(pred.astype(kind), target.astype(kind)) == expected
    assert boundary_matches(torch.from_numpy(pred), torch.from_numpy(target).long()) == expected
    assert boundary_matches(pred.tolist(), np.asfortranarray(target)) == expected
    assert all(type(count) is int for count in expected)


@settings(max_examples=20, derandomize=True, deadline=None)
@given(st.integers(0, 2**32 - 1), st.floats(0, 1), st.floats(0, 1))
def test_properties(seed, bound, other_bound):
    pred, target = random_mask((6, 8), seed), random_mask((6, 8), seed + 1)
    matches = boundary_matches(pred, target, bound=bound)
    assert matches[0] <= matches[2]
    assert matches[1] <= matches[3]
    assert boundary_matches(target, pred, bound=bound) == (matches[1], matches[0], matches[3], matches[2])
    assert boundary_matches(~pred, ~target, bound=bound) == matches
    assert boundary_matches(pred, pred, bound=bound)[:2] == matches[2:3] * 2
    others = boundary_matches(pred, target, bound=other_bound)
    assert (others[0] - matches[0]) * (other_bound - bound) >= 0


@pytest.mark.parametrize(
    ('change', 'error', 'message'),
    [
        ({'pred': np.ones((1, 4, 4))}, ValueError, r'pred must be a mask \(H, W\), got the shape \(1, 4, 4\)'),
        ({'target': np.full((4, 4), 255)}, ValueError, r'target must hold zeros and ones.*255.*labels == class_id'),
        ({'target': np.full((4, 4), np.nan)}, ValueError, 'target must hold zeros and ones'),
        ({'target': np.ones((4, 5))}, ValueError, r'the same size, got \(4, 4\) and \(4, 5\)'),
        ({'bound': 3}, ValueError, r'bound is a fraction of the diagonal, in \[0, 1\], got 3'),
        ({'bound': math.nan}, ValueError, 'bound is a fraction'),
        ({'bound': '0.1'}, TypeError, "bound must be a number in \\[0, 1\\], got '0.1'"),
    ],
)
def test_errors(change, error, message):
    arguments = {'pred': np.ones((4, 4)), 'target': np.ones((4, 4)), **change}
    with pytest.raises(error, match=message):
        boundary_matches(arguments.pop('pred'), arguments.pop('target'), **arguments)


def test_counts_of_some_classes_of_label_maps():
    rng = np.random.default_rng(0)
    pred, target = (rng.choice([0, 1, 2, 255], (9, 13)) for _ in range(2))
    counts = count_contours(pred, target, [2, 1, 3], bound=0.1)
    for row, label in zip(counts, (2, 1), strict=False):
        assert tuple(row) == loop_matches(pred == label, target == label, 0.1)
    assert counts[2].tolist() == [0, 0, 0, 0]
    assert count_contours(pred, target, []).shape == (0, 4)


def test_counts_are_summed_before_the_ratio():
    scores = contour_scores(np.array([[30, 8, 40, 10], [0, 0, 5, 0], [0, 0, 0, 5], [0, 0, 0, 0], [0, 0, 4, 4]]))
    np.testing.assert_allclose(scores[0], [2 * 0.75 * 0.8 / 1.55, 0, 0, 1, 0])
    np.testing.assert_allclose(scores[1], [0.75, 0, 1, 1, 0])
    np.testing.assert_allclose(scores[2], [0.8, 1, 0, 1, 0])
    assert contour_scores(np.zeros((1, 4), dtype=int), absent_score=0.5).tolist() == [[0.5], [0.5], [0.5]]
    assert np.isnan(contour_scores(np.zeros((1, 4), dtype=int), absent_score=None)).all()
