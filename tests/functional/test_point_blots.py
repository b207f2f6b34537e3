import importlib
import math

import numpy as np
import pytest
from skimage.draw import disk
from skimage.segmentation import random_walker

from mmseg_wsss.functional import point_blots
from mmseg_wsss.functional.point_blots import (
    UNCLAIMED,
    Acceptance,
    Perturbation,
    _followed,
    _perturbed,
    _regions,
    _settled,
    histogram_divergence,
)


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
    assert (point_blots(image, points, classes, beta=130)[~disc] == 0).mean() < 0.05


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


@pytest.mark.parametrize('seed', [1, 2, 3])
def test_more_iterations_only_take_away_or_only_add(seed):
    image, points, classes, _ = scene(noise=60, seed=seed)
    chosen = {'min_probability': 0.8, 'max_shift': 0.1, 'rng': seed}
    regions = point_blots(image, points, classes, num_iters=0, min_probability=0.8)
    first = regions != 255
    shared = point_blots(image, points, classes, rule='intersect', **chosen)
    np.testing.assert_array_equal(shared[shared != 255], regions[shared != 255])
    expanded = point_blots(image, points, classes, rule='expand', **chosen)
    np.testing.assert_array_equal(expanded[first], regions[first])
    assert (shared != 255).sum() + 20 < first.sum() < (expanded != 255).sum() - 20
    for rule in ('expand', 'intersect'):
        np.testing.assert_array_equal(
            point_blots(image, points, classes, rule=rule, num_iters=0, min_probability=0.8), regions
        )
    sure = point_blots(image, points, classes, num_iters=0, min_probability=0.9)
    assert (regions[sure != 255] == sure[sure != 255]).all()


def flooded(labels, start):
    """The connected pixels of one label around a pixel, one step at a time."""
    label, reached, edge = labels[start], {start}, [start]
    while edge:
        row, column = edge.pop()
        for place in ((row - 1, column), (row + 1, column), (row, column - 1), (row, column + 1)):
            inside = 0 <= place[0] < labels.shape[0] and 0 <= place[1] < labels.shape[1]
            if inside and place not in reached and labels[place] == label:
                reached.add(place)
                edge.append(place)
    return frozenset(reached)


def slow_divergence(colours, first, second, bins=16):
    means = []
    for channel in range(3):
        counts = []
        for pixels in (first, second):
            found = [1] * bins
            for pixel in pixels:
                found[min(int(colours[pixel][channel] * bins), bins - 1)] += 1
            counts.append([count / sum(found) for count in found])
        means.append(sum(p * math.log(p / q) for p, q in zip(*counts, strict=True)))
    return sum(means) / 3


def slow_union(colours, seeds, labels, maps, phi, delta):
    """Blots by successive union, from the regions of every walk, with sets of pixels."""
    blots = {}
    for (x, y), label in zip(seeds, labels, strict=True):
        if maps[0][int(y), int(x)] == label:
            blots.setdefault((int(label), flooded(maps[0], (int(y), int(x)))))
    result = np.full(maps[0].shape, UNCLAIMED)
    claims = {}
    for label, current in blots:
        for regions in maps[1:]:
            found = {flooded(regions, place) for place in map(tuple, np.argwhere(regions == label).tolist())}
            overlaps = {region: len(region & current) / len(region | current) for region in found}
            best = max(overlaps, key=overlaps.get, default=None)
            if best and overlaps[best] > delta and slow_divergence(colours, current, best) < phi:
                current = current | best
        for place in current:
            claims.setdefault(place, set()).add(label)
    for place, found in claims.items():
        if len(found) == 1:
            (result[place],) = found
        elif maps[0][place] in found:
            result[place] = maps[0][place]
    return result


@pytest.mark.parametrize(('seed', 'phi', 'delta'), [(0, 0.5, 0.3), (1, 0.05, 0.1), (2, 0.2, 0.6), (3, 9.0, 0.0)])
def test_successive_union_equals_sets_of_pixels(seed, phi, delta):
    image, points, _, _ = scene(noise=60, seed=seed)
    image = image[:24, :30]
    points, classes = points.clip(0.5, [29.5, 23.5]), np.array([7, 0, 2, 0, 0])
    settings_ = {'min_probability': 0.7, 'max_shift': 0.15, 'max_rotation': 20.0}
    blots = point_blots(image, points, classes, rng=seed, max_divergence=phi, min_overlap=delta, **settings_)
    colours, labels = image / 255, np.array([2, 0, 1, 0, 0])
    moved = _perturbed(points, (24, 30), 5, Perturbation(20.0, 0.1, 0.15), np.random.default_rng(seed))
    maps = [_regions(colours, places, labels, 500.0, 0.7) for places in [points, *moved]]
    expected = np.array([0, 2, 7, 255])[slow_union(colours, points, labels, maps, phi, delta)]
    x, y = points.astype(int).T
    expected[y, x] = classes
    np.testing.assert_array_equal(blots, expected)
    assert (blots != point_blots(image, points, classes, num_iters=0, min_probability=0.7)).any()


def test_the_seed_decides_and_nothing_else():
    image, points, classes, _ = scene(noise=60, seed=1)
    chosen = {'min_probability': 0.8, 'max_shift': 0.1}
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


def test_without_an_accepted_candidate_blots_stay_or_shrink_to_their_points():
    image, points, classes, _ = scene()
    only_points = np.full(image.shape[:2], 255)
    x, y = points.astype(int).T
    only_points[y, x] = classes
    regions = point_blots(image, points, classes, num_iters=0)
    for settings_ in ({'min_overlap': 1.0}, {'max_divergence': 1e-12, 'max_shift': 0.2, 'num_iters': 1}):
        shared = point_blots(image, points, classes, rule='intersect', **settings_)
        np.testing.assert_array_equal(shared, only_points)
        np.testing.assert_array_equal(point_blots(image, points, classes, **settings_), regions)


def test_acceptance_by_hand():
    colours = np.zeros((1, 6, 1))
    colours[0, 3:] = 1
    blot = np.array([[True, True, True, True, False, False]])
    good = np.array([[0, 0, 0, -1, -1, -1]])
    shifted = np.array([[-1, 0, 0, 0, 0, -1]])

    def followed(candidates, divergence, overlap, rule='intersect'):
        return _followed(blot, 0, candidates, colours, Acceptance(rule, divergence, overlap, 2))

    for candidate, overlap in ((good, 3 / 4), (shifted, 3 / 5)):
        for min_overlap in (overlap - 0.01, overlap, overlap + 0.01):
            accepted = min_overlap < overlap
            expected = blot & (candidate == 0) if accepted else np.zeros_like(blot)
            np.testing.assert_array_equal(followed([candidate], 9.0, min_overlap), expected)
            expected = blot | (candidate == 0) if accepted else blot
            np.testing.assert_array_equal(followed([candidate], 9.0, min_overlap, 'expand'), expected)
    # Counts with one more in each bin: (4, 2) of the blot against (4, 1) and (3, 3).
    for candidate, counts in ((good, (4, 1)), (shifted, (3, 3))):
        divergence = sum(p / 6 * math.log((p / 6) / (q / sum(counts))) for p, q in zip((4, 2), counts, strict=True))
        assert histogram_divergence(colours, blot, candidate == 0, 2) == pytest.approx(divergence)
        assert followed([candidate], divergence * 1.01, 0.5).any()
        assert not followed([candidate], divergence * 0.99, 0.5).any()
    both = followed([good, shifted, np.full((1, 6), -1)], 9.0, 0.5)
    np.testing.assert_array_equal(both, [[False, True, True, False, False, False]])
    np.testing.assert_array_equal(followed([], 9.0, 0.5), blot)


def test_the_order_of_expansion_by_hand():
    """Each candidate is compared with what the ones before it have left: a row of 12 pixels of one colour."""
    colours, start = np.zeros((1, 12, 1)), np.arange(12)[None] < 2

    def row(end):
        return np.where(np.arange(12)[None] < end, 0, -1)

    def reached(*ends, rule='expand'):
        acceptance = Acceptance(rule, 9.0, 0.5, 2)
        return int(_followed(start, 0, [row(end) for end in ends], colours, acceptance).sum())

    # 2 -> 3 (2/3), 3 -> 5 (3/5), 5 -> 9 (5/9); 9 is nothing to the first two pixels (2/9)
    assert reached(3, 5, 9) == 9
    assert reached(9, 5, 3) == 3  # 2/9 and 2/5 are refused, then 2/3
    assert reached(5, 9, 3) == 3
    assert reached(3, 5, 9, 3) == 9  # 3/9: a smaller one is refused, and would not shrink it
    assert reached(3, 5, 9, 8) == 9  # 8/9: accepted, adds nothing
    assert [reached(*ends, rule='intersect') for ends in ((3, 5, 9), (9, 5, 3), (5, 9))] == [2, 2, 0]


def test_a_pixel_of_two_classes_keeps_the_class_of_the_first_walk():
    claims = np.array([[[1, 1, 1, 0, 1, 0]], [[0, 1, 1, 1, 1, 0]], [[0, 0, 0, 0, 1, 0]]], dtype=bool)
    first_walk = np.array([[UNCLAIMED, 0, 1, 1, UNCLAIMED, 2]])
    assert _settled(claims, first_walk).tolist() == [[0, 0, 1, 1, UNCLAIMED, UNCLAIMED]]
    assert _settled(claims, np.array([[2, 2, 2, 2, 2, 2]])).tolist() == [[0, UNCLAIMED, UNCLAIMED, 1, 2, UNCLAIMED]]


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
        ({'classes': np.array([0.0, 1.7])}, TypeError, 'classes must be integers, got float64'),
        ({'classes': np.array([1, 255])}, ValueError, 'ids from 0 to 254, got 1 to 255'),
        ({'rule': 'union'}, ValueError, "unknown rule 'union': choose from expand, intersect"),
        ({'num_iters': -1}, ValueError, 'num_iters must be a non-negative integer, got -1'),
        ({'num_bins': 0}, ValueError, 'num_bins must be a positive integer'),
        ({'max_side': 1.5}, ValueError, 'max_side must be a positive integer, got 1.5'),
        ({'max_side': 0}, ValueError, 'max_side must be a positive integer, got 0'),
        ({'beta': 0}, ValueError, 'beta must be a finite number above 0'),
        ({'max_divergence': -1}, ValueError, 'max_divergence must be a finite number above 0'),
        ({'min_overlap': 1.1}, ValueError, r'min_overlap must be in \[0, 1\], got 1.1'),
        ({'min_probability': -0.1}, ValueError, r'min_probability must be in \[0, 1\]'),
        ({'max_shift': math.nan}, ValueError, 'max_rotation and max_shift must be finite.*got 6.0, nan and 0.1'),
        ({'max_rotation': math.inf}, ValueError, 'max_rotation and max_shift must be finite.*got inf'),
        ({'ignore_index': 1}, ValueError, 'ignore_index must be from 0 to 255 and not a class id of a point, got 1'),
        ({'ignore_index': 256}, ValueError, 'ignore_index must be from 0 to 255'),
        ({'max_scaling': 1}, ValueError, r'max_scaling must lie in \[0, 1\), got 6.0, 0.03 and 1'),
    ],
)
def test_errors(change, error, message):
    arguments = {'image': np.zeros((4, 4, 3)), 'points': np.zeros((2, 2)), 'classes': np.array([0, 1]), **change}
    with pytest.raises(error, match=message):
        point_blots(arguments.pop('image'), arguments.pop('points'), arguments.pop('classes'), **arguments)
