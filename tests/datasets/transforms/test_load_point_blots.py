import copy
import pickle
from concurrent.futures import ThreadPoolExecutor

import cv2
import numpy as np
import pytest
from mmcv.transforms import Compose
from mmseg.registry import TRANSFORMS

from mmseg_wsss.datasets import ShapesDataset
from mmseg_wsss.datasets.transforms import LoadPointBlots, check_pipeline, load_point_blots
from mmseg_wsss.functional import point_blots
from mmseg_wsss.structures import WeakAnnotations
from tests.helpers.pipelines import run

LABELS = WeakAnnotations(points=[[20, 15], [2, 2], [45, 28]], point_labels=[3, 0, 0])
FEW = {'num_iters': 1}


def sample(labels=LABELS, channels=3, shade=200):
    image = np.full((32, 50, channels), 30, np.uint8)
    image[8:24, 12:30] = shade
    image = image[..., 0] if channels == 1 else image
    return {
        'img': image,
        'img_shape': (32, 50),
        'ori_shape': (32, 50),
        'weak_annotations': labels,
        'seg_fields': [],
    }


def load(results, cache_dir=None, **changes):
    step = {'type': 'LoadPointBlots', 'cache_dir': None if cache_dir is None else str(cache_dir), 'settings': FEW}
    return Compose([TRANSFORMS.build(s) for s in ({'type': 'LoadWeakAnnotations'}, {**step, **changes})])(results)


@pytest.fixture
def counted(monkeypatch):
    """Counts how often blots are computed."""
    calls = []

    def count(*args, **kwargs):
        if args[0].shape != (1, 1):  # that one checks the settings
            calls.append(args)
        return point_blots(*args, **kwargs)

    monkeypatch.setattr(load_point_blots, 'point_blots', count)
    return calls


@pytest.mark.parametrize('channels', [1, 3])
def test_blots_of_the_original_image(channels):
    results = load(sample(channels=channels))
    blots = results['point_blots']
    expected = np.zeros((32, 50), bool)
    expected[8:24, 12:30] = True
    np.testing.assert_array_equal(blots == 3, expected)
    assert (blots[~expected] == 0).mean() > 0.5
    assert results['seg_fields'] == ['point_blots']


def test_a_click_between_pixels_lands_on_the_nearest():
    blots = load(sample(WeakAnnotations(points=[[20.6, 15.4]], point_labels=[3])))['point_blots']
    assert np.argwhere(blots == 3).tolist() == [[15, 21]]  # the middle of a pixel is an integer there


@pytest.mark.parametrize('seed', range(4))
def test_they_move_with_the_image(seed):
    """Every pixel of a blot lies over the place of the original image that it was computed for."""
    steps = [
        {'type': 'LoadPointBlots', 'cache_dir': None, 'settings': FEW},
        {'type': 'WeakResize', 'scale_factor': 2.0, 'keep_ratio': False},
        {'type': 'WeakRandomRotate', 'prob': 1.0, 'degree': 30.0},
        {'type': 'WeakRandomCrop', 'crop_size': (40, 60)},
        {'type': 'WeakRandomFlip', 'prob': 1.0, 'direction': ['horizontal', 'vertical', 'diagonal']},
    ]
    results = run(sample(), steps, seed=seed)
    original = load(sample())['point_blots']
    back = np.linalg.inv(results['homography_matrix'])
    rows, columns = np.nonzero(results['gt_valid_map'])
    x, y, _ = np.floor(back @ [columns + 0.5, rows + 0.5, np.ones(len(rows))]).astype(int).clip(0)
    there = original[y.clip(0, 31), x.clip(0, 49)]
    assert (results['point_blots'][rows, columns] == there).mean() > 0.9
    assert (results['point_blots'] == 3).sum() > 100
    packed = TRANSFORMS.build({'type': 'PackWeakSegInputs', 'maps': ['point_blots']})(results)
    np.testing.assert_array_equal(packed['data_samples'].gt_maps.point_blots[0], results['point_blots'])


def test_classes_that_a_flip_swaps_are_swapped():
    flip = {'type': 'WeakRandomFlip', 'prob': 1.0, 'swap_seg_labels': [(3, 4)]}
    results = run(sample(), [{'type': 'LoadPointBlots', 'cache_dir': None, 'settings': FEW}, flip])
    assert set(np.unique(results['point_blots'])) == {0, 4}


def test_the_cache_is_used_for_the_same_content_alone(tmp_path, counted):
    first = load(sample(), tmp_path)['point_blots']
    np.testing.assert_array_equal(load(sample(), tmp_path)['point_blots'], first)
    assert (len(counted), len(list(tmp_path.iterdir()))) == (1, 1)
    others = [
        {'settings': {**FEW, 'beta': 131.0}},
        {'settings': {'num_iters': 2}},
        {'settings': {**FEW, 'rule': 'intersect'}},
        {'seed': 1},
    ]
    for change in others:
        load(sample(), tmp_path, **change)
    load(sample(shade=201), tmp_path)
    load(sample(LABELS.merged(WeakAnnotations(points=[[3, 3]], point_labels=[0]))), tmp_path)
    load(sample(WeakAnnotations(points=LABELS.points, point_labels=[2, 0, 0])), tmp_path)
    assert len(counted) == 8
    assert len(list(tmp_path.iterdir())) == 8


def test_a_damaged_file_is_made_anew(tmp_path):
    expected = load(sample(), tmp_path)['point_blots']
    (path,) = tmp_path.iterdir()
    for broken in (b'', b'no picture', cv2.imencode('.png', np.zeros((3, 3), np.uint8))[1].tobytes()):
        path.write_bytes(broken)
        np.testing.assert_array_equal(load(sample(), tmp_path)['point_blots'], expected)
        assert len(path.read_bytes()) > 30


def test_many_workers_share_a_folder(tmp_path):
    step = LoadPointBlots(str(tmp_path / 'new' / 'folder'), FEW)
    results = TRANSFORMS.build({'type': 'LoadWeakAnnotations'})(sample())
    with ThreadPoolExecutor(8) as pool:
        blots = list(pool.map(step.load, [results] * 16))
    assert all((b == blots[0]).all() for b in blots)
    assert [path.suffix for path in (tmp_path / 'new' / 'folder').iterdir()] == ['.png']
    copied = pickle.loads(pickle.dumps(step))
    assert copied.settings == step.settings


def test_others_may_read_what_is_cached(tmp_path):
    load(sample(), tmp_path)
    (path,) = tmp_path.iterdir()
    (tmp_path / 'plain').write_bytes(b'')
    assert path.stat().st_mode == (tmp_path / 'plain').stat().st_mode


def test_randomness_is_that_of_the_image_and_the_seed():
    rng = np.random.default_rng(0)
    noisy = {**sample(), 'img': rng.integers(0, 255, (32, 50, 3), dtype=np.uint8)}
    options = {'settings': {'min_probability': 0.9, 'max_shift': 0.3, 'min_overlap': 0.1}}
    first = load(copy.deepcopy(noisy), **options)['point_blots']
    np.random.seed(9)
    np.testing.assert_array_equal(load(copy.deepcopy(noisy), **options)['point_blots'], first)
    assert (load(copy.deepcopy(noisy), seed=1, **options)['point_blots'] != first).any()


def test_no_points_and_points_outside():
    assert (load(sample(WeakAnnotations()))['point_blots'] == 255).all()
    outside = LABELS.merged(WeakAnnotations(points=[[50, 3], [-1, 3]], point_labels=[5, 6]))
    assert set(np.unique(load(sample(outside))['point_blots'])) == {0, 3}


@pytest.mark.parametrize(
    ('change', 'message'),
    [
        ({'settings': {'betas': 1}}, r"unknown settings of point_blots \['betas'\]: choose from rule, num_iters, beta"),
        ({'settings': {'rng': 1}}, 'unknown settings'),
        ({'settings': {'beta': 0}}, 'beta must be a finite number above 0'),
        ({'seed': -1}, 'seed must be a non-negative integer, got -1'),
    ],
)
def test_bad_settings(change, message):
    with pytest.raises(ValueError, match=message):
        TRANSFORMS.build({'type': 'LoadPointBlots', 'cache_dir': None, **change})


def test_the_place_in_the_pipeline():
    steps = [
        {'type': 'LoadShapesImage'},
        {'type': 'LoadWeakAnnotations'},
        {'type': 'LoadPointBlots', 'cache_dir': None},
        {'type': 'PhotoMetricDistortion'},
        {'type': 'WeakResize', 'scale': (48, 48)},
        {'type': 'RasterizeWeakAnnotations'},
        {'type': 'PackWeakSegInputs', 'maps': ['point_blots']},
    ]
    check_pipeline([TRANSFORMS.build(step) for step in steps])
    dataset = ShapesDataset(num_images=1, size=(48, 48), pipeline=steps)
    assert 'point_blots' in dataset[0]['data_samples'].gt_maps
    for wrong in ([0, 1, 3, 2, 4, 5, 6], [0, 2, 1, 3, 4, 5, 6], [0, 1, 4, 2, 3, 5, 6]):
        with pytest.raises(ValueError, match='right after LoadWeakAnnotations'):
            check_pipeline([TRANSFORMS.build(steps[index]) for index in wrong])
    with pytest.raises(ValueError, match='put it right after LoadWeakAnnotations'):
        run(sample(), [{'type': 'WeakResize', 'scale_factor': 2.0}, steps[2]])
    with pytest.raises(ValueError, match='put it right after LoadWeakAnnotations'):
        TRANSFORMS.build(steps[2])(sample())
