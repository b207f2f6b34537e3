import importlib
import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from skimage.draw import disk
from skimage.segmentation import random_walker

from mmseg_wsss.functional import point_blots
from mmseg_wsss.functional.point_blots import Perturbation, _confirmed, _perturbed, histogram_divergence


def scene(noise=4, seed=0):
    """A bright disk on dark ground, a click in it and four around it (edge coordinates)."""
    rng = np.random.default_rng(seed)
    truth = np.zeros((40, 52), dtype=bool)
    truth[disk((20, 26), 11)] = True
    image = np.where(truth[..., None], [200, 120, 60], [40, 60, 90]) + rng.normal(0, noise, (40, 52, 3))
    points = np.array([[26.5, 20.5], [3.5, 3.5], [48.5, 4.5], [4.5, 36.5], [48.5, 36.5]])
    return image.clip(0, 255).astype(np.uint8), points, np.array([7, 0, 0, 0, 0]), truth


def test_blots_follow_the_edges_and_are_right():
    image, points, classes, truth = scene()
    blots = point_blots(image, points, classes)
    assert set(np.unique(blots)) <= {0, 7, 255}
    assert truth[blots == 7].mean() == 1
    assert (blots[truth] == 7).mean() > 0.9
    assert not truth[blots == 0].any()
    assert (blots[~truth] == 0).mean() > 0.5


def test_blots_of_the_defaults_fill_textured_regions_and_end_at_their_edge():
    rows, columns = np.mgrid[:60, :80]
    disc = (columns - 30) ** 2 + (rows - 30) ** 2 < 18**2
    noise = np.random.default_rng(0).standard_normal((60, 80, 3))
    image = np.clip(np.where(disc, 0.6, 0.3)[..., None] + 0.1 * noise, 0, 1)
    points, classes = np.array([[30.5, 30.5], [70.5, 10.5]]), np.array([2, 0])
    blots = point_blots(image, points, classes)
    assert (blots[disc] == 2).mean() > 0.99
    assert (blots[~disc] == 0).mean() > 0.99
    assert (blots[~disc] == 2).sum() == 0
    assert (blots[disc] == 0).mean() < 0.01
    # with scikit-image's beta the background is hardly more than its point
    assert (point_blots(image, points, classes, beta=130)[~disc] == 0).mean() < 0.01


def test_a_hard_edge_by_hand():
    image = np.zeros((10, 12), np.uint8)
    image[:, 5:] = 255
    points, classes = np.array([[1.0, 4.0], [9.0, 7.0]]), np.array([4, 9])
    expected = np.where(np.arange(12) < 5, 4, 9)[None].repeat(10, 0)
    still = {'max_rotation': 0, 'max_scaling': 0, 'max_shift': 0}
    np.testing.assert_array_equal(point_blots(image, points, classes, **still), expected)
    np.testing.assert_array_equal(point_blots(image / 255, points, classes, num_iters=0), expected)
    np.testing.assert_array_equal(point_blots(image[..., None].repeat(3, 2), points, classes), expected)


# Conjugate gradients end with probabilities that are right to a tolerance, and scikit-image says where they pass 1.
@pytest.mark.filterwarnings('ignore:The probability range is outside:UserWarning:skimage')
def test_large_images_have_another_solver_and_the_same_blots(monkeypatch):
    image, points, classes, _ = scene()
    expected = point_blots(image, points, classes)
    modes = []

    def walk(*args, **kwargs):
        modes.append(kwargs['mode'])
        return random_walker(*args, **kwargs)

    module = importlib.import_module('mmseg_wsss.functional.point_blots')
    monkeypatch.setattr(module, 'random_walker', walk)
    monkeypatch.setattr(module, '_DIRECT_PIXELS', 0)
    assert (point_blots(image, points, classes) != expected).mean() < 0.01
    assert modes == ['cg_j'] * 6


@given(st.integers(0, 1000))
@settings(max_examples=5, deadline=None, derandomize=True)
def test_more_iterations_only_take_away(seed):
    image, points, classes, _ = scene(noise=60, seed=seed)
    regions = point_blots(image, points, classes, num_iters=0, min_probability=0.6)
    blots = point_blots(image, points, classes, min_probability=0.6, max_shift=0.1, rng=seed)
    labelled = blots != 255
    np.testing.assert_array_equal(blots[labelled], regions[labelled])
    assert labelled.sum() < (regions != 255).sum()
    sure = point_blots(image, points, classes, num_iters=0, min_probability=0.9)
    assert (regions[sure != 255] == sure[sure != 255]).all()


def test_the_seed_decides_and_nothing_else():
    image, points, classes, _ = scene(noise=60)
    chosen = {'min_probability': 0.6, 'max_shift': 0.1}
    first = point_blots(image, points, classes, rng=1, **chosen)
    np.random.seed(5)
    np.testing.assert_array_equal(point_blots(image, points, classes, rng=np.random.default_rng(1), **chosen), first)
    assert (point_blots(image, points, classes, rng=2, **chosen) != first).any()


def test_a_large_image_is_reduced():
    image, points, classes, truth = scene()
    large = image.repeat(5, 0).repeat(5, 1)
    blots = point_blots(large, 5 * points, classes, max_side=52)
    assert blots.shape == (200, 260)
    assert truth.repeat(5, 0).repeat(5, 1)[blots == 7].mean() > 0.98
    assert (blots == 7).sum() > 0.8 * 25 * truth.sum()


def test_rejected_blots_shrink_to_their_points():
    image, points, classes, _ = scene()
    only_points = np.full(image.shape[:2], 255)
    x, y = points.astype(int).T
    only_points[y, x] = classes
    for settings_ in ({'min_overlap': 1.0}, {'max_divergence': 1e-12, 'max_shift': 0.2, 'num_iters': 1}):
        np.testing.assert_array_equal(point_blots(image, points, classes, **settings_), only_points)


def test_acceptance_by_hand():
    colours = np.zeros((1, 6, 1))
    colours[0, 3:] = 1
    blot = np.array([[True, True, True, True, False, False]])
    good = np.array([[0, 0, 0, -1, -1, -1]])
    shifted = np.array([[-1, 0, 0, 0, 0, -1]])
    for candidate, overlap in ((good, 3 / 4), (shifted, 3 / 5)):
        for min_overlap in (overlap - 0.01, overlap, overlap + 0.01):
            kept = _confirmed(blot, 0, [candidate], colours, 2, 9.0, min_overlap)
            expected = blot & (candidate == 0) if min_overlap < overlap else np.zeros_like(blot)
            np.testing.assert_array_equal(kept, expected)
    # Counts with one more in each bin: (4, 2) of the blot against (4, 1) and (3, 3).
    for candidate, counts in ((good, (4, 1)), (shifted, (3, 3))):
        divergence = sum(p / 6 * math.log((p / 6) / (q / sum(counts))) for p, q in zip((4, 2), counts, strict=True))
        assert histogram_divergence(colours, blot, candidate == 0, 2) == pytest.approx(divergence)
        assert _confirmed(blot, 0, [candidate], colours, 2, divergence * 1.01, 0.5).any()
        assert not _confirmed(blot, 0, [candidate], colours, 2, divergence * 0.99, 0.5).any()
    both = _confirmed(blot, 0, [good, shifted, np.full((1, 6), -1)], colours, 2, 9.0, 0.5)
    np.testing.assert_array_equal(both, [[False, True, True, False, False, False]])
    np.testing.assert_array_equal(_confirmed(blot, 0, [], colours, 2, 9.0, 0.5), blot)


def test_perturbations_grow():
    points = np.random.default_rng(0).uniform(0, 100, (50, 2))
    limits = Perturbation(rotation=10.0, scaling=0.2, shift=0.05)
    runs = [_perturbed(points, (100, 100), 5, limits, np.random.default_rng(seed)) for seed in range(30)]
    moved = np.array([[np.abs(p - points).max() for p in run] for run in runs])
    assert (np.diff(moved.mean(axis=0)) > 0).all()
    half = 100 / 2**0.5  # farthest from the middle
    bound = np.arange(1, 6) / 5 * (half * (np.deg2rad(10) + 0.2) + 0.05 * 2 * half) * 1.1
    assert (moved <= bound).all()
    assert _perturbed(points, (100, 100), 0, limits, np.random.default_rng(0)) == []


def test_no_point_one_class_no_background_shared_pixels_and_points_outside():
    image, points, classes, _ = scene()
    assert (point_blots(image, np.zeros((0, 2)), np.zeros(0, int)) == 255).all()
    alone = point_blots(image, points[:1], classes[:1])
    assert np.argwhere(alone != 255).tolist() == [[20, 26]]
    two = point_blots(image, points[:2], np.array([7, 9]))  # no background, two foreground classes
    assert set(np.unique(two)) == {7, 9}
    outside = np.array([[-0.1, 5], [52.0, 5], [5, 40.0], [1e6, -1e6]])
    everywhere = np.concatenate([points, outside]), np.concatenate([classes, [7, 0, 3, 4]])
    np.testing.assert_array_equal(point_blots(image, *everywhere), point_blots(image, points, classes))
    shared = point_blots(image, points[[0, 0, 1]], np.array([7, 9, 0]))
    assert shared[20, 26] == 9
    assert not (shared == 7).any()


@pytest.mark.parametrize('size', [(1, 1), (1, 2), (2, 2), (1, 9)])
def test_tiny_and_flat_images(size):
    image = np.full(size, 9, np.uint8)
    points = np.array([[0.5, 0.5], [size[1] - 0.5, size[0] - 0.5]])
    blots = point_blots(image, points, np.array([1, 2]))
    assert blots[-1, -1] == 2
    assert blots.shape == size
    if size == (1, 9):  # without an edge the probability falls linearly from one point to the other
        np.testing.assert_array_equal(blots, [[1, 1, 255, 255, 255, 255, 255, 2, 2]])


@pytest.mark.parametrize(
    ('change', 'error', 'message'),
    [
        ({'image': np.zeros((4, 4), int)}, TypeError, 'image must be of uint8'),
        ({'image': np.full((4, 4), 200.0)}, ValueError, r'floats must lie in \[0, 1\], got 200.0 to 200.0: divide it'),
        ({'image': np.full((4, 4), np.nan)}, ValueError, 'got nan to nan'),
        ({'image': np.zeros((4, 4, 2))}, ValueError, r'image must be \(H, W\).*got \(4, 4, 2\)'),
        ({'points': np.zeros((2, 3))}, ValueError, r'points must be \(P, 2\) and classes \(P,\)'),
        ({'classes': np.array([1])}, ValueError, r'got \(2, 2\) and \(1,\)'),
        ({'classes': np.array([0.0, 1.7])}, TypeError, 'classes must be whole numbers, got float64'),
        ({'classes': np.array([1, 255])}, ValueError, 'ids from 0 to 254, got 1 to 255'),
        ({'num_iters': -1}, ValueError, 'num_iters must be a whole number from 0, got -1'),
        ({'num_bins': 0}, ValueError, 'num_bins must be a whole number from 1'),
        ({'max_side': 1.5}, ValueError, 'max_side must be a whole number from 1, got 1.5'),
        ({'max_side': 0}, ValueError, 'max_side must be a whole number from 1, got 0'),
        ({'beta': 0}, ValueError, 'beta must be a finite number above 0'),
        ({'max_divergence': -1}, ValueError, 'max_divergence must be a finite number above 0'),
        ({'min_overlap': 1.1}, ValueError, r'min_overlap must be in \[0, 1\], got 1.1'),
        ({'min_probability': -0.1}, ValueError, r'min_probability must be in \[0, 1\]'),
        ({'max_shift': math.nan}, ValueError, 'max_rotation and max_shift must be finite.*got 6.0, nan and 0.1'),
        ({'max_rotation': math.inf}, ValueError, 'max_rotation and max_shift must be finite.*got inf'),
        ({'ignore_index': 1}, ValueError, 'ignore_index must be from 0 to 255 and no class id of a point, got 1'),
        ({'ignore_index': 256}, ValueError, 'ignore_index must be from 0 to 255'),
        ({'max_scaling': 1}, ValueError, r'max_scaling must lie in \[0, 1\), got 6.0, 0.03 and 1'),
    ],
)
def test_errors(change, error, message):
    arguments = {'image': np.zeros((4, 4, 3)), 'points': np.zeros((2, 2)), 'classes': np.array([0, 1]), **change}
    with pytest.raises(error, match=message):
        point_blots(arguments.pop('image'), arguments.pop('points'), arguments.pop('classes'), **arguments)
