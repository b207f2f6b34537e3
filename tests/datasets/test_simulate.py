import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from skimage.draw import disk, line

from mmseg_wsss.datasets._regions import find_regions
from mmseg_wsss.datasets.simulate import (
    KINDS,
    cityscapes_clicks,
    points_from_boxes,
    simulate_boxes,
    simulate_clicks,
    simulate_scribbles,
    simulate_tags,
    simulate_weak_annotations,
)
from mmseg_wsss.structures import WeakAnnotations


def rng(seed=0):
    return np.random.default_rng(seed)


def scene(height=40, width=60):
    """A square of class 1, two disks of class 2, a strip of unlabelled pixels."""
    mask = np.zeros((height, width), dtype=np.uint8)
    mask[5:20, 5:20] = 1
    mask[disk((28, 12), 7)] = 2
    mask[disk((15, 45), 9)] = 2
    mask[:2] = 255
    return mask


def values(mask, xy):
    x, y = np.asarray(xy, dtype=int).T
    return mask[y, x]


def blobs(seed):
    """A random blocky mask of classes 0..2 with some 255."""
    return np.kron(rng(seed).choice([0, 1, 2, 255], size=(6, 8), p=[0.5, 0.2, 0.2, 0.1]), np.ones((5, 5))).astype(
        np.uint8
    )


def test_regions_are_eight_connected_components():
    mask = np.array([[1, 0, 1], [0, 1, 0], [0, 0, 0], [2, 2, 255]], dtype=np.uint8)
    regions = find_regions(mask)
    assert [(r.label, r.mask.sum(), r.corner) for r in regions] == [(1, 3, (0, 0)), (2, 2, (0, 3))]
    assert [r.label for r in find_regions(mask, min_area=3)] == [1]
    assert [(r.label, r.mask.sum()) for r in find_regions(mask, background=True)] == [(0, 6)]


def test_parts_of_an_instance_are_regions_of_their_own_if_asked_for():
    mask = np.array([[1, 1, 0, 1, 1], [0, 0, 0, 0, 1]], dtype=np.uint8)
    instances = np.array([[4, 4, 0, 4, 4], [0, 0, 0, 0, 4]])
    whole, parts = (find_regions(mask, instances=instances, split_instances=split) for split in (False, True))
    assert [(r.mask.sum(), r.corner) for r in whole] == [(5, (0, 0))]
    assert [(r.label, r.mask.sum(), r.corner) for r in parts] == [(1, 2, (0, 0)), (1, 3, (3, 0))]
    (large,) = find_regions(mask, instances=instances, split_instances=True, min_area=3)
    assert (large.mask.sum(), large.corner) == (3, (3, 0))


def test_regions_follow_an_instance_map_where_it_has_ids():
    mask = np.array([[1, 1, 1, 0, 1, 1, 0, 2]], dtype=np.uint8)
    instances = np.array([[7, 7, 9, 0, 7, 0, 0, 0]])
    regions = find_regions(mask, instances=instances)
    found = [(r.label, r.corner[0], r.mask[0].tolist()) for r in regions]
    assert found == [(1, 0, [True, True, False, False, True]), (1, 2, [True]), (1, 5, [True]), (2, 7, [True])]
    with pytest.raises(ValueError, match=r'of the same size, got \(1, 8\) and \(2, 8\)'):
        find_regions(mask, instances=np.zeros((2, 8)))


@given(st.integers(0, 10_000), st.sampled_from([0.0, 0.5, 1.0]), st.integers(1, 3))
@settings(max_examples=15, deadline=None)
def test_clicks_carry_the_mask_class_and_count_objects_and_background(seed, jitter, num):
    mask = blobs(seed)
    clicks = simulate_clicks(mask, rng(seed), num_per_object=num, jitter=jitter)
    np.testing.assert_array_equal(values(mask, clicks.points), clicks.point_labels)
    objects = len(find_regions(mask)) * num
    assert (clicks.point_labels > 0).sum() == objects
    assert (clicks.point_labels == 0).sum() == min(max(objects, 1), (mask == 0).sum())


def test_no_background_click_on_an_unlabelled_pixel():
    mask = np.zeros((6, 8), dtype=np.uint8)
    mask[1:4, 2:6] = 1
    clicks = simulate_clicks(mask, rng(), ignore_index=0)
    assert clicks.point_labels.tolist() == [1]


def test_without_jitter_the_click_is_the_innermost_pixel():
    mask = np.zeros((9, 11), dtype=np.uint8)
    mask[1:8, 3:10] = 1
    clicks = simulate_clicks(mask, rng(), jitter=0, num_background=0)
    assert clicks.points.tolist() == [[6, 4]]


def test_jitter_bounds_the_depth_of_clicks():
    mask = np.zeros((43, 43), dtype=np.uint8)
    mask[1:42, 1:42] = 1
    depth = 21 - np.abs(np.indices(mask.shape) - 21).max(axis=0)
    reached = []
    for jitter in (0.25, 1.0):
        clicks = simulate_clicks(mask, rng(), num_per_object=400, jitter=jitter, num_background=0)
        depths = depth[clicks.points[:, 1].astype(int), clicks.points[:, 0].astype(int)]
        assert depths.min() >= (1 - jitter) * 21
        reached.append(depths.min())
    assert reached[1] < reached[0]


def assert_scribbles_stay_on_their_class(seed):
    mask = blobs(seed)
    scribbles = simulate_scribbles(mask, rng(seed))
    assert (scribbles.polyline_labels > 0).sum() == len(find_regions(mask))
    for polyline, label in zip(scribbles.polylines, scribbles.polyline_labels, strict=True):
        assert (values(mask, polyline) == label).all()
        for (x0, y0), (x1, y1) in zip(polyline[:-1].astype(int), polyline[1:].astype(int), strict=True):
            assert (mask[line(y0, x0, y1, x1)] == label).all()
            assert x0 == x1 or y0 == y1 or abs(x1 - x0) == abs(y1 - y0)


@given(st.integers(0, 10_000))
@settings(max_examples=15, deadline=None)
def test_scribbles_stay_on_their_class(seed):
    assert_scribbles_stay_on_their_class(seed)


def test_a_scribble_does_not_cut_the_corner_where_regions_touch_diagonally():
    """Simplified to within half a pixel, a line of this mask ran over a pixel of the background."""
    assert_scribbles_stay_on_their_class(seed=16)


def test_a_scribble_follows_the_middle_of_a_bar_and_has_the_asked_length():
    mask = np.zeros((11, 120), dtype=np.uint8)
    mask[3:8, 5:115] = 1
    full = simulate_scribbles(mask, rng(), length=1, num_background=0).polylines[0]
    half = simulate_scribbles(mask, rng(), length=0.5, num_background=0).polylines[0]
    for polyline in (full, half):
        assert np.abs(polyline[:, 1] - 5).max() <= 2
        inner = polyline[(polyline[:, 0] > 10) & (polyline[:, 0] < 109)]
        assert (inner[:, 1] == 5).all()
    assert np.ptp(full[:, 0]) >= 100
    assert abs(np.ptp(half[:, 0]) - np.ptp(full[:, 0]) / 2) <= 2


def test_the_largest_background_regions_get_scribbles():
    mask = np.zeros((20, 40), dtype=np.uint8)
    mask[:, 10] = 1
    mask[:, 30:32] = 2
    scribbles = simulate_scribbles(mask, rng(), num_background=1)
    assert scribbles.polyline_labels.tolist() == [1, 2, 0]
    xs = scribbles.polylines[2][:, 0]
    assert xs.min() > 10
    assert xs.max() < 30
    assert simulate_scribbles(mask, rng()).polyline_labels.tolist() == [1, 2, 0, 0]


def test_boxes_are_tight_and_inclusive():
    boxes = simulate_boxes(scene(), rng())
    assert boxes.boxes.tolist() == [[5, 5, 19, 19], [37, 7, 53, 23], [6, 22, 18, 34]]
    assert boxes.box_labels.tolist() == [1, 2, 2]


@given(st.integers(0, 10_000), st.floats(0, 0.49))
@settings(max_examples=20, deadline=None)
def test_jittered_boxes_stay_ordered_inside_and_near(seed, jitter):
    mask = blobs(seed)
    tight = simulate_boxes(mask, rng()).boxes
    moved = simulate_boxes(mask, rng(seed), jitter=jitter).boxes
    sides = np.tile(tight[:, 2:] - tight[:, :2] + 1, 2)
    assert (np.abs(moved - tight) <= jitter * sides + 0.5).all()
    assert (moved[:, :2] <= moved[:, 2:]).all()
    assert (moved >= 0).all()
    assert (moved[:, 2:] <= [mask.shape[1] - 1, mask.shape[0] - 1]).all()


def test_tags_name_foreground_classes_of_enough_pixels():
    mask = np.array([[0, 255, 3], [1, 1, 3], [0, 1, 0]])
    assert simulate_tags(mask).tags == (1, 3)
    assert simulate_tags(mask, min_area=3).tags == (1,)
    assert simulate_tags(np.zeros((2, 2), dtype=np.uint8)).tags == ()


@pytest.mark.parametrize('kind', KINDS)
def test_every_kind_alone_gives_only_that_kind(kind):
    labels = simulate_weak_annotations(scene(), rng(), kinds=[kind], num_classes=3)
    given_kinds = {
        'points': len(labels.points) > 0,
        'scribbles': len(labels.polylines) > 0,
        'boxes': len(labels.boxes) > 0,
        'tags': labels.tags is not None,
    }
    assert given_kinds == {name: name == kind for name in KINDS}


def test_the_seed_decides_everything():
    one, same, other = (
        simulate_weak_annotations(scene(), rng(seed), kinds=KINDS, num_classes=3).to_dict() for seed in (4, 4, 5)
    )
    assert one == same
    assert one != other


def test_a_mask_without_objects_or_without_anything_is_fine():
    empty = simulate_weak_annotations(np.zeros((5, 5), np.uint8), rng(), kinds=KINDS, num_classes=2)
    assert empty.point_labels.tolist() == [0]
    assert empty.polyline_labels.tolist() == [0]
    assert empty.tags == ()
    ignored = simulate_weak_annotations(np.full((5, 5), 255, np.uint8), rng(), kinds=KINDS, num_classes=2)
    assert ignored.num_labels == 0


@pytest.mark.parametrize(
    ('settings', 'message'),
    [
        ({'kinds': ['clicks']}, r"kinds must be some of points, scribbles, boxes, tags, got \['clicks'\]"),
        ({'kinds': []}, 'kinds must be some of'),
        ({'num_classes': 2}, r'the mask holds the values \[2\]'),
        ({'jitter': 1.5}, r'jitter must lie in \[0, 1\], got 1.5'),
        ({'kinds': ['scribbles'], 'length': 0}, r'length must lie in \(0, 1\], got 0'),
    ],
)
def test_wrong_settings_are_explained(settings, message):
    with pytest.raises(ValueError, match=message):
        simulate_weak_annotations(scene(), rng(), **{'kinds': ['points'], 'num_classes': 3, **settings})
    with pytest.raises(ValueError, match=r'jitter must lie in \[0, 0.5\)'):
        simulate_boxes(scene(), rng(), jitter=0.5)


# ---------------------------------------------------------------- Cityscapes clicks


def street():
    """Road (0) 20 x 40 below, a building (2) too small to click, two cars (13) of one component, a ring (11)."""
    train_ids = np.full((60, 40), 255)
    instances = np.zeros((60, 40), dtype=np.int64)
    train_ids[40:] = 0
    train_ids[0:15, 0:17] = 2
    train_ids[20:30, 0:10] = 13
    instances[20:30, 0:5], instances[20:30, 5:10] = 26000, 26001
    train_ids[18:39, 15:36] = 11
    train_ids[20:37, 17:34] = 255
    instances[train_ids == 11] = 24003
    return train_ids, instances


def test_cityscapes_clicks_are_centroids_of_instances_and_of_large_stuff():
    train_ids, instances = street()
    clicks = cityscapes_clicks(train_ids, instances)
    found = dict(zip(clicks.point_labels.tolist(), clicks.points.tolist(), strict=True))
    assert sorted(clicks.point_labels.tolist()) == [0, 11, 13, 13]
    assert found[0] == [20, 50]
    cars = clicks.points[clicks.point_labels == 13].tolist()
    assert cars == [[2, 24], [7, 24]]
    small = cityscapes_clicks(train_ids, instances, min_stuff_area=255)
    assert sorted(small.point_labels.tolist()) == [0, 2, 11, 13, 13]


def test_a_centroid_beside_its_object_gives_the_first_pixel_beyond_a_distance():
    # The ring is 2 thick around 17 x 17, its centroid in the middle: distances from 9 to 10 sqrt(2).
    train_ids, instances = street()
    centre, low, high = np.array([25, 28]), 9, 10 * 2**0.5
    for fraction in (0.025, 0.3, 1.0):
        threshold = low + fraction * (high - low)
        clicks = cityscapes_clicks(train_ids, instances, nearest_fraction=fraction)
        x, y = clicks.points[clicks.point_labels == 11][0]
        assert train_ids[int(y), int(x)] == 11
        distances = np.linalg.norm(np.argwhere(train_ids == 11) - centre[::-1], axis=1)
        assert np.hypot(x - centre[0], y - centre[1]) == distances[distances >= threshold - 1e-9].min()
        assert (fraction < 1) or abs(x - centre[0]) == abs(y - centre[1]) == 10  # a corner


@settings(max_examples=30, deadline=None)
@given(st.integers(0, 10_000))
def test_first_pixel_of_any_shape(seed):
    """Straight from the rule: sort by distance, take the first at 2.5 % of the range or beyond."""
    shape = np.kron(rng(seed).random((5, 6)) > 0.45, np.ones((3, 3))) > 0
    train_ids = np.where(shape, 5, 255).astype(np.uint8)
    clicks = cityscapes_clicks(train_ids, None, min_stuff_area=1)
    expected = []
    for region in find_regions(np.where(shape, 1, 0)):
        rows, columns = np.nonzero(region.mask)
        rows, columns = rows + region.corner[1], columns + region.corner[0]
        row, column = rows.mean(), columns.mean()
        if train_ids[round(row), round(column)] == 5 and any((rows == round(row)) & (columns == round(column))):
            expected.append([round(column), round(row)])
            continue
        number, places = len(rows), list(zip(rows.tolist(), columns.tolist(), strict=True))
        sums = sum(y for y, _ in places), sum(x for _, x in places)
        squares = [(number * y - sums[0]) ** 2 + (number * x - sums[1]) ** 2 for y, x in places]  # exact
        pairs = sorted((square**0.5, y, x) for square, (y, x) in zip(squares, places, strict=True))
        low, high = pairs[0][0], pairs[-1][0]
        expected.append(next([x, y] for d, y, x in pairs if d >= low + 0.025 * (high - low)))
    assert clicks.points.tolist() == expected


def test_an_instance_cut_in_two_gets_two_clicks():
    train_ids, instances = np.full((10, 30), 255), np.zeros((10, 30), dtype=np.int64)
    train_ids[2:8, 2:28], instances[2:8, 2:28] = 13, 26004
    train_ids[:, 12:15], instances[:, 12:15] = 5, 5  # a pole before the car
    clicks = cityscapes_clicks(train_ids, instances, min_stuff_area=1)
    assert clicks.points[clicks.point_labels == 13].tolist() == [[6, 4], [21, 4]]
    train_ids[4, 12], train_ids[5, 13], train_ids[4, 14] = 13, 13, 13
    instances[4, 12] = instances[5, 13] = instances[4, 14] = 26004  # corner to corner: one component
    assert (cityscapes_clicks(train_ids, instances, min_stuff_area=1).point_labels == 13).sum() == 1


def test_random_rule_takes_whole_instances_and_one_of_the_nearest_pixels():
    train_ids, instances = street()
    instances[train_ids == 13] = 26000
    train_ids[:, 5], instances[:, 5] = 255, 0  # the car in two parts, its centroid between them
    rows, columns = np.nonzero(train_ids == 11)
    distances = np.sort(np.hypot(rows - rows.mean(), columns - columns.mean()))
    kept = int(0.025 * len(rows))
    chosen = set()
    for seed in range(20):
        clicks = cityscapes_clicks(train_ids, instances, rng(seed), rule='random')
        assert (clicks.point_labels == 13).sum() == 1
        x, y = clicks.points[clicks.point_labels == 11][0]
        assert train_ids[int(y), int(x)] == 11
        assert np.hypot(y - rows.mean(), x - columns.mean()) <= distances[kept - 1]
        chosen.add((x, y))
    assert kept == 3
    assert len(chosen) == kept


def test_without_instances_every_component_must_be_large():
    train_ids, _ = street()
    clicks = cityscapes_clicks(train_ids, None, min_stuff_area=150)
    assert sorted(clicks.point_labels.tolist()) == [0, 2, 11]
    with pytest.raises(ValueError, match='equal sizes'):
        cityscapes_clicks(train_ids, np.zeros((2, 2)))
    with pytest.raises(ValueError, match=r'nearest_fraction must lie in \(0, 1\], got 0'):
        cityscapes_clicks(train_ids, None, nearest_fraction=0)
    for rule in ('paper', 'random'):
        with pytest.raises(ValueError, match=f"one of first, random, 'random' with an rng, got '{rule}'"):
            cityscapes_clicks(train_ids, None, rule=rule)


def test_points_of_boxes_are_their_middles_and_four_beside_all():
    mask = scene()
    generator = rng()
    boxes = simulate_boxes(mask, generator)
    points = points_from_boxes(boxes, mask.shape, generator)
    middles, background = points.points[:3], points.points[3:]
    assert points.point_labels.tolist() == [*boxes.box_labels.tolist(), *[0] * 12]
    np.testing.assert_array_equal(middles, np.floor((boxes.boxes[:, :2] + boxes.boxes[:, 2:] + 1) / 2))
    assert middles[0].tolist() == [12, 12]
    for x, y in background:
        assert 0 <= x < 60
        assert 0 <= y < 40
        assert not any(x1 <= x <= x2 and y1 <= y <= y2 for x1, y1, x2, y2 in boxes.boxes)
    assert len(np.unique(background, axis=0)) == 12
    by_rule = simulate_weak_annotations(mask, rng(), kinds=['points'], num_classes=3, points='box-centres')
    np.testing.assert_array_equal(by_rule.points, points.points)


def test_points_of_boxes_without_room_or_boxes():
    whole = simulate_boxes(np.ones((4, 5), np.uint8), rng())
    assert points_from_boxes(whole, (4, 5), rng()).points.tolist() == [[2, 2]]
    assert points_from_boxes(WeakAnnotations(), (4, 5), rng()).num_labels == 0
    assert points_from_boxes(WeakAnnotations(boxes=[[0, 0, 4, 2]], box_labels=[1]), (4, 5), rng()).num_labels == 5
    assert points_from_boxes(whole, (40, 50), rng(), num_background=0).num_labels == 1
    with pytest.raises(ValueError, match='num_background must not be negative, got -1'):
        points_from_boxes(whole, (4, 5), rng(), num_background=-1)
    with pytest.raises(ValueError, match="points must be one of objects, box-centres, got 'x'"):
        simulate_weak_annotations(scene(), rng(), kinds=['points'], num_classes=3, points='x')
