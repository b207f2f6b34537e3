import json

import numpy as np
import pytest
from mmseg.registry import DATASETS
from PIL import Image

from mmseg_wsss.datasets.class_sets import VOC_CLASSES, VOC_PALETTE
from mmseg_wsss.datasets.image_checks import spread
from mmseg_wsss.datasets.weak_seg_dataset import WeakSegDataset

CLASSES = ('background', 'cat', 'dog')
POINT = {'x': 2, 'y': 1, 'class': 1}


def save_image(path, size=(8, 6), **kwargs):
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.new('RGB', size).save(path, **kwargs)


def save_mask(path, value=0, size=(8, 6)):
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(np.full(size[::-1], value, dtype=np.uint8)).save(path)


@pytest.fixture
def root(tmp_path):
    """Four images: a clicked, b scribbled and tagged, c with a dense mask, d with nothing; e is not in the file."""
    for name in 'abcde':
        save_image(tmp_path / f'img/{name}.jpg')
        save_mask(tmp_path / f'ann/{name}.png', 2)
    save_mask(tmp_path / 'masks/c.png', 2)
    write_labels(
        tmp_path,
        [
            {'file_name': 'a.jpg', 'width': 8, 'height': 6, 'points': [POINT, {'x': 0, 'y': 0, 'class': 0}]},
            {'file_name': 'b.jpg', 'scribbles': [{'points': [[0, 0], [3, 4]], 'class': 2}], 'tags': [2]},
            {'file_name': 'c.jpg', 'mask': 'masks/c.png'},
            {'file_name': 'd.jpg'},
        ],
    )
    return tmp_path


def write_labels(root, images):
    colours = ([0, 0, 0], [1, 2, 3], [4, 5, 6])
    classes = [{'name': name, 'color': colour} for name, colour in zip(CLASSES, colours, strict=True)]
    (root / 'w.json').write_text(json.dumps({'version': 1, 'classes': classes, 'images': images}))


def build(root, **kwargs):
    settings = {'weak_labels': 'w.json', 'data_root': str(root), 'data_prefix': {'img_path': 'img'}, 'pipeline': []}
    return WeakSegDataset(**{**settings, **kwargs})


def test_it_is_registered_and_takes_classes_and_colours_from_the_label_file(root):
    dataset = DATASETS.build(
        {'type': 'WeakSegDataset', 'weak_labels': 'w.json', 'data_root': str(root), 'data_prefix': {'img_path': 'img'}}
    )
    assert tuple(dataset.metainfo['classes']) == CLASSES
    assert dataset.metainfo['palette'] == [[0, 0, 0], [1, 2, 3], [4, 5, 6]]
    assert len(dataset) == 4


def test_a_sample_carries_what_the_pipeline_needs(root):
    sample = build(root, data_prefix={'img_path': 'img', 'seg_map_path': 'ann'}).get_data_info(0)
    labels = sample.pop('weak_annotations')
    assert sample == {
        'img_path': str(root / 'img/a.jpg'),
        'seg_map_path': str(root / 'ann/a.png'),
        'sample_id': 'a',
        'sample_idx': 0,
        'label_map': None,
        'reduce_zero_label': False,
        'seg_fields': [],
        'num_classes': 3,
        'weak_label_size': (8, 6),
    }
    assert labels.points.tolist() == [[2, 1], [0, 0]]
    assert labels.point_labels.tolist() == [1, 0]


def test_images_carry_any_mix_of_labels_and_nothing_means_an_empty_set(root):
    (root / 'split.txt').write_text('c\ne\n\na\nd\n')
    dataset = build(root, ann_file='split.txt')
    infos = [dataset.get_data_info(i) for i in range(len(dataset))]
    assert [info['sample_id'] for info in infos] == ['c', 'e', 'a', 'd']
    assert infos[0]['weak_annotations'].mask_path == str(root / 'masks/c.png')
    for info in (infos[1], infos[3]):
        assert info['weak_annotations'].num_labels == 0
        assert info['weak_annotations'].tags is None
        assert info['weak_annotations'].mask_path is None
    assert infos[1]['img_path'] == str(root / 'img/e.jpg')
    assert 'seg_map_path' not in infos[0]


def test_the_suffix_comes_from_the_label_file_where_it_names_the_image(root):
    save_image(root / 'img/f.png')
    write_labels(root, [{'file_name': 'f.png', 'points': [POINT]}])
    (root / 'split.txt').write_text('f\na')
    dataset = build(root, ann_file='split.txt')
    paths = [dataset.get_data_info(i)['img_path'] for i in (0, 1)]
    assert paths == [str(root / 'img/f.png'), str(root / 'img/a.jpg')]
    assert dataset.get_data_info(0)['weak_annotations'].num_labels == 1


@pytest.mark.parametrize('split', [True, False])
def test_suffixes_longer_than_the_extension_as_in_cityscapes(root, split):
    save_image(root / 'img/x/f_left.png')
    write_labels(root, [{'file_name': 'x/f_left.png', 'points': [POINT]}])
    (root / 'split.txt').write_text('x/f')
    info = build(
        root, ann_file='split.txt' if split else '', img_suffix='_left.png', seg_map_suffix='_ids.png',
        data_prefix={'img_path': 'img', 'seg_map_path': 'ann'},
    ).get_data_info(0)  # fmt: skip
    assert info['sample_id'] == 'x/f'
    assert info['img_path'] == str(root / 'img/x/f_left.png')
    assert info['seg_map_path'] == str(root / 'ann/x/f_ids.png')
    assert info['weak_annotations'].num_labels == 1


def test_other_formats_take_classes_from_the_metainfo_and_paths_from_the_root(root):
    (root / 'fg.json').write_text('{"a": [{"x": 8, "y": 3, "cls": 20}]}')
    (root / 'split.txt').write_text('a\nb')
    source = {'format': 'whats_the_point', 'path': 'fg.json'}
    with pytest.raises(ValueError, match="'whats_the_point' does not name its classes"):
        build(root, weak_labels=source)
    dataset = build(
        root, weak_labels=source, ann_file='split.txt', metainfo={'classes': VOC_CLASSES, 'palette': VOC_PALETTE}
    )
    assert dataset.get_data_info(0)['weak_annotations'].points.tolist() == [[7, 3]]
    assert dataset.metainfo['palette'][20] == [0, 64, 128]


def test_dense_masks_of_every_image_make_the_fully_supervised_baseline(root):
    dataset = build(root, use_dense_masks=True, data_prefix={'img_path': 'img', 'seg_map_path': 'ann'})
    labels = [dataset.get_data_info(i)['weak_annotations'] for i in range(4)]
    assert [label.mask_path for label in labels] == [str(root / f'ann/{name}.png') for name in 'abcd']
    assert all(label.num_labels == 0 and label.tags is None for label in labels)
    prefix = {'img_path': 'img', 'seg_map_path': 'ann'}
    bare = build(root, weak_labels=None, use_dense_masks=True, data_prefix=prefix, metainfo={'classes': CLASSES})
    assert len(bare) == 5
    with pytest.raises(ValueError, match='use_dense_masks=True needs the folder of masks: data_prefix'):
        build(root, use_dense_masks=True)


def test_evaluation_needs_no_weak_labels(root):
    prefix = {'img_path': 'img', 'seg_map_path': 'ann'}
    settings = {'weak_labels': None, 'test_mode': True, 'data_prefix': prefix, 'metainfo': {'classes': CLASSES}}
    dataset = build(root, **settings)
    assert [dataset.get_data_info(i)['seg_map_path'] for i in range(5)] == [str(root / f'ann/{n}.png') for n in 'abcde']
    (root / 'ann/b.png').unlink()
    with pytest.raises(FileNotFoundError, match=r"image 'b': its mask .*ann/b.png is not on disk"):
        build(root, **settings)
    assert 'seg_map_path' not in build(root, **{**settings, 'data_prefix': {'img_path': 'img'}}).get_data_info(0)


def test_evaluation_masks_counted_from_one(root):
    prefix = {'img_path': 'img', 'seg_map_path': 'ann'}
    settings = {'weak_labels': None, 'test_mode': True, 'data_prefix': prefix, 'metainfo': {'classes': CLASSES}}
    save_mask(root / 'ann/b.png', 3)
    with pytest.raises(ValueError, match=r'holds the values \[3\]'):
        build(root, **settings)
    assert len(build(root, **settings, reduce_zero_label=True)) == 5


# ---------------------------------------------------------------- errors


def test_missing_images_are_counted_and_named(root):
    (root / 'img/b.jpg').unlink()
    (root / 'img/d.jpg').unlink()
    message = r"w.json lists 4 images, but 2 are not on disk. First: image 'b', expected at .*img/b.jpg. Check --images"
    with pytest.raises(FileNotFoundError, match=message):
        build(root)
    assert len(build(root, check_images=False, check_masks=False)) == 4


def test_a_missing_split_file_and_doubled_ids_are_named(root):
    with pytest.raises(FileNotFoundError, match='split file .* not found: .*none.txt'):
        build(root, ann_file='none.txt')
    (root / 'split.txt').write_text('a\nb\na')
    with pytest.raises(ValueError, match="split.txt lists 1 image ids more than once, first 'a'"):
        build(root, ann_file='split.txt')


def test_another_size_in_the_label_file_is_refused(root):
    write_labels(root, [{'file_name': 'a.jpg', 'width': 16, 'height': 12, 'points': [POINT]}])
    with pytest.raises(ValueError, match=r"w.json: image 'a': width and height are 16 x 12 .*img/a.jpg is 8 x 6"):
        build(root)


def test_a_point_outside_the_image_is_refused_when_only_the_image_tells_its_size(root):
    write_labels(root, [{'file_name': 'b.jpg', 'points': [POINT, {'x': 20, 'y': 1, 'class': 1}]}])
    with pytest.raises(ValueError, match=r"w.json: image 'b', points\[1\]: \(20, 1\) lies outside .* 8 x 6"):
        build(root)
    (root / 'split.txt').write_text('a')
    with pytest.raises(ValueError, match='nothing is labelled'):
        build(root, ann_file='split.txt')


def test_a_file_that_is_no_image_is_named(root):
    (root / 'img/a.jpg').write_text('text')
    with pytest.raises(ValueError, match='a.jpg is not an image, or is damaged'):
        build(root)


def test_masks_are_checked_for_presence_size_and_values(root):
    save_mask(root / 'masks/c.png', 7)
    with pytest.raises(
        ValueError, match=r"image 'c': its mask .*c.png holds the values \[7\], .* 3 classes \(0..2\) nor 255"
    ):
        build(root)
    assert len(build(root, check_masks=False)) == 4
    save_mask(root / 'masks/c.png', 1, (6, 8))
    with pytest.raises(ValueError, match=r"image 'c': its mask .*c.png is 6 x 8, the image 8 x 6"):
        build(root)
    (root / 'masks/c.png').unlink()
    with pytest.raises(
        FileNotFoundError, match=r"image 'c': its mask .*masks/c.png is not on disk. Check seg_map_path"
    ):
        build(root)


def test_a_sample_of_masks_is_read_unless_all_are_asked_for(root):
    names = [f'm{i:03d}' for i in range(60)]
    images = []
    for name in names:
        save_image(root / f'img/{name}.jpg')
        save_mask(root / f'masks/{name}.png', 1)
        images.append({'file_name': f'{name}.jpg', 'mask': f'masks/{name}.png'})
    write_labels(root, images)
    sample = spread(names, 50)
    assert len(set(sample)) == 50
    assert (sample[0], sample[-1]) == ('m000', 'm059')
    assert 'm005' not in sample
    save_mask(root / 'masks/m005.png', 9)
    assert len(build(root)) == 60
    with pytest.raises(ValueError, match="image 'm005'"):
        build(root, check_masks=True)


@pytest.mark.parametrize('images', [[{'file_name': 'a.jpg'}], [{'file_name': 'a.jpg', 'tags': []}]])
def test_nothing_labelled_is_refused(root, images):
    write_labels(root, images)
    with pytest.raises(ValueError, match=r"nothing is labelled: none of the 1 images .* ann_file \(first: 'a'\)"):
        build(root)


def test_labels_of_kinds_that_the_pipeline_leaves_out_do_not_count(root):
    write_labels(root, [{'file_name': 'a.jpg', 'points': [POINT]}])
    pipeline = [
        {'type': 'LoadImageFromFile'},
        {'type': 'LoadWeakAnnotations', 'kinds': ['scribbles']},
        {'type': 'RasterizeWeakAnnotations'},
        {'type': 'PackWeakSegInputs'},
    ]
    with pytest.raises(ValueError, match='nothing is labelled.*kinds that LoadWeakAnnotations reads'):
        build(root, pipeline=pipeline)


def test_labels_that_only_make_tags_count(root):
    write_labels(root, [{'file_name': 'a.jpg', 'points': [POINT]}, {'file_name': 'c.jpg', 'mask': 'masks/c.png'}])
    pipeline = [
        {'type': 'LoadImageFromFile'},
        {'type': 'LoadWeakAnnotations', 'kinds': ['tags'], 'tags_from': ['points', 'mask']},
        {'type': 'RasterizeWeakAnnotations'},
        {'type': 'PackWeakSegInputs'},
    ]
    dataset = build(root, pipeline=pipeline)
    tags = [dataset[index]['data_samples'].gt_tags.tolist() for index in range(2)]
    assert tags == [[1], [2]]
    assert all((dataset[index]['data_samples'].gt_sem_seg.data == 255).all() for index in range(2))
    assert len(dataset[0]['data_samples'].gt_points) == 0
    # A mask with a class that there is not, in an image that the check of 50 masks would leave out.
    save_mask(root / 'masks/c.png', 7)
    dataset = build(root, pipeline=pipeline, check_masks=False)
    with pytest.raises(ValueError, match=r'c.jpg: the image tags \[7\] are not classes: the data set has 3'):
        dataset[1]


BACKGROUND = {'x': 0, 'y': 0, 'class': 0}


@pytest.fixture
def lines(monkeypatch):
    """What data sets say when they are built."""
    said = []
    monkeypatch.setattr('mmseg_wsss.datasets.label_checks.print_log', lambda text, **_: said.append(text))
    return said


def test_classes_that_no_image_has_are_named(root, lines):
    write_labels(root, [{'file_name': 'a.jpg', 'points': [POINT, BACKGROUND]}])
    build(root, test_mode=True)
    assert lines == []
    build(root)
    assert len(lines) == 1
    assert lines[0].endswith('w.json: no image is labelled with dog: a model cannot learn these 1 of 3 classes')
    write_labels(root, [{'file_name': 'a.jpg', 'points': [POINT, BACKGROUND], 'tags': [1, 2]}])
    build(root)
    assert len(lines) == 1
    write_labels(root, [{'file_name': 'c.jpg', 'mask': 'masks/c.png'}])  # all dog
    build(root)
    assert 'no image is labelled with cat: a model cannot learn these 1 of 3' in lines[1]
    assert 'nothing is labelled background (class 0)' in lines[2]


def test_a_background_that_nobody_labelled_is_named(root, lines):
    write_labels(root, [{'file_name': 'a.jpg', 'points': [POINT, {**POINT, 'class': 2}]}])
    build(root)
    assert len(lines) == 1
    assert 'nothing is labelled background (class 0): a model that never learns it predicts an object' in lines[0]
    lines.clear()
    write_labels(root, [{'file_name': 'a.jpg', 'tags': [1, 2]}])  # no pixel is labelled anyway
    build(root)
    assert lines == []


@pytest.mark.parametrize('classes', [CLASSES, ('background', 'cat')])
def test_255_as_the_object_in_training_masks(root, classes):
    mask = np.zeros((6, 8), dtype=np.uint8)
    mask[2:4, 2:5] = 255
    Image.fromarray(mask).save(root / 'ann/a.png')
    for name in 'bcde':
        save_mask(root / f'ann/{name}.png', 0)
    settings = dict(
        weak_labels=None, metainfo={'classes': classes}, data_prefix={'img_path': 'img', 'seg_map_path': 'ann'}
    )
    message = (
        rf'(img|ann): the 5 masks hold the values 0 and 255 alone, and 255 means unlabelled: none of the classes '
        rf'{", ".join(classes[1:])} is in them. Is 255 the object\?: write class ids into the masks, 0 for background'
    )
    with pytest.raises(ValueError, match=message):
        build(root, **settings, use_dense_masks=True)
    with pytest.raises(ValueError, match=message):
        build(root, **settings, test_mode=True)
    assert len(build(root, **settings, test_mode=True, check_masks=False)) == 5


def test_one_object_in_a_mask_that_is_not_among_the_first_fifty(root):
    """What looks as if 255 were the object is looked at again in all masks."""
    images = []
    for number in range(60):
        save_image(root / f'img/m{number:03d}.jpg')
        mask = np.zeros((6, 8), dtype=np.uint8)
        mask[0] = 255
        mask[1] = 2 * (number == 5)
        Image.fromarray(mask).save(root / f'masks/m{number:03d}.png')
        images.append({'file_name': f'm{number:03d}.jpg', 'mask': f'masks/m{number:03d}.png'})
    write_labels(root, images)
    assert build(root).audit.counts.masks.num_read == 51
    Image.fromarray(np.where(mask == 255, 255, 0).astype(np.uint8)).save(root / 'masks/m005.png')
    with pytest.raises(ValueError, match='the 60 masks hold the values 0 and 255 alone'):
        build(root)


def test_255_beside_clicks_on_objects_is_a_warning(root, lines):
    mask = np.zeros((6, 8), dtype=np.uint8)
    mask[2:4] = 255
    Image.fromarray(mask).save(root / 'masks/c.png')
    clicks = [{'x': 2, 'y': 2, 'class': 1}, {'x': 2, 'y': 3, 'class': 2}]
    write_labels(root, [{'file_name': 'c.jpg', 'mask': 'masks/c.png', 'points': clicks}])
    build(root)
    assert ['Is 255 the object?' in line for line in lines] == [True]


def test_evaluation_masks_that_lack_classes(root, lines):
    prefix = {'img_path': 'img', 'seg_map_path': 'ann'}
    settings = {'weak_labels': None, 'test_mode': True, 'data_prefix': prefix, 'metainfo': {'classes': CLASSES}}
    build(root, **settings)
    assert lines == [
        f'{root}/ann: the 5 masks hold no pixel of background, cat: their IoU will be nan, or 0 where they are '
        'predicted'
    ]
    for name in 'abcde':
        save_mask(root / f'ann/{name}.png', 255)
    with pytest.raises(ValueError, match='every pixel of the 5 masks is 255, which means unlabelled'):
        build(root, **settings)


def test_masks_that_count_from_one(root):
    mask = np.ones((6, 8), dtype=np.uint8)
    mask[2:4] = 3
    Image.fromarray(mask).save(root / 'masks/c.png')
    with pytest.raises(
        ValueError, match=r'\[3\], .* They may count the classes from 1: then write every value less one'
    ):
        build(root)


def test_labels_that_contradict_each_other(root, lines):
    images = [
        {'file_name': 'c.jpg', 'mask': 'masks/c.png', 'points': [POINT, {'x': 0, 'y': 0, 'class': 2}, BACKGROUND]},
        {'file_name': 'a.jpg', 'boxes': [{'box': [0, 0, 3, 3], 'class': 1}], 'tags': [2]},
    ]
    write_labels(root, images)
    build(root)
    assert (
        "labels contradict each other (2): image 'c': the click (2, 1) of cat lies on dog in its mask; image 'a': a "
        'box of cat, and its tags are dog: correct the labels'
    ) in lines[0]


def test_one_class_is_refused(root):
    labels = {'version': 1, 'classes': [{'name': 'weed'}], 'images': [{'file_name': 'a.jpg', 'points': [BACKGROUND]}]}
    (root / 'w.json').write_text(json.dumps(labels))
    message = r"there is one class \(weed\), and class 0 is the background.* take classes=\('background', 'weed'\)"
    with pytest.raises(ValueError, match=message):
        build(root)


def test_tags_out_of_range_are_named(root):
    write_labels(root, [{'file_name': 'a.jpg', 'tags': [1]}, {'file_name': 'b.jpg', 'tags': [1, 3]}])
    with pytest.raises(ValueError, match=r"w.json: image 'b', tags\[1\]: class 3 is not one of the 3 classes"):
        build(root)


def test_masks_that_are_ignored_everywhere_label_nothing(root):
    save_mask(root / 'masks/c.png', 255)
    write_labels(root, [{'file_name': 'c.jpg', 'mask': 'masks/c.png'}])
    with pytest.raises(ValueError, match='nothing is labelled'):
        build(root)
    write_labels(root, [{'file_name': 'c.jpg', 'mask': 'masks/c.png'}, {'file_name': 'a.jpg', 'tags': [1]}])
    assert len(build(root)) == 2


def test_no_images_is_an_error(root):
    (root / 'split.txt').write_text('\n')
    with pytest.raises(ValueError, match='has no images: .*split.txt lists none'):
        build(root, ann_file='split.txt')


@pytest.mark.parametrize(
    ('settings', 'message'),
    [
        ({'weak_labels': None, 'metainfo': {'classes': CLASSES}}, 'has no labels to train on'),
        ({'weak_labels': None, 'test_mode': True}, 'needs metainfo=dict'),
        ({'unused_labels': 'ignore'}, "unused_labels must be one of 'stop', 'warn', got 'ignore'"),
        ({'check_masks': 'all'}, "check_masks must be True, False or 'sample', got 'all'"),
        ({'reduce_zero_label': True}, 'reduce_zero_label=True cannot be used with weak labels'),
        ({'ignore_index': 0}, 'ignore_index of a data set has no effect: unlabelled pixels are 255'),
        ({'backend_args': {'backend': 'petrel'}}, 'backend_args cannot be checked'),
        ({'weak_labels': {'format': 'csv', 'path': 'x'}}, "unknown weak-label format 'csv'"),
        ({'metainfo': {'classes': ('background', 'cat')}}, 'but the data set has'),
    ],
)
def test_wrong_settings_are_explained(root, settings, message):
    with pytest.raises(ValueError, match=message):
        build(root, **settings)


def test_an_unknown_argument_is_refused(root):
    with pytest.raises(TypeError, match='use_dense_mask'):
        build(root, use_dense_mask=True)


def test_the_pipeline_is_checked_before_any_file_is_read(root):
    (root / 'w.json').unlink()
    with pytest.raises(ValueError, match='have LoadWeakAnnotations exactly once, but this one has it 0 times'):
        build(root, metainfo={'classes': CLASSES}, pipeline=[len])


# ---------------------------------------------------------------- numbers


def test_class_frequencies_count_labelled_pixels(root):
    """Two clicks (0, 1), a scribble of length 5 (2), a mask of 48 pixels (2)."""
    np.testing.assert_allclose(build(root).class_frequencies(), np.array([1, 1, 53]) / 55)


def test_class_frequencies_fall_back_to_boxes_then_tags(root):
    boxes = [{'box': [0, 0, 1, 1], 'class': 1}] * 3 + [{'box': [0, 0, 1, 1], 'class': 2}]
    write_labels(root, [{'file_name': 'a.jpg', 'boxes': boxes, 'tags': [2]}])
    np.testing.assert_allclose(build(root).class_frequencies(), [0, 0.75, 0.25])
    write_labels(root, [{'file_name': 'a.jpg', 'tags': [2]}, {'file_name': 'b.jpg', 'tags': [1, 2]}])
    np.testing.assert_allclose(build(root).class_frequencies(), [0, 1 / 3, 2 / 3])


def test_class_frequencies_count_only_the_images_in_use(root):
    (root / 'split.txt').write_text('a')
    np.testing.assert_allclose(build(root, ann_file='split.txt').class_frequencies(), [0.5, 0.5, 0])
    np.testing.assert_allclose(build(root, indices=1).class_frequencies(), [0.5, 0.5, 0])


def test_some_classes_alone(root):
    boxes = [{'box': [0, 0, 3, 3], 'class': 1}, {'box': [2, 2, 5, 5], 'class': 2}]
    images = [
        {'file_name': 'a.jpg', 'boxes': boxes, 'points': [POINT, {'x': 0, 'y': 0, 'class': 0}], 'tags': [1, 2]},
        {'file_name': 'b.jpg', 'boxes': boxes[1:], 'scribbles': [{'points': [[0, 0], [3, 4]], 'class': 2}]},
        {'file_name': 'c.jpg', 'boxes': boxes[:1]},
    ]
    write_labels(root, images)
    prefix = {'img_path': 'img', 'seg_map_path': 'ann'}
    dogs = build(root, data_prefix=prefix, only_classes=['dog'])
    infos = [dogs.get_data_info(index) for index in range(len(dogs))]
    assert [info['sample_id'] for info in infos] == ['a', 'b']
    first = infos[0]['weak_annotations']
    assert (first.box_labels.tolist(), first.boxes.tolist()) == ([2], [[2, 2, 5, 5]])
    assert (first.point_labels.tolist(), first.tags) == ([0], (2,))
    assert infos[1]['weak_annotations'].polyline_labels.tolist() == [2]
    assert all(info['label_map'] == {1: 0} for info in infos)
    assert tuple(dogs.metainfo['classes']) == CLASSES
    cats = build(root, only_classes=['cat'], without_classes=['dog'])
    assert [cats.get_data_info(index)['sample_id'] for index in range(len(cats))] == ['c']
    no_dogs = build(root, without_classes=['dog'])
    assert (len(no_dogs), no_dogs.get_data_info(0)['label_map']) == (1, None)
    # the mask is all dog (2): background for who asks for cats
    save_mask(root / 'ann/c.png', 2)
    pipeline = [{'type': 'LoadImageFromFile'}, {'type': 'LoadAnnotations'}]
    shown = build(root, data_prefix=prefix, only_classes=['cat'], test_mode=True, pipeline=pipeline)
    assert np.unique(shown[1]['gt_seg_map']).tolist() == [0]


def test_frequencies_of_some_classes_are_those_of_the_masks_in_training(root):
    save_mask(root / 'ann/a.png', 1)
    write_labels(root, [{'file_name': f'{key}.jpg', 'tags': [1]} for key in 'ac'])
    prefix = {'img_path': 'img', 'seg_map_path': 'ann'}
    cats = build(root, data_prefix=prefix, only_classes=['cat'], use_dense_masks=True)
    np.testing.assert_allclose(cats.class_frequencies(), [0.5, 0.5, 0])  # the mask of c is all dog


def test_wrong_choices_of_classes(root):
    with pytest.raises(ValueError, match=r"\['cow'\] are not foreground classes: choose from cat, dog"):
        build(root, only_classes=['cow'])
    with pytest.raises(ValueError, match='are not foreground classes'):
        build(root, without_classes=['background'])
    with pytest.raises(ValueError, match='only_classes and without_classes need weak_labels'):
        build(root, weak_labels=None, test_mode=True, only_classes=['cat'], metainfo={'classes': CLASSES})
    with pytest.raises(ValueError, match='WeakSegDataset has no images'):
        build(root, only_classes=['cat'], without_classes=['cat'])


def test_more_classes_than_masks_can_hold(root):
    classes = tuple(f'c{index}' for index in range(256))
    with pytest.raises(ValueError, match='there are 256 classes, and masks of 8 bits hold 255 at most'):
        build(root, metainfo={'classes': classes})


def test_images_of_a_folder_in_any_case_without_hidden_ones(root):
    (root / 'img/e.jpg').rename(root / 'img/e.JPG')
    save_image(root / 'img/.hidden.jpg')
    settings = {'weak_labels': None, 'metainfo': {'classes': CLASSES}, 'test_mode': True}
    dataset = build(root, **settings)
    assert [dataset.get_data_info(i)['img_path'].rpartition('img')[2][1:] for i in range(len(dataset))] == [
        *(f'{name}.jpg' for name in 'abcd'),
        'e.JPG',
    ]
    assert 'left out: 1 hidden files (.hidden.jpg)' in str(dataset.audit.findings()[0])
    save_image(root / 'img/e.jpg')
    with pytest.raises(ValueError, match="image 'e' appears twice"):
        build(root, **settings)


def test_what_a_reader_leaves_out_is_in_the_audit(root):
    boxes = [{'id': i, 'image_id': 1, 'category_id': 1, 'bbox': [1, 1, 3, 3], 'iscrowd': i} for i in (0, 1)]
    content = {
        'images': [{'id': 1, 'file_name': 'a.jpg'}], 'annotations': boxes, 'categories': [{'id': 1, 'name': 'cat'}]
    }  # fmt: skip
    (root / 'coco.json').write_text(json.dumps(content))
    dataset = build(root, weak_labels={'format': 'coco', 'path': 'coco.json'}, metainfo={'classes': CLASSES})
    notes = [str(finding) for finding in dataset.audit.findings() if finding.level == 'note']
    assert len(notes) == 1
    assert 'coco.json: left out: 1 annotations with iscrowd, which --crowd (crowd=True) keeps' in notes[0]
