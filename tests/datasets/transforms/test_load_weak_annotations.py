import numpy as np
import pytest
from mmseg.registry import TRANSFORMS
from PIL import Image

from mmseg_wsss.labelling.images import known_classes
from mmseg_wsss.structures import WeakAnnotations
from tests.helpers.pipelines import sample


def load(results, **settings):
    return TRANSFORMS.build({'type': 'LoadWeakAnnotations', **settings})(results)


def write_mask(path, size, value=1):
    image = Image.fromarray(np.full(size, value, np.uint8), mode='P')
    image.putpalette([0, 0, 0, 200, 10, 10] + [0] * 762)
    image.save(path)
    return str(path)


def test_selects_kinds_and_starts_the_matrix():
    labels = WeakAnnotations(points=[[1, 1]], point_labels=[1], boxes=[[0, 0, 1, 1]], box_labels=[2])
    results = load(sample((4, 4), labels), kinds=['boxes'])
    assert len(results['weak_annotations'].points) == 0
    assert len(results['weak_annotations'].boxes) == 1
    assert np.array_equal(results['homography_matrix'], np.eye(3))
    assert len(load(sample((4, 4), labels.to_dict()))['weak_annotations'].points) == 1


def test_palette_mask_is_read_as_indices(tmp_path):
    mask = write_mask(tmp_path / 'm.png', (4, 6))
    results = load(sample((4, 6), WeakAnnotations(mask_path=mask)))
    assert (results['gt_seg_map'] == 1).all()
    assert results['seg_fields'] == ['gt_seg_map']
    results = sample((4, 6), WeakAnnotations(mask_path=mask))
    assert (load(results | {'label_map': {0: 0, 1: 255}})['gt_seg_map'] == 255).all()


def test_a_mask_that_another_step_loaded_moves_once(tmp_path):
    """mmseg moves what ``seg_fields`` names as often as it names it: two flips are none."""
    results = sample((4, 4), WeakAnnotations(mask_path=write_mask(tmp_path / 'm.png', (4, 4))), np.zeros((4, 4)))
    assert load(results)['seg_fields'] == ['gt_seg_map']
    assert (results['gt_seg_map'] == 1).all()


@pytest.mark.parametrize('value', [256, 300])
def test_mask_values_do_not_wrap(tmp_path, value):
    path = tmp_path / 'm.png'
    Image.fromarray(np.full((4, 4), value, np.uint16)).save(path)
    with pytest.raises(ValueError, match=f'm.png: a mask contains class ids and 255, from 0 to 255; got up to {value}'):
        load(sample((4, 4), WeakAnnotations(mask_path=str(path))))
    Image.fromarray(np.full((4, 4), 255, np.uint16)).save(path)
    assert (load(sample((4, 4), WeakAnnotations(mask_path=str(path))))['gt_seg_map'] == 255).all()


def test_an_image_that_changed_before_is_refused():
    results = sample((4, 6)) | {'img': np.zeros((8, 12, 3), np.uint8), 'img_path': 'a.jpg'}
    with pytest.raises(ValueError, match=r'a.jpg: the image has the shape \(8, 12\) and not the original \(4, 6\)'):
        load(results)


def test_sizes_that_do_not_fit_are_named(tmp_path):
    mask = write_mask(tmp_path / 'm.png', (5, 5))
    results = sample((4, 6), WeakAnnotations(mask_path=mask)) | {'img_path': 'a.jpg'}
    with pytest.raises(ValueError, match=r'm.png: the mask has the shape \(5, 5\).*a.jpg \(4, 6\)'):
        load(results)
    with pytest.raises(ValueError, match='a.jpg: its labels are for an image of 9 x 9 pixels, but the image has 6 x 4'):
        load(sample((4, 6)) | {'img_path': 'a.jpg', 'weak_label_size': (9, 9)})


BOXES = dict(boxes=[[0, 0, 1, 1], [2, 0, 3, 1]], box_labels=[2, 0])
POINTS = dict(points=[[1, 1], [0, 0]], point_labels=[3, 0])


def tags(labels, **settings):
    return load(sample((4, 4), labels), **settings)['weak_annotations'].tags


@pytest.mark.parametrize(
    ('labels', 'expected'),
    [
        (dict(**BOXES, **POINTS), (2, 3)),
        (dict(polylines=[[[0, 0], [1, 1]]], polyline_labels=[5]), (5,)),
        (dict(**BOXES, tags=(1,)), (1,)),  # the annotator's word
        (dict(**BOXES, tags=()), ()),
        (dict(points=[[0, 0]], point_labels=[0]), None),  # background somewhere: nothing about the rest
        ({}, None),
    ],
)
def test_tags_follow_from_all_labels(labels, expected):
    assert tags(WeakAnnotations(**labels)) == expected


def test_tags_come_from_the_kinds_that_are_used_unless_others_are_named(tmp_path):
    mask = np.full((4, 4), 255, np.uint8)
    mask[:2], mask[3, 3] = 0, 7
    Image.fromarray(mask).save(tmp_path / 'm.png')
    labels = WeakAnnotations(**BOXES, **POINTS, mask_path=str(tmp_path / 'm.png'))
    assert tags(labels) == (2, 3, 7)
    assert tags(labels, kinds=['points']) == (3,)
    assert tags(labels, kinds=['tags']) is None
    assert tags(labels, kinds=['tags'], tags_from=['boxes']) == (2,)
    assert tags(labels, kinds=['points'], tags_from=['boxes', 'mask']) == (2, 7)
    results = load(sample((4, 4), labels), kinds=['points'], tags_from=['mask'])
    assert 'gt_seg_map' not in results
    assert results['seg_fields'] == []
    assert len(results['weak_annotations'].boxes) == 0
    results = load(sample((4, 4), labels), kinds=['mask'], tags_from=['boxes'])
    assert results['weak_annotations'].tags == (2,)
    assert np.array_equal(results['gt_seg_map'], mask)
    given = WeakAnnotations(**BOXES, tags=(1,))
    assert tags(given, kinds=['boxes'], tags_from=['tags']) == (1,)
    assert tags(given, kinds=['boxes']) == (2,)


@pytest.mark.parametrize(('value', 'expected'), [(0, ()), (255, None), (1, (1,))])
def test_a_mask_of_background_alone_says_that_there_is_nothing_else(tmp_path, value, expected):
    mask = write_mask(tmp_path / 'm.png', (4, 4), value)
    assert tags(WeakAnnotations(mask_path=mask)) == expected
    renamed = load(sample((4, 4), WeakAnnotations(mask_path=mask)) | {'label_map': {1: 4}})
    assert renamed['weak_annotations'].tags == ((4,) if value == 1 else expected)


def test_tags_are_those_of_the_image_before_the_crop():
    labels = WeakAnnotations(points=[[1, 1], [30, 30]], point_labels=[1, 2])
    results = load(sample((40, 40), labels))
    np.random.seed(0)
    results = TRANSFORMS.build({'type': 'WeakRandomCrop', 'crop_size': (8, 8)})(results)
    results = TRANSFORMS.build({'type': 'RasterizeWeakAnnotations'})(results)
    assert len(np.unique(results['gt_seg_map'])) < 3
    assert results['gt_tags'].tolist() == [1, 2]


def test_tags_that_are_no_classes_are_named():
    for labels in (WeakAnnotations(tags=(1, 4)), WeakAnnotations(points=[[0, 0]], point_labels=[4])):
        with pytest.raises(ValueError, match=r'a.jpg: the image tags \[4\] are not classes: the data set has 4 with'):
            load(sample((4, 4), labels) | {'num_classes': 4, 'img_path': 'a.jpg'})
    with pytest.raises(ValueError, match=r'the image tags \[-1\] are not classes'):
        load(sample((4, 4), WeakAnnotations(tags=(-1,))))


def test_unknown_kind_and_missing_labels():
    with pytest.raises(ValueError, match=r"unknown kinds of labels \['box'\]"):
        load(sample((4, 4)), tags_from=['box'])
    with pytest.raises(ValueError, match=r"unknown kinds of labels \['clicks'\].*points"):
        load(sample((4, 4)), kinds=['clicks'])
    with pytest.raises(KeyError, match='WeakSegDataset'):
        load({'img': np.zeros((4, 4, 3)), 'ori_shape': (4, 4)})


def load_tags(results, **settings):
    return TRANSFORMS.build({'type': 'LoadImageTags', **settings})({'img_path': 'a.jpg', **results})


@pytest.mark.parametrize(
    ('labels', 'tags'),
    [
        (WeakAnnotations(tags=(3, 1)), [3, 1]),
        (WeakAnnotations(boxes=[[0, 0, 3, 3], [1, 1, 2, 2]], box_labels=[5, 2]), [2, 5]),
        (WeakAnnotations(points=[[0, 0], [1, 1]], point_labels=[0, 4]), [4]),
        (WeakAnnotations(tags=()), []),
    ],
)
def test_tags_of_any_label(labels, tags):
    found = load_tags({'weak_annotations': labels})['gt_tags']
    assert found.tolist() == tags
    assert found.dtype == np.int64


@pytest.mark.parametrize(
    ('labels', 'mask', 'expected'),
    [
        ({'points': [[0, 0]], 'point_labels': [1]}, [[255, 2, 3], [255, 255, 0]], [1, 2, 4]),
        ({}, [[0, 0, 255]] * 2, []),
        ({'tags': (5,)}, [[255, 2, 3]] * 2, [5]),
    ],
)
def test_tags_for_a_test_are_those_of_a_training(tmp_path, labels, mask, expected):
    """A mask may show classes that the clicks of the image do not; label_map is that of the data set."""
    Image.fromarray(np.array(mask, dtype=np.uint8)).save(tmp_path / 'm.png')
    sample = {'weak_annotations': WeakAnnotations(**labels, mask_path=str(tmp_path / 'm.png')), 'ori_shape': (2, 3)}
    sample |= {'label_map': {3: 4}, 'img': np.zeros((2, 3, 3), np.uint8)}
    trained = TRANSFORMS.build({'type': 'LoadWeakAnnotations'})(dict(sample))['weak_annotations'].tags
    assert list(trained) == load_tags(sample)['gt_tags'].tolist() == list(known_classes(sample)) == expected


def test_tags_of_the_truth():
    mask = np.array([[0, 3, 255], [7, 7, 0]], dtype=np.uint8)
    assert load_tags({'gt_seg_map': mask}, from_truth=True)['gt_tags'].tolist() == [3, 7]
    assert load_tags({'gt_seg_map': mask * 0}, from_truth=True)['gt_tags'].tolist() == []


def test_images_without_tags_are_named():
    with pytest.raises(ValueError, match='a.jpg: this image has no tags'):
        load_tags({'weak_annotations': WeakAnnotations()})
    with pytest.raises(KeyError, match='no weak_annotations in the sample: set weak_labels of the data set'):
        load_tags({})
    with pytest.raises(KeyError, match='no gt_seg_map in the sample: put LoadAnnotations before it'):
        load_tags({'weak_annotations': WeakAnnotations(tags=(1,))}, from_truth=True)
