"""The share of crops without labels, against a count by hand."""

import random

import numpy as np
import torch
from mmseg.registry import TRANSFORMS

from mmseg_wsss.datasets.crop_draws import draw_crops, seeded
from mmseg_wsss.datasets.shapes_dataset import ShapesDataset
from mmseg_wsss.structures import WeakAnnotations

CROP = {'type': 'WeakRandomCrop', 'crop_size': (10, 10)}


class OneClick:
    """Images of 20 x 20, with a click in the corner; no file is there."""

    def __init__(self, size=(20, 20), labels=True):
        self.size, self.labels = size, labels

    def __len__(self):
        return 3

    def get_data_info(self, index):
        clicks = WeakAnnotations(points=[[0, 0]], point_labels=[1]) if self.labels else WeakAnnotations()
        return {'img_path': '/none', 'weak_annotations': clicks, 'weak_label_size': self.size, 'seg_fields': []}


def steps(*between, **settings):
    kinds = [{'type': 'LoadImageFromFile'}, {'type': 'LoadWeakAnnotations'}, {'type': 'PhotoMetricDistortion'}]
    built = [*kinds, *between, {'type': 'RasterizeWeakAnnotations', **settings}, {'type': 'PackWeakSegInputs'}]
    return [TRANSFORMS.build(step) for step in built]


def test_crops_that_meet_the_corner():
    """The corner is in the crop if both offsets, of 0..10, are 0: in one of 121 crops."""
    draws = draw_crops(OneClick(), steps(CROP), num=200)
    assert (draws.num, draws.small, draws.crop_size, draws.min_labels) == (200, 0, (10, 10), 0)
    assert 185 <= draws.empty <= 200
    again = draw_crops(OneClick(), steps(dict(CROP, min_labels=1, max_tries=2000)), num=20)
    assert (again.empty, again.min_labels) == (0, 1)
    assert draw_crops(OneClick(labels=False), steps(CROP), num=7).empty == 7


def test_images_that_are_smaller_than_the_crop():
    resize = {'type': 'RandomResize', 'resize_type': 'WeakResize', 'scale': (20, 20), 'ratio_range': (0.25, 0.4)}
    assert draw_crops(OneClick((30, 8)), steps(CROP), num=5).small == 5
    assert draw_crops(OneClick(), steps({**resize, 'keep_ratio': True}, CROP), num=5).small == 5
    assert draw_crops(OneClick(), steps(), num=5).small == 0


def test_pipelines_without_labels_are_not_drawn():
    assert draw_crops(OneClick(), [TRANSFORMS.build({'type': 'LoadImageFromFile'})]) is None


def test_drawn_shapes():
    pipeline = [
        {'type': 'LoadShapesImage'},
        {'type': 'LoadWeakAnnotations'},
        CROP,
        {'type': 'RasterizeWeakAnnotations'},
    ]
    pipeline.append({'type': 'PackWeakSegInputs'})
    for labels, empty in ((['mask'], 0), (['tags'], 6)):
        dataset = ShapesDataset(num_images=3, size=(40, 40), labels=labels, pipeline=pipeline)
        assert draw_crops(dataset, dataset.pipeline.transforms, num=6).empty == empty


def test_random_states_are_put_back():
    def numbers():
        return random.random(), np.random.rand(), torch.rand(1).item()

    with seeded(3):
        first = numbers()
    with seeded(1):
        before = random.getstate(), np.random.get_state()[1].tolist(), torch.get_rng_state().tolist()
        with seeded(3):
            assert numbers() == first
        assert before == (random.getstate(), np.random.get_state()[1].tolist(), torch.get_rng_state().tolist())
