import copy
import pickle

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from mmseg.registry import TRANSFORMS
from scipy import ndimage

from mmseg_wsss.datasets.transforms.pipeline_check import check_pipeline
from mmseg_wsss.structures import WeakAnnotations
from tests.datasets.transforms.test_geometry import random_clicks, run, sample, sizes

PHOTO = (375, 500)  # (height, width)
CROP = 256
CLICKS = 5
LOAD_DRAW_PACK = ('LoadWeakAnnotations', 'RasterizeWeakAnnotations', 'PackWeakSegInputs')


def build(**settings):
    return TRANSFORMS.build({'type': 'WeakRandomWindow', **settings})


@pytest.fixture(scope='module')
def windows():
    """4,000 windows of a photo: clicks in each, share of its area outside, factor."""
    transform = build(crop_size=CROP)
    np.random.seed(0)
    rows = []
    for _ in range(4000):
        top, left, factor = transform.draw(PHOTO)
        clicks = np.random.uniform(0, PHOTO, (CLICKS, 2))
        side = factor * CROP
        inside = ((clicks >= (top, left)) & (clicks < (top + side, left + side))).all(axis=1).sum()
        seen = [min(start + side, end) - max(start, 0) for start, end in zip((top, left), PHOTO, strict=True)]
        rows.append((inside, 1 - np.prod(seen) / side**2, factor))
    return np.array(rows).T


def expected(statistic):
    """The mean of a statistic of the share of the photo in a window, over factors uniform in (0.5, 2)."""
    factors = 0.5 + 1.5 * (np.arange(30000) + 0.5) / 30000
    height, width = (np.minimum(1, CROP * factors / side) for side in PHOTO)
    return np.mean(statistic(height * width, factors))


def test_statistics_are_those_of_the_published_code(windows):
    # A sample of the published pipeline, of some hundred crops, had 2.62 clicks, 12.8 % empty crops, 4.5 % of the area
    # outside and a mean zoom of 0.94. The expectations of its rule are other numbers.
    clicks, outside, factors = windows
    area = CROP**2 / np.prod(PHOTO)
    rules = {
        'clicks': (clicks, expected(lambda share, _: CLICKS * share), 2.62, 0.25),
        'empty': (clicks == 0, expected(lambda share, _: (1 - share) ** CLICKS), 0.128, 0.03),
        'outside': (outside, expected(lambda share, factor: 1 - share / (area * factor**2)), 0.045, 0.015),
        'zoom': (1 / factors, np.log(4) / 1.5, 0.94, 0.06),
    }
    for name, (values, mean, published, published_error) in rules.items():
        error = 4 * values.std() / np.sqrt(len(values))
        assert values.mean() == pytest.approx(mean, abs=error), name
        assert values.mean() == pytest.approx(published, abs=published_error + error), name
    assert np.mean(factors > 1) == pytest.approx(2 / 3, abs=0.03)


def test_resize_and_crop_hold_fewer_clicks(windows):
    resize = {'type': 'RandomResize', 'resize_type': 'WeakResize', 'scale': (500, 500), 'ratio_range': (0.5, 2.0)}
    steps = [{**resize, 'keep_ratio': True}, {'type': 'WeakRandomCrop', 'crop_size': (CROP, CROP)}]
    rng = np.random.default_rng(0)
    counts = []
    for seed in range(200):
        labels = WeakAnnotations(points=rng.uniform(0, 374, (CLICKS, 2)) * (499 / 374, 1), point_labels=[1] * CLICKS)
        points = run(sample(PHOTO, labels), steps, seed=seed)['gt_points'][:, :2]
        counts.append(((points >= 0) & (points < CROP)).all(axis=1).sum())
    error = 4 * np.std(counts) / np.sqrt(len(counts))
    assert np.mean(counts) == pytest.approx(1.66, abs=error)
    assert windows[0].mean() > np.mean(counts) + error


@settings(max_examples=60, deadline=None)
@given(
    sizes(),
    st.tuples(st.integers(8, 50), st.integers(8, 50)),
    st.floats(0.3, 2.5),
    st.integers(0, 2**20),
)
def test_one_matrix_moves_everything(size, crop_size, factor, seed):
    labels = random_clicks(size, seed)
    mask = np.random.default_rng(seed).integers(0, 5, size).astype(np.uint8)
    image = np.random.default_rng(seed).integers(1, 256, (*size, 3)).astype(np.uint8)
    start = {**sample(size, labels, mask), 'img': image}
    step = {'type': 'WeakRandomWindow', 'crop_size': crop_size, 'scale': (factor, factor), 'interpolation': 'nearest'}
    results = run(copy.deepcopy(start), [step], seed=seed)
    matrix = results['homography_matrix']
    assert results['img'].shape[:2] == results['img_shape'] == crop_size
    # The matrix: one scale, the window inside the image where it fits, the image in the middle where not.
    np.testing.assert_allclose(matrix[:2, :2], np.eye(2) / factor)
    left, top = -matrix[:2, 2] * factor
    for corner, side, crop in ((top, size[0], crop_size[0]), (left, size[1], crop_size[1])):
        room = side - factor * crop
        assert corner == pytest.approx(room / 2, abs=1e-6) if room <= 0 else -1e-6 <= corner <= room + 1e-6
    # Pixels, the mask and validity: where the inverse matrix leads.
    rows, columns = np.indices(crop_size) + 0.5
    y, x = top + factor * rows, left + factor * columns
    sure = (np.abs(y - np.round(y)) > 1e-6) & (np.abs(x - np.round(x)) > 1e-6)
    inside = (y >= 0) & (y < size[0]) & (x >= 0) & (x < size[1])
    np.testing.assert_array_equal(results['gt_valid_map'][sure], inside[sure])
    assert (results['img'][~inside & sure] == 0).all()
    points = (labels.points + 0.5 - (left, top)) / factor
    np.testing.assert_allclose(results['gt_points'][:, :2], points, atol=1e-3)
    clicked = np.zeros(crop_size, bool)
    for hit in np.floor(np.concatenate([points - 1e-6, points + 1e-6])).astype(int):
        if (hit >= 0).all() and (hit < crop_size[::-1]).all():
            clicked[hit[1], hit[0]] = True
    assert (results['gt_seg_map'][~inside & sure & ~clicked] == 255).all()
    free = inside & sure & ~clicked
    source = np.floor(y[free]).astype(int), np.floor(x[free]).astype(int)
    np.testing.assert_array_equal(results['gt_seg_map'][free], mask[source])


def test_the_image_is_interpolated_where_the_matrix_leads():
    rows, columns = np.indices((40, 50)).astype(np.float64)
    ramp = np.stack([4 * rows, 4 * columns, rows + columns], axis=2)
    start = {**sample((40, 50)), 'img': ramp.astype(np.uint8)}
    for seed, factor in enumerate((0.6, 1.0, 1.3)):
        step = {'type': 'WeakRandomWindow', 'crop_size': (20, 24), 'scale': (factor, factor)}
        results = run(copy.deepcopy(start), [step], seed=seed)
        left, top = -results['homography_matrix'][:2, 2] * factor
        y, x = top + factor * (np.arange(20) + 0.5) - 0.5, left + factor * (np.arange(24) + 0.5) - 0.5
        grid = np.meshgrid(y, x, indexing='ij')
        for channel in range(3):
            exact = ndimage.map_coordinates(ramp[..., channel], grid, order=1, mode='nearest')
            assert np.abs(results['img'][..., channel] - exact).max() <= 1


def test_a_small_image_lies_in_the_middle_and_black_is_around_it():
    start = {**sample((20, 30)), 'img': np.full((20, 30, 3), 200, np.uint8)}
    results = run(start, [{'type': 'WeakRandomWindow', 'crop_size': 64, 'scale': (0.5, 0.5)}])
    # Twice as large, 40 x 60 in 64 x 64.
    valid = np.zeros((64, 64), np.uint8)
    valid[12:52, 2:62] = 1
    np.testing.assert_array_equal(results['gt_valid_map'], valid)
    np.testing.assert_array_equal(results['img'], 200 * valid[..., None].repeat(3, axis=2))


def test_grey_images_and_other_fills():
    start = {**sample((20, 30)), 'img': np.full((20, 30), 9, np.uint8)}
    settings = {'crop_size': 64, 'scale': (1.0, 1.0), 'fill': 77, 'seg_fill': 3}
    results = run({**start, 'gt_seg_map': np.zeros((20, 30), np.uint8), 'seg_fields': ['gt_seg_map']}, [
        {'type': 'WeakRandomWindow', **settings}
    ])  # fmt: skip
    assert sorted(set(results['img'].flatten().tolist())) == [9, 77]
    assert results['img'].shape == (64, 64)
    moved = build(**settings).transform({
        'img': np.zeros((20, 30, 1), np.uint8),
        'depth': np.ones((20, 30), np.float32),
        'seg_fields': ['depth'],
        'homography_matrix': np.eye(3),
    })  # fmt: skip
    assert moved['img'].shape == (64, 64, 1)
    assert sorted(set(moved['depth'].flatten().tolist())) == [1, 3]


def test_windows_follow_the_global_seed_and_survive_pickling():
    transform = pickle.loads(pickle.dumps(build(crop_size=(10, 12))))
    draws = []
    for seed in (3, 3, 4):
        np.random.seed(seed)
        draws.append(transform.draw((40, 50)))
    assert draws[0] == draws[1] != draws[2]


def test_it_may_stand_in_a_pipeline_of_weak_labels():
    window = {'type': 'WeakRandomWindow', 'crop_size': 8}
    load, draw, pack = ({'type': kind} for kind in LOAD_DRAW_PACK)
    check_pipeline([TRANSFORMS.build(step) for step in (load, window, draw, pack)])
    with pytest.raises(ValueError, match='WeakRandomWindow must be between LoadWeakAnnotations and Rasterize'):
        check_pipeline([TRANSFORMS.build(step) for step in (load, draw, window, pack)])


def test_labels_must_be_loaded_before():
    with pytest.raises(ValueError, match='put LoadWeakAnnotations before the geometric transforms'):
        build(crop_size=8).transform({'img': np.zeros((9, 9, 3), np.uint8)})


@pytest.mark.parametrize(
    ('settings', 'message'),
    [
        ({'crop_size': 0}, 'crop_size must be at least one pixel on each side, got 0'),
        ({'crop_size': 8, 'scale': (2.0, 0.5)}, r'two numbers above 0, the smaller first, got \(2.0, 0.5\)'),
        ({'crop_size': 8, 'scale': (0.0, 1.0)}, r'got \(0.0, 1.0\)'),
        ({'crop_size': 8, 'interpolation': 'cubic'}, "must be one of bilinear, bicubic, nearest, got 'cubic'"),
    ],
)
def test_bad_settings(settings, message):
    with pytest.raises(ValueError, match=message):
        build(**settings)


def test_points_outside_the_window_are_kept_with_their_place():
    labels = WeakAnnotations(points=[[0, 0], [29, 19]], point_labels=[1, 2])
    results = run(sample((20, 30), labels), [{'type': 'WeakRandomWindow', 'crop_size': 6, 'scale': (1.0, 1.0)}])
    left, top = -results['homography_matrix'][:2, 2]
    np.testing.assert_allclose(results['gt_points'][:, :2], [[0.5 - left, 0.5 - top], [29.5 - left, 19.5 - top]])
