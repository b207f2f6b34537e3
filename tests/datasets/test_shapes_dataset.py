"""The demo data: the same everywhere, exact, and drawn well enough to learn from."""

import hashlib
import subprocess
import sys

import numpy as np
import pytest
from mmseg.registry import DATASETS

from mmseg_wsss.datasets import shapes_drawing
from mmseg_wsss.datasets.shapes_dataset import ShapesDataset
from mmseg_wsss.datasets.shapes_drawing import CLASSES, PALETTE, draw_scene
from mmseg_wsss.datasets.transforms import LoadShapesImage

SIZE = (48, 64)


def digest(seed, index):
    scene = draw_scene(seed, index, SIZE)
    arrays = (scene.image, scene.mask, scene.instances)
    return hashlib.sha256(b''.join(array.tobytes() for array in arrays)).hexdigest()


def shapes(**settings):
    return ShapesDataset(**{'num_images': 12, 'size': SIZE, **settings})


def test_another_process_draws_the_same_whatever_came_before():
    script = f"""
import hashlib, importlib.util, sys
spec = importlib.util.spec_from_file_location('drawing', {shapes_drawing.__file__!r})
module = sys.modules['drawing'] = importlib.util.module_from_spec(spec)
spec.loader.exec_module(module)
for index in (5, 4):
    scene = module.draw_scene(3, index, {SIZE})
    arrays = (scene.image, scene.mask, scene.instances)
    print(hashlib.sha256(b''.join(array.tobytes() for array in arrays)).hexdigest())
"""
    printed = subprocess.run([sys.executable, '-c', script], capture_output=True, text=True, check=True).stdout
    np.random.seed(1)
    assert printed.split() == [digest(3, 5), digest(3, 4)]


def test_pictures_of_a_stream_and_of_streams_differ():
    assert len({digest(seed, index) for seed in (0, 1) for index in range(6)}) == 12


@pytest.mark.parametrize('index', range(8))
def test_scene_is_well_formed(index):
    scene = draw_scene(0, index, SIZE)
    assert scene.image.shape == (*SIZE, 3)
    assert scene.image.dtype == np.uint8
    assert scene.mask.shape == scene.instances.shape == SIZE
    assert scene.mask.max() < len(CLASSES) == len(PALETTE)
    np.testing.assert_array_equal(scene.mask > 0, scene.instances > 0)
    for number in np.unique(scene.instances)[1:]:
        assert len(np.unique(scene.mask[scene.instances == number])) == 1
    assert 1 <= len(np.unique(scene.instances)) - 1 <= 4
    with pytest.raises(ValueError, match='read-only'):
        scene.image[0, 0] = 0


def test_all_classes_appear_and_background_is_the_largest():
    masks = np.stack([draw_scene(0, index, SIZE).mask for index in range(60)])
    shares = np.bincount(masks.ravel(), minlength=len(CLASSES)) / masks.size
    assert (shares[1:] > 0.01).all()
    assert 0.7 < shares[0] < 0.9


def test_mask_edge_is_where_the_picture_changes():
    """Colours step more across the border of an object than one pixel beside it: image and mask are aligned."""
    across, beside = [], []
    for index in range(40):
        scene = draw_scene(0, index, SIZE)
        steps = np.abs(np.diff(scene.image.astype(float), axis=1)).sum(axis=2)
        edges = np.diff(scene.instances, axis=1) != 0
        across.append(steps[:, 3:-3][edges[:, 3:-3]])
        for shift in (-3, 3):
            beside.append(np.roll(steps, shift, axis=1)[:, 3:-3][edges[:, 3:-3]])
    assert np.concatenate(across).mean() > 2 * np.concatenate(beside).mean()


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


def test_loader_gives_bgr_and_copies():
    info = shapes(labels=['points']).get_data_info(2)
    scene = draw_scene(0, 2, SIZE)
    results = LoadShapesImage()(info)
    np.testing.assert_array_equal(results['img'][..., ::-1], scene.image)
    assert results['img_shape'] == results['ori_shape'] == SIZE
    assert results['img'].flags.writeable
    assert 'gt_seg_map' not in results
    assert results['img_path'] == 'shapes_00002.png'


@pytest.mark.parametrize(('labels', 'with_mask'), [(['mask'], False), ([], True)])
def test_loader_gives_the_mask_as_label_or_to_evaluate(labels, with_mask):
    results = LoadShapesImage(with_mask)(shapes(labels=labels).get_data_info(1))
    np.testing.assert_array_equal(results['gt_seg_map'], draw_scene(0, 1, SIZE).mask)
    assert results['seg_fields'] == ['gt_seg_map']
    assert results['weak_annotations'].num_labels == 0
    results['gt_seg_map'][:] = 9


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
        ({'num_images': 0}, 'num_images of at least 1'),
        ({'seed': -1}, 'seed not below 0'),
    ],
)
def test_wrong_settings_are_named(settings, message):
    with pytest.raises(ValueError, match=message):
        shapes(**settings)


def test_loader_refuses_samples_of_other_data_sets():
    with pytest.raises(ValueError, match='for image files take LoadImageFromFile'):
        LoadShapesImage()({'img_path': 'a.png'})


def test_pipeline_that_leaves_the_labels_behind_is_refused():
    steps = ('LoadShapesImage', 'LoadWeakAnnotations', 'RandomFlip', 'RasterizeWeakAnnotations', 'PackWeakSegInputs')
    pipeline = [{'type': step, **({'prob': 0.5} if step == 'RandomFlip' else {})} for step in steps]
    with pytest.raises(ValueError, match='RandomFlip moves the image and leaves the weak labels behind'):
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
