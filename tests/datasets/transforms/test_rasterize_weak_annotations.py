import numpy as np
import pytest
import torch
from mmseg.registry import TRANSFORMS

from mmseg_wsss.structures import WeakAnnotations
from tests.helpers.pipelines import random_clicks, run, sample


def drawn(labels, size=(9, 9), mask=None, steps=(), **settings):
    return run(sample(size, labels, mask), list(steps), **settings)


def test_diameter_one_is_one_pixel_and_three_is_nine():
    labels = WeakAnnotations(points=[[4, 3]], point_labels=[2])
    for diameter, pixels in [(1, 1), (2, 5), (3, 9), (5, 21)]:
        canvas = drawn(labels, click_diameter=diameter)['gt_seg_map']
        assert (canvas == 2).sum() == pixels
        assert canvas[3, 4] == 2
    assert (canvas == canvas[::-1][::-1, ::-1][:, ::-1]).all()


def test_clicks_at_the_border_are_cut_off():
    canvas = drawn(WeakAnnotations(points=[[0, 0], [9, 4], [-1, 2]], point_labels=[1, 2, 3]), click_diameter=3)
    assert (canvas['gt_seg_map'] == 1).sum() == 4
    assert not np.isin(canvas['gt_seg_map'], [2, 3]).any()


def test_a_wide_click_stays_inside_the_image():
    """A rotated picture has corners without image: of a click of the border only its own pixel may fall there."""
    labels = random_clicks((31, 31), 0, count=300)
    turn = {'type': 'WeakRandomRotate', 'prob': 1.0, 'degree': 45.0, 'auto_bound': True}
    wide = [drawn(labels, (31, 31), steps=[turn], seed=seed, click_diameter=5) for seed in range(10)]
    for seed, results in enumerate(wide):
        single = drawn(labels, (31, 31), steps=[turn], seed=seed)
        stray = (results['gt_seg_map'] != 255) & (results['gt_valid_map'] == 0)
        assert np.array_equal(stray, (single['gt_seg_map'] != 255) & (single['gt_valid_map'] == 0))
    assert np.mean([r['gt_valid_map'].mean() for r in wide]) < 0.8


def test_later_labels_win_and_are_counted():
    mask = np.zeros((9, 9), dtype=np.uint8)
    labels = WeakAnnotations(
        points=[[4, 4], [4, 4], [0, 8]],
        point_labels=[4, 5, 6],
        polylines=[[[0, 4], [8, 4]]],
        polyline_labels=[3],
        boxes=[[3, 3, 5, 5]],
        box_labels=[2],
    )
    results = drawn(labels, mask=mask, stroke_width=1, draw_boxes=True)
    canvas = results['gt_seg_map']
    assert (canvas[4, 4], canvas[4, 3], canvas[3, 3], canvas[8, 0], canvas[0, 0]) == (5, 3, 2, 6, 0)
    assert results['num_overwritten'] == 3 + 2  # three box pixels under the stroke, two labels under the clicks
    assert (drawn(labels, stroke_width=1)['gt_seg_map'] != 255).sum() == 10


def test_a_stroke_that_crosses_itself_counts_nothing():
    line = [[0, 0], [8, 8], [8, 0], [0, 8]]
    assert drawn(WeakAnnotations(polylines=[line], polyline_labels=[1]))['num_overwritten'] == 0


@pytest.mark.parametrize('width', [1, 3])
def test_strokes_have_their_width_and_are_connected(width):
    canvas = drawn(WeakAnnotations(polylines=[[[0, 4], [8, 4]]], polyline_labels=[1]), stroke_width=width)
    assert (canvas['gt_seg_map'] == 1).sum(axis=0).tolist() == [width] * 9
    dot = drawn(WeakAnnotations(polylines=[[[4, 4]]], polyline_labels=[1]), stroke_width=1)
    assert np.argwhere(dot['gt_seg_map'] == 1).tolist() == [[4, 4]]


def test_a_stroke_far_outside_leaves_the_right_trace():
    canvas = drawn(WeakAnnotations(polylines=[[[-5000, 4], [5000, 4]]], polyline_labels=[1]), stroke_width=1)
    assert np.argwhere(canvas['gt_seg_map'] == 1).tolist() == [[4, x] for x in range(9)]


@pytest.mark.parametrize(('row', 'rows'), [(-1, 2), (-2, 1), (-3, 0), (9, 2), (10, 1), (11, 0)])
def test_a_stroke_outside_reaches_in_with_half_its_width(row, rows):
    canvas = drawn(WeakAnnotations(polylines=[[[-20, row], [30, row]]], polyline_labels=[1]), stroke_width=5)
    assert (canvas['gt_seg_map'] == 1).sum(axis=0).tolist() == [rows] * 9


def test_boxes_by_the_definition():
    """A pixel is inside if its centre, moved back, lies in the box."""
    rng = np.random.default_rng(0)
    for seed in range(20):
        box = np.sort(rng.integers(0, 40, (2, 2)), axis=0).ravel()
        steps = [
            {'type': 'WeakRandomRotate', 'prob': 1.0, 'degree': (-170.0, 170.0), 'auto_bound': bool(seed % 2)},
            {'type': 'WeakRandomFlip', 'prob': 0.5},
        ]
        results = drawn(WeakAnnotations(boxes=[box], box_labels=[1]), (40, 40), steps=steps, seed=seed, draw_boxes=True)
        back = np.linalg.inv(results['homography_matrix'])
        for (row, column), label in np.ndenumerate(results['gt_seg_map']):
            x, y, _ = back @ [column + 0.5, row + 0.5, 1]
            inside = box[0] <= x <= box[2] + 1 and box[1] <= y <= box[3] + 1
            assert (label == 1) == inside


def test_boxes_are_inclusive_and_rotate():
    labels = WeakAnnotations(boxes=[[2, 3, 4, 6]], box_labels=[1])
    results = drawn(labels, draw_boxes=True)
    assert (results['gt_seg_map'] == 1).sum() == 3 * 4
    assert results['gt_boxes'].tolist() == [[2, 3, 5, 7, 1]]
    assert (drawn(labels)['gt_seg_map'] == 255).all()
    turn = {'type': 'WeakRandomRotate', 'prob': 1.0, 'degree': (90.0, 90.0)}
    turned = drawn(labels, steps=[turn], draw_boxes=True)
    assert (turned['gt_seg_map'] == 1).sum() == 12
    assert np.array_equal(turned['gt_seg_map'], np.rot90(results['gt_seg_map'], -1))


def test_points_outside_the_crop_are_kept_for_distance_fields():
    labels = WeakAnnotations(points=[[0, 0], [39, 39]], point_labels=[1, 2])
    results = drawn(labels, (40, 40), steps=[{'type': 'WeakRandomCrop', 'crop_size': (8, 8)}])
    assert results['gt_points'].shape == (2, 3)
    assert (results['gt_points'][1] - results['gt_points'][0]).tolist() == [39, 39, 1]


def test_tags_follow_from_other_labels_unless_given():
    points = {'points': [[1, 1], [2, 2]], 'point_labels': [0, 3]}
    assert drawn(WeakAnnotations(**points))['gt_tags'].tolist() == [3]
    assert drawn(WeakAnnotations(**points, tags=(1, 2)))['gt_tags'].tolist() == [1, 2]
    assert drawn(WeakAnnotations(tags=()))['gt_tags'].tolist() == []
    assert drawn(WeakAnnotations())['gt_tags'] is None


def test_outside_the_image_nothing_is_labelled():
    turn = {'type': 'WeakRandomRotate', 'prob': 1.0, 'degree': (45.0, 45.0), 'seg_pad_val': 0}
    results = drawn(WeakAnnotations(), (31, 31), np.ones((31, 31), np.uint8), [turn])
    outside = results['gt_valid_map'] == 0
    assert 100 < outside.sum() < 31 * 31 / 3
    assert (results['gt_seg_map'][outside] == 255).all()


def test_no_labels_and_a_grey_image():
    results = sample((7, 5))
    results['img'] = np.zeros((7, 5), np.uint8)
    results = run(results, [{'type': 'WeakRandomFlip', 'prob': 1.0}])
    assert (results['gt_seg_map'] == 255).all()
    packed = TRANSFORMS.build({'type': 'PackWeakSegInputs'})(results)
    assert packed['inputs'].shape == (1, 7, 5)


def test_packing_keeps_everything_as_data_that_moves():
    labels = WeakAnnotations(points=[[1, 1]], point_labels=[2], boxes=[[0, 0, 3, 3]], box_labels=[1])
    packed = TRANSFORMS.build({'type': 'PackWeakSegInputs'})(drawn(labels))['data_samples']
    moved = packed.to(torch.device('meta'))
    for name in ('gt_points', 'gt_boxes', 'gt_tags'):
        assert getattr(moved, name).is_meta
    assert moved.gt_valid_map.data.is_meta
    assert packed.gt_valid_map.data.shape == packed.gt_sem_seg.data.shape == (1, 9, 9)
    assert packed.gt_tags.tolist() == [1, 2]
    assert packed.num_overwritten == 0
    assert 'gt_tags' not in TRANSFORMS.build({'type': 'PackWeakSegInputs'})(drawn(WeakAnnotations()))['data_samples']


@pytest.mark.parametrize('name', ['click_diameter', 'stroke_width'])
def test_sizes_below_one_are_refused(name):
    with pytest.raises(ValueError, match=f'{name} must be a positive integer, got 0'):
        TRANSFORMS.build({'type': 'RasterizeWeakAnnotations', name: 0})


def test_missing_steps_are_named():
    with pytest.raises(KeyError, match='needs LoadWeakAnnotations before'):
        TRANSFORMS.build({'type': 'RasterizeWeakAnnotations'})({'img': np.zeros((4, 4, 3))})
    with pytest.raises(KeyError, match='needs RasterizeWeakAnnotations before'):
        TRANSFORMS.build({'type': 'PackWeakSegInputs'})({'img': np.zeros((4, 4, 3))})


def test_the_core_of_boxes_and_the_background_around_them():
    labels = WeakAnnotations(boxes=[[2, 2, 9, 5]], box_labels=[1], points=[[2, 2]], point_labels=[2])
    canvas = drawn(labels, draw_boxes='core')['gt_seg_map']
    expected = np.zeros_like(canvas)
    expected[2:6, 2:10] = 255
    expected[3:5, 4:8] = 1
    expected[2, 2] = 2
    np.testing.assert_array_equal(canvas, expected)
    mask = np.full(canvas.shape, 255, np.uint8)
    mask[0, 0] = 2
    assert drawn(labels, mask=mask, draw_boxes='core')['gt_seg_map'][0, 0] == 2
    without = drawn(WeakAnnotations(points=[[2, 2]], point_labels=[2]), draw_boxes='core')['gt_seg_map']
    assert (without != 255).sum() == 1
    with pytest.raises(ValueError, match="draw_boxes must be True, False or 'core', got 'middle'"):
        TRANSFORMS.build({'type': 'RasterizeWeakAnnotations', 'draw_boxes': 'middle'})
