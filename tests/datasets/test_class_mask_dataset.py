import json

import numpy as np
import pytest
from mmseg.registry import DATASETS, TRANSFORMS
from PIL import Image

from mmseg_wsss.datasets.class_mask_dataset import auxiliary_ids
from mmseg_wsss.datasets.class_sets import CLASS_SETS, VOC_CLASSES
from mmseg_wsss.datasets.resumable import ResumableInfiniteSampler
from mmseg_wsss.functional import box_maps
from mmseg_wsss.structures import WeakAnnotations

CLASSES = ('background', 'cat', 'horse', 'sheep')
SHAPES = {'type': 'ShapesDataset', 'num_images': 6, 'size': (48, 64), 'labels': ['boxes', 'mask']}
DRAW = [{'type': 'RasterizeWeakAnnotations'}, {'type': 'RasterizeClassMask'}]
PACK = {'type': 'PackWeakSegInputs', 'maps': ['box_map']}
SCALES = [[{'type': 'WeakResize', 'scale_factor': f, 'keep_ratio': True}] for f in (0.5, 0.75, 1.0, 1.25, 1.5)]
CROP = {'type': 'WeakClassCrop', 'crop_size': (32, 40)}


def pipeline(*steps, loader='LoadImageFromFile'):
    return [{'type': loader}, {'type': 'LoadWeakAnnotations', 'kinds': ['boxes', 'mask']}, *steps, *DRAW, PACK]


def painted_mask():
    """Class 1 in two places, class 2 touching a border of unlabelled pixels, class 3 of one pixel."""
    mask = np.zeros((24, 32), dtype=np.uint8)
    mask[2:8, 3:9] = 1
    mask[12:16, 20:30] = 1
    mask[14:22, 4:14] = 2
    mask[13, 4:14] = 255
    mask[0, 31] = 3
    return mask


@pytest.fixture
def root(tmp_path):
    """Image a holds all classes, b is empty. Every pixel of a says by its colour where it is and what it shows."""
    (tmp_path / 'img').mkdir()
    (tmp_path / 'ann').mkdir()
    mask = painted_mask()
    y, x = np.mgrid[:24, :32]
    Image.fromarray(np.stack([x * 8, y * 8, np.minimum(mask, 4) * 50], axis=-1).astype(np.uint8)).save(
        tmp_path / 'img/a.png'
    )
    Image.fromarray(mask).save(tmp_path / 'ann/a.png')
    Image.fromarray(np.zeros((24, 32, 3), dtype=np.uint8)).save(tmp_path / 'img/b.png')
    Image.fromarray(np.zeros((24, 32), dtype=np.uint8)).save(tmp_path / 'ann/b.png')
    boxes = [([3, 2, 8, 7], 1), ([4, 13, 13, 21], 2), ([20, 12, 29, 15], 1)]
    images = [
        {'file_name': 'a.png', 'boxes': [{'box': box, 'class': label} for box, label in boxes]},
        {'file_name': 'b.png'},
    ]
    content = {'version': 1, 'classes': [{'name': name} for name in CLASSES], 'images': images}
    (tmp_path / 'w.json').write_text(json.dumps(content))
    return tmp_path


def painted(root, steps=(), boxes_from='labels', target=('sheep',), inner=(), **changes):
    wrapped = {
        'type': 'WeakSegDataset',
        'data_root': str(root),
        'img_suffix': '.png',
        'data_prefix': {'img_path': 'img', 'seg_map_path': 'ann'},
        'metainfo': {'classes': CLASSES},
    }
    wrapped.update({'weak_labels': 'w.json'} if boxes_from == 'labels' else {'use_dense_masks': True})
    wrapped.update(inner)
    settings = {'boxes_from': boxes_from, 'target_classes': target, 'pipeline': pipeline(*steps), **changes}
    return DATASETS.build({'type': 'ClassMaskDataset', 'dataset': wrapped, **settings})


def parts(sample):
    data = sample['data_samples']
    return (
        np.moveaxis(sample['inputs'].numpy(), 0, -1),
        data.gt_maps.box_map[0].numpy(),
        data.gt_sem_seg.data[0].numpy(),
    )


# ---------------------------------------------------------------- samples


def test_boxes_of_masks_are_those_of_the_classes_in_use(root):
    """The objects of the other classes are background in the masks, so their boxes would hold nothing."""
    dataset = painted(root, boxes_from='mask', inner={'weak_labels': 'w.json', 'only_classes': ['cat']})
    assert [dataset.get_data_info(index)['class_id'] for index in range(len(dataset))] == [1]
    _, box_map, mask = parts(dataset[0])
    assert (box_map.sum(), (mask == 1).sum()) == (76, 76)


@pytest.mark.parametrize('boxes_from', ['labels', 'mask'])
def test_one_sample_per_image_and_class(root, boxes_from):
    dataset = painted(root, boxes_from=boxes_from)
    assert [dataset.get_data_info(i)['class_id'] for i in range(len(dataset))] == [1, 2]
    assert dataset.metainfo['classes'] == ('background', 'object')
    mask = painted_mask()
    for index, class_id in enumerate((1, 2)):
        _, box_map, target = parts(dataset[index])
        expected = np.where(mask == 255, 255, mask == class_id)
        assert (target == expected).all()
        assert dataset[index]['data_samples'].metainfo['class_id'] == class_id
        boxes = dataset.get_data_info(index)['weak_annotations']
        by_functional, ids = box_maps(boxes.boxes, boxes.box_labels, (24, 32))
        assert ids == (class_id,)
        assert (box_map == by_functional[0].numpy()).all()
    _, box_map, _ = parts(dataset[0])
    loop = np.zeros((24, 32), dtype=int)
    loop[2:8, 3:9] = loop[12:16, 20:30] = 1
    assert (box_map == loop).all()
    _, box_map, _ = parts(dataset[1])
    assert box_map.sum() == (90 if boxes_from == 'labels' else 80)  # with and without the unlabelled row


def test_boxes_of_specks_are_left_out(root):
    assert len(painted(root, boxes_from='mask', target=('cat',))) == 2
    assert len(painted(root, boxes_from='mask', target=('cat',), min_area=2)) == 1


def test_a_class_set_is_named_instead_of_its_classes(root):
    assert painted(root, target='coco60').auxiliary_ids == (1, 2, 3)
    with pytest.raises(ValueError, match='no auxiliary class is left: all of cat, horse, sheep are target classes'):
        painted(root, target='voc')


def test_classes_to_learn_from_can_be_named(root):
    dataset = painted(root, auxiliary_classes=['horse'])
    assert dataset.auxiliary_ids == (2,)
    assert len(dataset) == 1


@pytest.mark.parametrize('steps', [[CROP], [{'type': 'WeakRandomFlip', 'prob': 1.0}], [{**CROP, 'crop_size': 7}]])
def test_image_boxes_and_mask_move_together(root, steps):
    dataset = painted(root, [*steps, {'type': 'WeakRandomFlip', 'prob': 0.5}])
    mask, boxes = painted_mask(), {}
    for index in range(2):
        sample = dataset.get_data_info(index)
        boxes[index] = box_maps(sample['weak_annotations'].boxes, [1] * len(sample['weak_annotations'].boxes), (24, 32))
    np.random.seed(0)
    for draw in range(20):
        image, box_map, target = parts(dataset[draw % 2])
        class_id = draw % 2 + 1
        x, y = image[..., 2] // 8, image[..., 1] // 8  # BGR
        assert (target == np.where(mask[y, x] == 255, 255, mask[y, x] == class_id)).all()
        assert (box_map == boxes[draw % 2][0][0].numpy()[y, x]).all()


def test_a_scaled_box_is_drawn_through_the_matrix():
    dataset = DATASETS.build(
        {
            'type': 'ClassMaskDataset',
            'dataset': SHAPES,
            'target_classes': ['other'],
            'pipeline': pipeline({'type': 'RandomChoice', 'transforms': SCALES}, loader='LoadShapesImage'),
        }
    )
    np.random.seed(1)
    for index in range(6):
        _, box_map, target = parts(dataset[index])
        height, width = target.shape
        loop = np.zeros((height, width), dtype=np.uint8)
        for box in dataset.get_data_info(index)['weak_annotations'].boxes:
            edges = np.array(box) + np.array([0, 0, 1, 1])
            x1, y1, x2, y2 = edges * [width / 64, height / 48, width / 64, height / 48]
            for y in range(height):
                for x in range(width):
                    loop[y, x] |= x1 <= x + 0.5 <= x2 and y1 <= y + 0.5 <= y2
        assert (box_map == loop).all()
        assert (target == 1).sum() == ((target == 1) & (loop == 1)).sum() > 0


def test_a_crop_meets_a_box_of_the_class(root):
    dataset = painted(root, [{'type': 'WeakClassCrop', 'crop_size': (4, 5)}])
    np.random.seed(0)
    places = set()
    for _ in range(300):
        image, box_map, _ = parts(dataset[0])
        assert image.shape == (4, 5, 3)
        assert box_map.any()
        places.add((int(image[0, 0, 2]) // 8, int(image[0, 0, 1]) // 8))
    first = {(x, y) for x in range(0, 9) for y in range(0, 8)}
    second = {(x, y) for x in range(16, 28) for y in range(9, 16)}
    assert places <= first | second
    assert len(places & first) > 60
    assert len(places & second) > 60


def test_a_crop_without_a_box_left_is_any_crop():
    step = TRANSFORMS.build(CROP)
    results = {'img': np.zeros((50, 50, 3), dtype=np.uint8), 'weak_annotations': WeakAnnotations()}
    results['homography_matrix'] = np.eye(3)
    top, bottom, left, right = step.crop_bbox(results)
    assert (bottom - top, right - left) == (32, 40)


def test_share_of_the_images():
    """All samples of an image are kept or none."""
    settings = {'type': 'ClassMaskDataset', 'target_classes': ['disk'], 'lazy_init': False}

    def images_of(share):
        dataset = DATASETS.build({**settings, 'dataset': SHAPES, 'share': share})
        samples = [dataset.get_data_info(index) for index in range(len(dataset))]
        return [(info['sample_id'], info['class_id']) for info in samples]

    everything = images_of(1.0)
    images = list(dict.fromkeys(image for image, _ in everything))
    assert len(images) == 6
    chosen = [images[0], images[2], images[5]]
    assert images_of(0.5) == [(image, label) for image, label in everything if image in chosen]
    assert {image for image, _ in images_of(0.01)} == {images[0]}
    for share, message in ((0, 'share must be a finite number above 0'), (60, r'share must be in \[0, 1\], got 60')):
        with pytest.raises(ValueError, match=message):
            images_of(share)


def test_samples_come_by_seed(root):
    dataset = painted(root, [{'type': 'WeakClassCrop', 'crop_size': (4, 5)}])
    ResumableInfiniteSampler(dataset)
    first, second = dataset[0, 17], dataset[0, 17]
    assert (first['inputs'] == second['inputs']).all()


# ---------------------------------------------------------------- classes


def test_ids_of_auxiliary_classes():
    assert auxiliary_ids(VOC_CLASSES, ['cat', 'cow', 'dog'], ['sheep', 'horse', 'person']) == (13, 15, 17)
    assert auxiliary_ids(CLASSES, ['Sheep']) == (1, 2)
    assert auxiliary_ids(CLASS_SETS['coco60']['classes'], VOC_CLASSES[1:]) == tuple(range(1, 61))
    assert auxiliary_ids(['background', '猫', '犬', 'мак'], ['犬']) == (1, 3)


@pytest.mark.parametrize(
    ('target', 'auxiliary', 'message'),
    [
        (['cat'], ['cat', 'horse'], r"auxiliary and target classes overlap: 'cat' \(target 'cat'\)"),
        (['Cat'], ['cat'], r"overlap: 'cat' \(target 'Cat'\)"),
        (['cat'], ['hores'], "'hores' is not a foreground class of the data set; did you mean 'horse'"),
        (['cat'], ['background'], "'background' is not a foreground class"),
        (['cat', 'horse', 'sheep'], None, 'no auxiliary class is left: all of cat, horse, sheep'),
        ([], None, 'each with at least one class'),
        ('cat', None, r'must be a list of names \(or one of voc, voc_animals, cityscapes, coco, coco60\)'),
    ],
)
def test_wrong_classes_are_named(target, auxiliary, message):
    with pytest.raises(ValueError, match=message):
        auxiliary_ids(CLASSES, target, auxiliary)


def test_an_overlap_under_another_name_is_found():
    coco = CLASS_SETS['coco']['classes']
    with pytest.raises(ValueError, match=r"overlap: 'tv' \(target 'tvmonitor'\)"):
        auxiliary_ids(coco, ['tvmonitor'], ['truck', 'tv'])


# ---------------------------------------------------------------- wrong input


def test_nothing_to_learn_from_is_named(root):
    with pytest.raises(ValueError, match=r'none of the 2 images has a box of an auxiliary class \(sheep\)'):
        painted(root, target=('cat', 'horse'))
    with pytest.raises(ValueError, match="boxes_from must be one of labels, mask, got 'boxes'"):
        painted(root, boxes_from='boxes')


def test_missing_masks_are_named(root):
    (root / 'ann/a.png').unlink()
    with pytest.raises(FileNotFoundError, match=r"image 'a': its mask .*a.png is not on disk"):
        painted(root)
    with pytest.raises(ValueError, match='there is no mask to learn from'):
        DATASETS.build(
            {'type': 'ClassMaskDataset', 'dataset': {**SHAPES, 'labels': ['boxes']}, 'target_classes': ['other']}
        )


def test_a_data_set_without_weak_labels_is_named(root):
    inner = {
        'type': 'BaseSegDataset',
        'data_root': str(root),
        'img_suffix': '.png',
        'data_prefix': {'img_path': 'img', 'seg_map_path': 'ann'},
        'metainfo': {'classes': CLASSES},
    }
    with pytest.raises(TypeError, match='BaseSegDataset has no weak_annotations'):
        DATASETS.build({'type': 'ClassMaskDataset', 'dataset': inner, 'target_classes': ['cat']})


@pytest.mark.parametrize(
    ('box', 'message'),
    [
        ([3, 2, 40, 7], r"image 'a', boxes\[0\]: \(40, 7\) lies outside the image"),
        ([8, 2, 3, 7], 'is empty or has swapped corners'),
    ],
)
def test_wrong_boxes_are_named(root, box, message):
    content = json.loads((root / 'w.json').read_text())
    content['images'][0]['boxes'][0]['box'] = box
    (root / 'w.json').write_text(json.dumps(content))
    with pytest.raises(ValueError, match=message):
        painted(root)


def test_the_pipeline_needs_the_class_mask(root):
    steps = [step for step in pipeline() if step['type'] != 'RasterizeClassMask']
    with pytest.raises(ValueError, match='has RasterizeClassMask after RasterizeWeakAnnotations'):
        painted(root, pipeline=steps)


def test_the_step_names_what_is_missing():
    step = TRANSFORMS.build({'type': 'RasterizeClassMask'})
    with pytest.raises(KeyError, match='found no class_id in the sample'):
        step({})
    ready = {'class_id': 2, 'gt_valid_map': np.ones((2, 2)), 'weak_annotations': WeakAnnotations(), 'img_path': 'a.jpg'}
    with pytest.raises(ValueError, match=r'a.jpg: the image has no boxes of class 2'):
        step(ready)
    assert repr(step) == 'RasterizeClassMask(ignore_index=255)'
