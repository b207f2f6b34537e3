"""Each step against its own arithmetic, written here from what mmseg and mmcv say that they do."""

import copy
import pickle

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from mmseg.registry import TRANSFORMS

from mmseg_wsss.structures import WeakAnnotations
from tests.datasets.transforms.test_geometry import random_clicks, run, sample, sizes

SETTINGS = settings(max_examples=60)
FLIPS = ('horizontal', 'vertical', 'diagonal')


@st.composite
def general_steps(draw):
    steps = []
    for kind in draw(st.lists(st.sampled_from(['resize', 'crop', 'flip', 'rotate']), min_size=1, max_size=4)):
        if kind == 'resize':
            factors = (draw(st.floats(0.5, 2.0)), draw(st.floats(0.5, 2.0)))
            steps.append({'type': 'WeakResize', 'scale_factor': factors, 'keep_ratio': False})
        elif kind == 'crop':
            steps.append({'type': 'WeakRandomCrop', 'crop_size': (draw(st.integers(8, 60)), draw(st.integers(8, 60)))})
        elif kind == 'flip':
            steps.append({'type': 'WeakRandomFlip', 'prob': 1.0, 'direction': draw(st.sampled_from(FLIPS))})
        else:
            angle = draw(st.floats(-180, 180))
            center = draw(st.sampled_from([None, (3.0, 10.5)]))
            auto_bound = center is None and draw(st.booleans())
            steps.append(
                {
                    'type': 'WeakRandomRotate', 'prob': 1.0, 'degree': (angle, angle), 'center': center,
                    'auto_bound': auto_bound,
                }
            )  # fmt: skip
    return steps


def moved(points, step, before, after, seed):
    """Where one step takes points (x, y), in edge coordinates."""
    (height, width), (new_height, new_width) = before, after
    x, y = points.T
    if step['type'] == 'WeakResize':
        return np.stack([x * new_width / width, y * new_height / height], axis=1)
    if step['type'] == 'WeakRandomCrop':
        np.random.seed(seed)
        top, left = (np.random.randint(0, max(a - b, 0) + 1) for a, b in zip(before, step['crop_size'], strict=True))
        return points - (left, top)
    if step['type'] == 'WeakRandomFlip':
        x = x if step['direction'] == 'vertical' else width - x
        y = y if step['direction'] == 'horizontal' else height - y
        return np.stack([x, y], axis=1)
    angle = np.deg2rad(step['degree'][0])
    center = np.array([width, height]) / 2 if step['center'] is None else np.array(step['center']) + 0.5
    dx, dy = (points - center).T
    # Clockwise on the screen, where y points down.
    turned = np.stack([np.cos(angle) * dx - np.sin(angle) * dy, np.sin(angle) * dx + np.cos(angle) * dy], axis=1)
    if step['auto_bound']:
        cosine, sine = abs(np.cos(angle)), abs(np.sin(angle))
        return turned + np.array([height * sine + width * cosine, height * cosine + width * sine]) / 2
    return turned + center


def follow(labels, steps, size, seed):
    """The sample after all steps; where they take the clicks, which stay inside, and which meet no edge of a pixel."""
    results = TRANSFORMS.build({'type': 'LoadWeakAnnotations'})(sample(size, labels))
    places = labels.points + 0.5
    seen, clear = np.ones((2, len(places)), bool)
    for number, step in enumerate(steps):
        before = results['img'].shape[:2]
        np.random.seed(seed + number)
        results = TRANSFORMS.build(step)(results)
        after = results['img'].shape[:2]
        places = moved(places, step, before, after, seed + number)
        seen &= ((places >= 0) & (places < after[::-1])).all(axis=1)
        clear &= (np.abs(places - np.round(places)) > 1e-6).all(axis=1)
    return TRANSFORMS.build({'type': 'RasterizeWeakAnnotations'})(results), places, seen, clear


@SETTINGS
@given(general_steps(), sizes(), st.integers(0, 2**20))
def test_clicks_go_where_each_step_takes_them(steps, size, seed):
    labels = random_clicks(size, seed)
    results, expected, _, clear = follow(labels, steps, size, seed)
    assert np.allclose(results['gt_points'][:, :2], expected, atol=1e-3)
    assert np.array_equal(results['gt_points'][:, 2], labels.point_labels)
    # On the edge of a pixel the last bit would decide.
    labels = WeakAnnotations(points=labels.points[clear], point_labels=labels.point_labels[clear])
    results, expected, seen, _ = follow(labels, steps, size, seed)
    pixels = {tuple(pixel) for pixel in np.floor(expected[seen]).astype(int)}
    assert {(x, y) for y, x in np.argwhere(results['gt_seg_map'] != 255)} == pixels
    assert len(pixels) + results['num_overwritten'] == seen.sum()


@st.composite
def exact_steps(draw):
    """Steps that copy pixels and mix none."""
    steps = []
    for kind in draw(st.lists(st.sampled_from(['double', 'crop', 'flip', 'turn']), min_size=1, max_size=5)):
        if kind == 'double':
            steps.append({'type': 'WeakResize', 'scale_factor': 2.0, 'interpolation': 'nearest', 'keep_ratio': False})
        elif kind == 'crop':
            steps.append({'type': 'WeakRandomCrop', 'crop_size': (draw(st.integers(5, 20)), draw(st.integers(5, 20)))})
        elif kind == 'flip':
            steps.append({'type': 'WeakRandomFlip', 'prob': 1.0, 'direction': draw(st.sampled_from(FLIPS))})
        else:
            angle = draw(st.sampled_from([-90.0, 90.0, 180.0]))
            steps.append({'type': 'WeakRandomRotate', 'prob': 1.0, 'degree': (angle, angle), 'auto_bound': True})
    return steps


@SETTINGS
@given(exact_steps(), st.integers(7, 16), st.integers(7, 16), st.integers(0, 2**20))
def test_under_every_click_lies_its_own_pixel(steps, height, width, seed):
    """The image numbers its pixels, every pixel is clicked: a click must lie on its number, wherever that went."""
    rows, columns = np.indices((height, width))
    labels = WeakAnnotations(
        points=np.column_stack([columns.ravel(), rows.ravel()]), point_labels=np.arange(height * width) % 200
    )
    results = sample((height, width), labels)
    results['img'] = np.arange(height * width, dtype=np.float32).reshape(height, width)
    results = run(results, steps, seed)
    canvas, numbers = results['gt_seg_map'], results['img'].astype(int)
    assert results['gt_valid_map'].all()
    assert np.array_equal(canvas[canvas != 255], numbers[canvas != 255] % 200)
    block = 4 ** sum(step['type'] == 'WeakResize' for step in steps)
    visible, counts = np.unique(numbers, return_counts=True)
    clicked = numbers[canvas != 255]
    assert len(np.unique(clicked)) == len(clicked)
    assert set(visible[counts == block]) <= set(clicked)


def test_validity_after_one_rotation_is_the_warped_one():
    different = total = 0
    for seed in range(20):
        np.random.seed(seed)
        results = TRANSFORMS.build({'type': 'LoadWeakAnnotations'})(
            sample((150, 230), None, np.zeros((150, 230), 'u1'))
        )
        step = {'type': 'WeakRandomRotate', 'prob': 1.0, 'degree': 180.0, 'auto_bound': bool(seed % 2)}
        results = TRANSFORMS.build(step)(results)
        warped = results['gt_seg_map'] == 0
        valid = TRANSFORMS.build({'type': 'RasterizeWeakAnnotations'})(results)['gt_valid_map'] == 1
        different += (warped != valid).sum()
        total += valid.size
        assert valid.mean() < 0.999
    assert different / total < 1e-3


def test_swapped_classes_swap_on_weak_labels_too():
    labels = WeakAnnotations(
        points=[[1, 1], [5, 5]],
        point_labels=[1, 2],
        polylines=[[[0, 8], [8, 8]]],
        polyline_labels=[2],
        boxes=[[3, 3, 4, 4]],
        box_labels=[3],
        tags=(1, 3),
    )
    mask = np.full((9, 9), 255, np.uint8)
    mask[0] = 1
    for prob, points, line, dense, tags in ((1.0, [2, 1], 1, 2, [2, 3]), (0.0, [1, 2], 2, 1, [1, 3])):
        step = {'type': 'WeakRandomFlip', 'prob': prob, 'swap_seg_labels': [(1, 2)]}
        results = run(sample((9, 9), labels, mask.copy()), [step])
        assert results['gt_points'][:, 2].tolist() == points
        assert (results['gt_seg_map'][8, 4], results['gt_seg_map'][0, 4]) == (line, dense)
        assert results['gt_boxes'][:, 4].tolist() == [3]
        assert results['gt_tags'].tolist() == tags


@pytest.mark.parametrize(
    'step',
    [
        {'type': 'WeakResize', 'scale_factor': 1.5},
        {'type': 'WeakRandomCrop', 'crop_size': 9, 'min_labels': 1},
        {'type': 'WeakRandomFlip', 'prob': 0.5},
        {'type': 'WeakRandomRotate', 'prob': 1.0, 'degree': 30.0},
        {'type': 'RasterizeWeakAnnotations'},
    ],
)
def test_a_used_transform_can_be_pickled_and_copied(step):
    """Workers that are spawned get the pipeline pickled, perhaps after someone looked at a sample."""

    def outcome(transform):
        np.random.seed(3)
        results = TRANSFORMS.build({'type': 'LoadWeakAnnotations'})(sample((20, 30), random_clicks((20, 30), 0)))
        return transform(results)['homography_matrix']

    transform = TRANSFORMS.build(step)
    expected = outcome(transform)
    for twin in (pickle.loads(pickle.dumps(transform)), copy.deepcopy(transform)):
        transform.__dict__.clear()
        assert np.array_equal(outcome(twin), expected)
        transform.__dict__.update(twin.__dict__)


def test_a_crop_does_not_count_what_an_earlier_one_cut_off(monkeypatch):
    """A strip is cut and turned; a click below the strip turns into the picture, where it is not drawn any more."""
    labels = WeakAnnotations(points=[[20, 20]], point_labels=[1])
    draws = []
    original = np.random.randint
    monkeypatch.setattr(np.random, 'randint', lambda low, high: draws.append(high) or original(low, min(high, 1)))
    steps = [
        {'type': 'WeakRandomCrop', 'crop_size': (10, 40)},
        {'type': 'WeakRandomRotate', 'prob': 1.0, 'degree': (90.0, 90.0)},
        {'type': 'WeakRandomCrop', 'crop_size': (10, 40), 'min_labels': 1, 'max_tries': 4},
    ]
    results = run(sample((40, 40), labels), steps)
    assert np.allclose(results['gt_points'][0], [4.5, 5.5, 1])
    assert (results['gt_seg_map'] == 255).all()
    assert len(draws) == 2 + 2 * 4
