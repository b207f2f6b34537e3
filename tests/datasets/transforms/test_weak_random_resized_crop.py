import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from mmseg.registry import TRANSFORMS

from mmseg_wsss.structures import WeakAnnotations
from tests.datasets.transforms.test_geometry import run, sample, sizes

SETTINGS = settings(max_examples=40, deadline=None, derandomize=True)


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
