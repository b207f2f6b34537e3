"""The demo data: the same everywhere, exact, and drawn well enough to learn from."""

import numpy as np
import pytest
from mmseg.registry import DATASETS

from mmseg_wsss.datasets.shapes_dataset import ShapesDataset
from mmseg_wsss.datasets.shapes_drawing import CLASSES, PALETTE, draw_scene

SIZE = (48, 64)


def shapes(**settings):
    return ShapesDataset(**{'num_images': 12, 'size': SIZE, **settings})


def test_a_click_per_object_on_its_class_and_as_many_on_the_background():
    for info in shapes().load_data_list():
        scene, labels = draw_scene(**info['shapes_scene']), info['weak_annotations']
        columns, rows = labels.points.astype(int).T
        np.testing.assert_array_equal(scene.mask[rows, columns], labels.point_labels)
        objects = set(np.unique(scene.instances)) - {0}
        assert {scene.instances[y, x] for x, y in zip(columns, rows, strict=True)} - {0} == objects
        assert (labels.point_labels == 0).sum() == (labels.point_labels > 0).sum() == len(objects)


def test_other_kinds_of_labels_fit_the_mask():
    for info in shapes(labels=['scribbles', 'boxes', 'tags']).load_data_list():
        scene, labels = draw_scene(**info['shapes_scene']), info['weak_annotations']
        assert labels.tags == tuple(np.unique(scene.mask)[1:])
        assert len(labels.points) == 0
        assert len(labels.boxes) == len(np.unique(scene.instances)) - 1
        for (x1, y1, x2, y2), label in zip(labels.boxes.astype(int), labels.box_labels, strict=True):
            assert (scene.mask[y1 : y2 + 1, x1 : x2 + 1] == label).any()
        for line, label in zip(labels.polylines, labels.polyline_labels, strict=True):
            x, y = np.rint(line[0]).astype(int)
            assert scene.mask[y, x] == label


def test_labels_do_not_depend_on_the_number_of_images():
    few, many = shapes(num_images=3).load_data_list(), shapes(num_images=9).load_data_list()
    for one, other in zip(few, many, strict=False):
        assert one['weak_annotations'].to_dict() == other['weak_annotations'].to_dict()


def test_dataset_runs_in_a_pipeline_by_index_and_by_seeded_index():
    pipeline = [
        {'type': 'LoadShapesImage', 'with_mask': True},
        {'type': 'RandomFlip', 'prob': 0.5},
        {'type': 'PackSegInputs'},
    ]
    dataset = DATASETS.build(
        {'type': 'ShapesDataset', 'num_images': 4, 'size': SIZE, 'pipeline': pipeline, 'test_mode': True}
    )
    assert len(dataset) == 4
    assert dataset.metainfo['classes'] == CLASSES
    assert dataset.metainfo['palette'] == [list(colour) for colour in PALETTE]
    flips = [dataset[1, seed]['data_samples'].flip for seed in range(12)]
    assert flips == [dataset[1, seed]['data_samples'].flip for seed in range(12)]
    assert len(set(flips)) == 2
    assert dataset[3]['inputs'].shape == (3, *SIZE)
    assert dataset[3]['data_samples'].gt_sem_seg.data.shape == (1, *SIZE)


@pytest.mark.parametrize(
    ('settings', 'message'),
    [
        ({'labels': ['clicks']}, r"unknown kinds of labels \['clicks'\]: choose from points"),
        ({'size': (16, 64)}, 'at least 32 pixels each, got'),
        ({'num_images': 0}, 'num_images must be a positive integer, got 0'),
        ({'seed': -1}, 'seed must be a non-negative integer, got -1'),
    ],
)
def test_wrong_settings_are_named(settings, message):
    with pytest.raises(ValueError, match=message):
        shapes(**settings)


def test_pipeline_that_leaves_the_labels_behind_is_refused():
    steps = ('LoadShapesImage', 'LoadWeakAnnotations', 'RandomFlip', 'RasterizeWeakAnnotations', 'PackWeakSegInputs')
    pipeline = [{'type': step, **({'prob': 0.5} if step == 'RandomFlip' else {})} for step in steps]
    with pytest.raises(ValueError, match='RandomFlip moves the image without its weak labels'):
        shapes(pipeline=pipeline)


def test_labels_of_the_loss_are_the_clicks():
    steps = ('LoadShapesImage', 'LoadWeakAnnotations', 'RasterizeWeakAnnotations', 'PackWeakSegInputs')
    dataset = shapes(pipeline=[{'type': step} for step in steps])
    for index in range(4):
        drawn = dataset[index]['data_samples'].gt_sem_seg.data[0].numpy()
        clicks = dataset.get_data_info(index)['weak_annotations']
        expected = np.full(SIZE, 255)
        columns, rows = clicks.points.astype(int).T
        expected[rows, columns] = clicks.point_labels
        np.testing.assert_array_equal(drawn, expected)
