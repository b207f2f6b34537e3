"""Labels move with the image: properties over random chains of transforms."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from mmcv.transforms import Compose
from mmseg.registry import TRANSFORMS
from scipy import ndimage

from mmseg_wsss.structures import WeakAnnotations

SETTINGS = settings(max_examples=60)


@st.composite
def chains(draw):
    """Up to four geometric steps, with fixed outcomes drawn from the global state."""
    steps = []
    for kind in draw(st.lists(st.sampled_from(['resize', 'crop', 'flip', 'rotate']), max_size=4)):
        if kind == 'resize':
            ratio = draw(st.floats(0.5, 2.0))
            steps.append(
                {'type': 'WeakResize', 'scale_factor': (ratio, draw(st.floats(0.5, 2.0))), 'keep_ratio': False}
            )
        elif kind == 'crop':
            steps.append({'type': 'WeakRandomCrop', 'crop_size': (draw(st.integers(8, 60)), draw(st.integers(8, 60)))})
        elif kind == 'flip':
            direction = draw(st.sampled_from(['horizontal', 'vertical', 'diagonal']))
            steps.append({'type': 'WeakRandomFlip', 'prob': 1.0, 'direction': direction})
        else:
            auto_bound = draw(st.booleans())
            steps.append({'type': 'WeakRandomRotate', 'prob': 1.0, 'degree': 40.0, 'auto_bound': auto_bound})
    return steps


@st.composite
def sizes(draw):
    return draw(st.integers(17, 60)), draw(st.integers(17, 60))


def sample(size, labels=None, mask=None):
    height, width = size
    image = np.arange(height * width * 3, dtype=np.uint32).reshape(height, width, 3).astype(np.uint8)
    results = {
        'img': image,
        'img_shape': size,
        'ori_shape': size,
        'weak_annotations': labels or WeakAnnotations(),
        'seg_fields': [],
    }
    if mask is not None:
        results['gt_seg_map'] = mask
        results['seg_fields'] = ['gt_seg_map']
    return results


def run(results, steps, seed=0, **raster):
    pipeline = [{'type': 'LoadWeakAnnotations'}, *steps, {'type': 'RasterizeWeakAnnotations', **raster}]
    np.random.seed(seed)
    return Compose([TRANSFORMS.build(step) for step in pipeline])(results)


def inside_every_step(results, points):
    """Not cut off by any crop on the way (a later rotation may turn its place back into the picture)."""
    seen = np.ones(len(points), bool)
    for matrix, (height, width) in results['weak_frames']:
        for index, (x, y) in enumerate(points):
            column, row, _ = matrix @ [x, y, 1]
            seen[index] &= 0 <= column < width and 0 <= row < height
    return seen


def random_clicks(size, seed, count=25, num_classes=5):
    rng = np.random.default_rng(seed)
    points = np.column_stack([rng.integers(0, side, count) for side in size[::-1]]).astype(float)
    return WeakAnnotations(points=points, point_labels=rng.integers(0, num_classes, count))


def clear_of_edges(results, points):
    """Which points lie on no edge of a pixel after any step: there, the last bit would decide."""
    clear = np.ones(len(points), bool)
    for matrix in (*(matrix for matrix, _ in results['weak_frames']), results['homography_matrix']):
        places = points @ matrix[:2, :2].T + matrix[:2, 2]
        clear &= (np.abs(places - np.round(places)) > 1e-6).all(axis=1)
    return clear


@SETTINGS
@given(chains(), sizes(), st.integers(0, 2**20))
def test_every_click_inside_survives_once_at_the_right_pixel(steps, size, seed):
    labels = random_clicks(size, seed)
    clear = clear_of_edges(run(sample(size, labels), steps, seed), labels.points + 0.5)
    labels = WeakAnnotations(points=labels.points[clear], point_labels=labels.point_labels[clear])
    results = run(sample(size, labels), steps, seed)
    height, width = results['img'].shape[:2]
    matrix = results['homography_matrix']
    expected, collisions = {}, 0
    seen = inside_every_step(results, labels.points + 0.5)
    for (x, y), label in zip(labels.points[seen], labels.point_labels[seen], strict=True):
        column, row, _ = np.floor(matrix @ [x + 0.5, y + 0.5, 1])
        if 0 <= row < height and 0 <= column < width:
            collisions += (row, column) in expected
            expected[row, column] = label
    canvas = results['gt_seg_map']
    assert {(r, c): canvas[int(r), int(c)] for r, c in expected} == expected
    assert (canvas != 255).sum() == len(expected)
    assert results['num_overwritten'] == collisions


def test_matrix_is_the_way_of_the_pixels():
    """The class under a click in the dense mask, moved the same way, is the class of the click."""
    checked = agreed = 0
    rng = np.random.default_rng(0)
    for trial in range(150):
        size = tuple(int(side) for side in rng.integers(30, 70, 2))
        steps = _random_chain(rng)
        mask = np.kron(rng.integers(0, 5, (8, 8)), np.ones((9, 9))).astype(np.uint8)[: size[0], : size[1]]
        rows, columns = (rng.integers(0, side, 40) for side in size)
        labels = WeakAnnotations(points=np.column_stack([columns, rows]), point_labels=mask[rows, columns])
        moved = run(sample(size, None, mask), steps, trial)
        drawn = run(sample(size, labels), steps, trial)
        dense = moved['gt_seg_map']
        for row, column in np.argwhere(drawn['gt_seg_map'] != 255):
            patch = dense[max(row - 2, 0) : row + 3, max(column - 2, 0) : column + 3]
            if patch.size == 25 and (patch == patch[0, 0]).all() and patch[0, 0] != 255:
                checked += 1
                agreed += patch[0, 0] == drawn['gt_seg_map'][row, column]
    assert checked > 1000
    assert agreed / checked >= 0.995


def test_validity_equals_the_warped_one():
    """``gt_valid_map`` against a mask of ones that mmseg's own transforms moved, before the rasteriser touches it."""
    rng = np.random.default_rng(1)
    different = total = 0
    for trial in range(100):
        size = tuple(int(side) for side in rng.integers(30, 70, 2))
        steps = _random_chain(rng)
        load = TRANSFORMS.build({'type': 'LoadWeakAnnotations'})
        np.random.seed(trial)
        results = Compose([load, *(TRANSFORMS.build(step) for step in steps)])(
            sample(size, None, np.zeros(size, np.uint8))
        )
        warped = results['gt_seg_map'].copy() == 0
        valid = TRANSFORMS.build({'type': 'RasterizeWeakAnnotations'})(results)['gt_valid_map'] == 1
        different += (warped != valid).sum()
        total += valid.size
        # Resampling twice moves a border by up to two pixels; away from it the two are equal.
        deep = ndimage.binary_erosion(valid, iterations=3)
        far = ndimage.binary_erosion(~valid, iterations=3)
        assert warped[deep].all()
        assert not warped[far].any()
    assert different / total < 5e-3


def _random_chain(rng):
    steps = []
    for kind in rng.permutation(4)[: rng.integers(1, 5)]:
        ratio = float(rng.uniform(0.5, 2))
        crop = tuple(int(side) for side in rng.integers(20, 60, 2))
        steps.append(
            [
                {'type': 'WeakResize', 'scale_factor': ratio, 'keep_ratio': True},
                {'type': 'WeakRandomCrop', 'crop_size': crop},
                {'type': 'WeakRandomFlip', 'prob': 0.7, 'direction': ['horizontal', 'vertical']},
                {'type': 'WeakRandomRotate', 'prob': 1.0, 'degree': 30.0, 'auto_bound': bool(rng.integers(2))},
            ][kind]
        )
    return steps


@pytest.mark.parametrize(('direction', 'pixel'), [('horizontal', (2, 6)), ('vertical', (7, 3)), ('diagonal', (7, 6))])
def test_flips_by_hand(direction, pixel):
    labels = WeakAnnotations(points=[[3, 2]], point_labels=[1])
    results = run(sample((10, 10), labels), [{'type': 'WeakRandomFlip', 'prob': 1.0, 'direction': direction}])
    assert np.argwhere(results['gt_seg_map'] != 255).tolist() == [list(pixel)]


def test_resize_keeps_a_click_one_pixel():
    labels = WeakAnnotations(points=[[3, 2], [9, 9]], point_labels=[1, 2])
    for factor in (0.5, 2.0):
        results = run(sample((10, 10), labels), [{'type': 'WeakResize', 'scale_factor': factor, 'keep_ratio': True}])
        assert (results['gt_seg_map'] != 255).sum() == 2
    assert results['gt_seg_map'][5, 7] == 1


def test_random_resize_with_our_resize():
    labels = WeakAnnotations(points=[[9, 4]], point_labels=[1])
    step = {
        'type': 'RandomResize', 'resize_type': 'WeakResize', 'scale': (40, 40), 'ratio_range': (2.0, 2.0),
        'keep_ratio': True,
    }  # fmt: skip
    results = run(sample((20, 20), labels), [step])
    assert results['img'].shape[:2] == (80, 80)
    assert np.argwhere(results['gt_seg_map'] == 1).tolist() == [[18, 38]]


def test_transforms_inside_wrappers_draw_once():
    labels = random_clicks((40, 40), 3)
    inner = [{'type': 'WeakRandomCrop', 'crop_size': (20, 20)}, {'type': 'WeakRandomFlip', 'prob': 0.5}]
    for wrapper in (
        {'type': 'RandomApply', 'transforms': inner, 'prob': 1.0},
        {'type': 'RandomChoice', 'transforms': [inner]},
    ):
        results = run(sample((40, 40), labels), [wrapper])
        matrix = results['homography_matrix']
        left, top = (np.linalg.inv(matrix) @ [10, 10, 1])[:2] - (10, 10)
        assert results['img'].shape[:2] == (20, 20)
        assert 0 <= left <= 20
        assert 0 <= top <= 20


def test_crop_insists_on_labels():
    labels = WeakAnnotations(points=[[2, 2]], point_labels=[1])
    found = {0: 0, 1: 0}
    for min_labels in found:
        for seed in range(40):
            step = {'type': 'WeakRandomCrop', 'crop_size': (10, 10), 'min_labels': min_labels, 'max_tries': 400}
            found[min_labels] += int((run(sample((40, 40), labels), [step], seed)['gt_seg_map'] == 1).sum())
    assert found[0] < 10
    assert found[1] > 35
    line = WeakAnnotations(polylines=[[[0, 20], [39, 20]]], polyline_labels=[2])
    step = {'type': 'WeakRandomCrop', 'crop_size': (10, 10), 'min_labels': 5, 'max_tries': 60}
    assert all((run(sample((40, 40), line), [step], seed)['gt_seg_map'] == 2).any() for seed in range(10))
    mask = np.full((40, 40), 255, np.uint8)
    mask[:6, :6] = 3
    results = [run(sample((40, 40), None, mask.copy()), [{**step, 'max_tries': 300}], seed) for seed in range(10)]
    assert all((r['gt_seg_map'] == 3).sum() >= 5 for r in results)


def test_crop_takes_the_most_labels_where_none_holds_enough():
    labels = WeakAnnotations(points=[[20, 20], [22, 22], [39, 39]], point_labels=[1, 1, 2])
    step = {'type': 'WeakRandomCrop', 'crop_size': (10, 10), 'min_labels': 3, 'max_tries': 200}
    for seed in range(10):
        assert (run(sample((40, 40), labels), [step], seed)['gt_seg_map'] == 1).sum() == 2


def test_crop_larger_than_the_image_changes_nothing():
    labels = random_clicks((21, 33), 0)
    results = run(sample((21, 33), labels), [{'type': 'WeakRandomCrop', 'crop_size': (64, 64)}])
    assert results['img'].shape[:2] == (21, 33)
    assert np.array_equal(results['homography_matrix'], np.eye(3))
    assert results['gt_valid_map'].all()


@pytest.mark.parametrize('settings_', [{'min_labels': -1}, {'max_tries': 0}])
def test_crop_settings(settings_):
    with pytest.raises(ValueError, match='min_labels must be at least 0 and max_tries at least 1'):
        TRANSFORMS.build({'type': 'WeakRandomCrop', 'crop_size': 8, **settings_})


def test_geometry_before_the_labels_are_loaded_is_an_error():
    results = sample((10, 10))
    with pytest.raises(ValueError, match='put LoadWeakAnnotations before'):
        TRANSFORMS.build({'type': 'WeakResize', 'scale_factor': 2.0})(results)
