"""Labels move with the image: properties over random chains of transforms."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from mmcv.transforms import Compose
from mmseg.registry import TRANSFORMS
from scipy import ndimage

from mmseg_wsss.structures import WeakAnnotations
from tests.helpers.pipelines import random_clicks, run, sample, sizes

SETTINGS = settings(max_examples=60)


@st.composite
def chains(draw):
    """Up to four geometric steps, with fixed outcomes drawn from the global state."""
    steps = []
    for kind in draw(st.lists(st.sampled_from(['resize', 'crop', 'window', 'flip', 'rotate']), max_size=4)):
        if kind == 'resize':
            ratio = draw(st.floats(0.5, 2.0))
            steps.append(
                {'type': 'WeakResize', 'scale_factor': (ratio, draw(st.floats(0.5, 2.0))), 'keep_ratio': False}
            )
        elif kind == 'crop':
            steps.append({'type': 'WeakRandomCrop', 'crop_size': (draw(st.integers(8, 60)), draw(st.integers(8, 60)))})
        elif kind == 'window':
            window = (draw(st.integers(8, 60)), draw(st.integers(8, 60)))
            steps.append({'type': 'WeakRandomWindow', 'crop_size': window, 'scale': (0.5, 2.0)})
        elif kind == 'flip':
            direction = draw(st.sampled_from(['horizontal', 'vertical', 'diagonal']))
            steps.append({'type': 'WeakRandomFlip', 'prob': 1.0, 'direction': direction})
        else:
            auto_bound = draw(st.booleans())
            steps.append({'type': 'WeakRandomRotate', 'prob': 1.0, 'degree': 40.0, 'auto_bound': auto_bound})
    return steps


def inside_every_step(results, points):
    """Not cut off by any crop on the way (a later rotation may turn its place back into the picture)."""
    seen = np.ones(len(points), bool)
    for matrix, (height, width) in results['weak_frames']:
        for index, (x, y) in enumerate(points):
            column, row, _ = matrix @ [x, y, 1]
            seen[index] &= 0 <= column < width and 0 <= row < height
    return seen


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


def test_geometry_before_the_labels_are_loaded_is_an_error():
    results = sample((10, 10))
    with pytest.raises(ValueError, match='put LoadWeakAnnotations before'):
        TRANSFORMS.build({'type': 'WeakResize', 'scale_factor': 2.0})(results)
