import numpy as np
import pytest
from mmseg.registry import DATASETS

from mmseg_wsss.structures import Sample
from mmseg_wsss.structures.sample import moved, with_label_map
from tests.helpers.pipelines import run, sample


def test_an_image_is_moved_by_the_first_geometric_step():
    flip = {'type': 'WeakRandomFlip', 'prob': 1.0}
    assert [moved(run(sample((6, 8)), steps)) for steps in ([], [flip])] == [False, True]
    assert moved(sample((6, 8)))


def test_labels_of_a_file_become_those_of_the_data_set():
    mask = np.array([[0, 1, 2], [3, 255, 2]], dtype=np.uint8)
    mapped = with_label_map(mask, {2: 0, 3: 2})
    assert (mapped.tolist(), mapped.dtype) == ([[0, 1, 0], [2, 255, 0]], np.uint8)
    assert with_label_map(mask, None) is mask


@pytest.mark.parametrize('with_mask', [False, True])
def test_every_key_of_a_sample_is_listed(with_mask):
    """The keys that data sets and the steps of a training give, but those that mmcv and mmseg add for themselves."""
    steps = [
        {'type': 'LoadWeakAnnotations'},
        {'type': 'LoadPointBlots', 'cache_dir': None, 'settings': {'num_iters': 1}},
        {'type': 'WeakResize', 'scale_factor': 1.5},
        {'type': 'WeakRandomCrop', 'crop_size': (32, 32)},
        {'type': 'WeakRandomFlip', 'prob': 0.5},
        {'type': 'WeakRandomRotate', 'prob': 1.0, 'degree': 20},
        {'type': 'RasterizeWeakAnnotations'},
    ]
    data = DATASETS.build(
        {
            'type': 'ShapesDataset',
            'num_images': 1,
            'size': (48, 48),
            'labels': ['points', 'mask'] if with_mask else ['points'],
            'test_mode': True,
            'pipeline': [{'type': 'LoadShapesImage'}, *steps],
        }
    )
    theirs = {'scale', 'scale_factor', 'keep_ratio', 'pad_shape'}
    assert set(data[0]) - theirs <= set(Sample.__annotations__)
    assert set(data.get_data_info(0)) <= set(Sample.__annotations__)
