import copy

import numpy as np
import pytest
from mmseg.registry import TRANSFORMS
from PIL import Image

from mmseg_wsss.structures import WeakAnnotations
from tests.datasets.transforms.test_geometry import run, sample

STEPS = [
    {'type': 'LoadReferenceMask'},
    {'type': 'WeakRandomCrop', 'crop_size': (20, 25)},
    {'type': 'WeakRandomFlip', 'prob': 1.0, 'direction': 'diagonal'},
]


@pytest.fixture
def start(tmp_path):
    mask = np.random.default_rng(0).integers(0, 3, (30, 40), dtype=np.uint8)
    Image.fromarray(mask).save(tmp_path / 'a.png')
    labels = WeakAnnotations(points=[[1, 1]], point_labels=[1])
    return {**sample((30, 40), labels), 'seg_map_path': str(tmp_path / 'a.png')}


def test_it_moves_with_the_image_and_labels_nothing(start):
    mask = np.array(Image.open(start['seg_map_path']))
    dense = run({**copy.deepcopy(start), 'gt_seg_map': mask, 'seg_fields': ['gt_seg_map']}, STEPS)
    results = run(start, STEPS)
    assert (results['reference'] != dense['gt_seg_map']).sum() <= 1  # the mask as labels, and a click on it
    assert (results['gt_seg_map'] != 255).sum() <= 1
    assert set(np.unique(results['reference'])) == {0, 1, 2}
    packed = TRANSFORMS.build({'type': 'PackWeakSegInputs', 'maps': ['reference']})(results)
    np.testing.assert_array_equal(packed['data_samples'].gt_maps.reference[0], results['reference'])


def test_classes_are_those_of_the_data_set(start):
    plain = run(copy.deepcopy(start), STEPS, seed=1)['reference']
    mapped = run({**copy.deepcopy(start), 'label_map': {0: 0, 1: 0, 2: 1}}, STEPS, seed=1)['reference']
    np.testing.assert_array_equal(mapped, plain == 2)


def test_what_is_wrong_is_named(start):
    path = start.pop('seg_map_path')
    with pytest.raises(KeyError, match='set data_prefix=dict.*seg_map_path'):
        run(copy.deepcopy(start), STEPS)
    Image.fromarray(np.zeros((3, 3), np.uint8)).save(path)
    with pytest.raises(ValueError, match=r'shape \(3, 3\) and its image \(30, 40\)'):
        run({**copy.deepcopy(start), 'seg_map_path': path}, STEPS)
    with pytest.raises(ValueError, match='before the first transform that moves the image'):
        run({**copy.deepcopy(start), 'seg_map_path': path}, STEPS[::-1])
