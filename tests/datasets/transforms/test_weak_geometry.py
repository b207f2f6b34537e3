"""Each step against its own arithmetic, written here from what mmseg and mmcv say that they do."""

import copy
import pickle

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from mmseg.registry import TRANSFORMS

from mmseg_wsss.structures import WeakAnnotations
from tests.helpers.pipelines import random_clicks, run, sample, sizes

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


def test_values_of_other_sensors_are_no_classes_to_swap():
    maps = {'gt_seg_map': [[1, 2, 3]], 'depth': [[1, 2, 3]]}
    results = sample((1, 3))
    results.update({key: np.array(values, dtype=np.uint8) for key, values in maps.items()}, seg_fields=[*maps])
    step = {'type': 'WeakRandomFlip', 'prob': 1.0, 'swap_seg_labels': [(1, 2)]}
    flipped = run(results, [step])
    assert (flipped['gt_seg_map'].tolist(), flipped['depth'].tolist()) == ([[3, 1, 2]], [[3, 2, 1]])


def test_swapped_classes_swap_on_weak_labels_too():
    labels = WeakAnnotations(
        points=[[1, 1], [5, 5]],
        point_labels=[1, 2],
        polylines=[[[0, 8], [8, 8]]],
        polyline_labels=[2],
        boxes=[[3, 3, 4, 4], [0, 0, 1, 1]],
        box_labels=[3, 1],
        tags=(1, 3),
    )
    mask = np.full((9, 9), 255, np.uint8)
    mask[0] = 1
    for prob, points, line, dense, boxes_, tags in (
        (1.0, [2, 1], 1, 2, [3, 2], [2, 3]),
        (0.0, [1, 2], 2, 1, [3, 1], [1, 3]),
    ):
        step = {'type': 'WeakRandomFlip', 'prob': prob, 'swap_seg_labels': [(1, 2)]}
        results = run(sample((9, 9), labels, mask.copy()), [step])
        assert results['gt_points'][:, 2].tolist() == points
        assert (results['gt_seg_map'][8, 4], results['gt_seg_map'][0, 4]) == (line, dense)
        assert results['gt_boxes'][:, 4].tolist() == boxes_
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


# Crops of random size and shape.


def build(**changes):
    return TRANSFORMS.build({'type': 'WeakRandomResizedCrop', 'crop_size': (20, 30), **changes})


def boxes(size, count=300, **changes):
    step = build(**changes)
    np.random.seed(0)
    return np.array([step.crop_bbox({'img': np.zeros((*size, 3), np.uint8)}) for _ in range(count)])


def test_area_and_ratio_are_drawn_from_their_ranges():
    top, bottom, left, right = boxes((200, 220), scale=(0.3, 0.6), ratio=(0.5, 2.0)).T
    height, width = bottom - top, right - left
    area, ratio = height * width / (200 * 220), np.log(width / height)
    assert 0.29 < area.min() < 0.32
    assert 0.58 < area.max() < 0.61
    assert abs(area.mean() - 0.45) < 0.02
    assert np.log(0.49) < ratio.min() < np.log(0.55)
    assert np.log(1.8) < ratio.max() < np.log(2.03)
    assert abs(ratio.mean()) < 0.08
    assert top.min() < 5
    assert (200 - bottom).min() < 5
    assert left.min() < 5
    assert (220 - right).min() < 5


@pytest.mark.parametrize(
    ('size', 'expected'), [((40, 400), (0, 40, 173, 226)), ((400, 40), (173, 226, 0, 40)), ((30, 30), (0, 30, 0, 30))]
)
def test_the_middle_where_nothing_fits(size, expected):
    ratio = (1.0, 1.0) if size == (30, 30) else (3 / 4, 4 / 3)
    assert tuple(boxes(size, 1, scale=(1.0, 1.0), ratio=ratio)[0]) == expected


@SETTINGS
@given(sizes(), st.integers(0, 100))
def test_points_and_validity_move_with_the_image(size, seed):
    height, width = size
    clicks = np.random.default_rng(seed).uniform(0, np.array([width, height]) - 1, (5, 2))
    labels = WeakAnnotations(points=clicks, point_labels=[1] * 5, tags=(1,))
    step = {'type': 'WeakRandomResizedCrop', 'crop_size': (20, 30), 'scale': (0.2, 1.0)}
    results = run(sample(size, labels), [step], seed)
    np.random.seed(seed)
    top, bottom, left, right = build(scale=(0.2, 1.0)).crop_bbox({'img': np.zeros((*size, 3), np.uint8)})
    expected = (clicks + 0.5 - (left, top)) * (30 / (right - left), 20 / (bottom - top))
    np.testing.assert_allclose(results['gt_points'][:, :2], expected, rtol=1e-4, atol=1e-4)
    assert results['img'].shape == (20, 30, 3)
    assert results['gt_seg_map'].shape == (20, 30)
    assert results['gt_valid_map'].all()
    assert results['gt_tags'].tolist() == [1]


def test_image_is_the_resized_part():
    image = np.zeros((60, 80, 3), np.uint8)
    image[:, 40:] = 200
    step = build(scale=(0.99, 1.0), ratio=(1.3, 1.34), interpolation='bicubic', backend='pillow')
    results = {'img': image, 'img_shape': (60, 80), 'homography_matrix': np.eye(3), 'weak_frames': [], 'seg_fields': []}
    results['weak_annotations'] = WeakAnnotations()
    out = step(results)
    assert out['img'].shape == (20, 30, 3)
    assert out['img'][:, :13].max() < 20
    assert out['img'][:, 17:].min() > 180
    assert 'crop_bbox' not in out


@pytest.mark.parametrize(
    'changes', [{'scale': (0.0, 1.0)}, {'scale': (0.9, 0.5)}, {'scale': (0.5, 1.5)}, {'ratio': (2, 1)}]
)
def test_bad_ranges(changes):
    with pytest.raises(ValueError, match=r'two shares of the area in \(0, 1\]'):
        build(**changes)
