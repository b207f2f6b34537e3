"""Labels and masks whose class ids fit each other."""

import json
from pathlib import Path

import numpy as np
import pytest

from mmseg_wsss.datasets.own_data.folders import Folders, find_folders
from mmseg_wsss.datasets.own_data.gathering import gather, whole_masks, with_empty_class
from mmseg_wsss.datasets.own_data.pairing import find_masks
from mmseg_wsss.datasets.own_data.splitting import split_images
from mmseg_wsss.structures import ImageEntry, WeakAnnotations, WeakLabelSet
from tests.helpers.miniatures import noisy_photo, save, voc_xml
from tests.helpers.one_of_each import CLASSES, write_own_data


def test_masks_may_have_an_ending(tmp_path):
    for name in ('a', 'b'):
        save(tmp_path / f'images/{name}.png', noisy_photo())
        save(tmp_path / f'masks/{name}_L.png', np.zeros((48, 64), np.uint8))
    assert list(find_masks(find_folders(tmp_path))) == ['a', 'b']
    (tmp_path / 'masks/a_L.png').rename(tmp_path / 'masks/q.png')
    (tmp_path / 'masks/b_L.png').unlink()
    with pytest.raises(ValueError, match='no mask in .* has the name of an image'):
        find_masks(find_folders(tmp_path))


def test_an_empty_class_is_put_before_classes_without_a_background(tmp_path):
    labels = WeakAnnotations(
        points=[[1, 2]], point_labels=[0], boxes=[[0, 0, 9, 9]], box_labels=[1], tags=(0, 1), polylines=[[[0, 0]]],
        polyline_labels=[1],
    )  # fmt: skip
    found = with_empty_class(WeakLabelSet(('sky', 'road'), None, {'a': ImageEntry('a.png', annotations=labels)}))
    one = found.images['a'].annotations
    assert found.classes == ('background', 'sky', 'road')
    assert [one.point_labels.tolist(), one.box_labels.tolist(), one.polyline_labels.tolist()] == [[1], [2], [2]]
    assert one.tags == (1, 2)


def test_masks_alone_are_labels_and_need_names(tmp_path):
    save(tmp_path / 'images/a.png', noisy_photo())
    save(tmp_path / 'masks/a.png', np.ones((48, 64), np.uint8))
    folders = find_folders(tmp_path)
    with pytest.raises(ValueError, match='do not name their classes: name them with --classes'):
        gather(folders)
    found = gather(folders, ('background', 'cell'))
    assert found.labels.images['a'].annotations.mask_path == str(tmp_path / 'masks/a.png')
    assert (found.background, found.ids.is_plain) == (True, True)
    shifted = gather(folders, ('sky', 'cell'))
    assert (shifted.background, shifted.labels.classes) == (False, ('background', 'sky', 'cell'))
    assert gather(folders, ('sky', 'cell'), background=True).background


@pytest.mark.parametrize('name', ['val', 'masks'])
def test_masks_of_another_size_than_their_image_are_an_error(tmp_path, name):
    root = write_own_data(tmp_path)
    save(root / f'masks/{name}.png', np.zeros((24, 32), np.uint8))
    with pytest.raises(
        ValueError,
        match=rf"image '{name}': its mask .*{name}.png is 32 x 24, the image 64 x 48 .*Save the masks in that size",
    ):
        gather(find_folders(root))


def test_labels_of_images_that_are_not_there_are_left_out_and_counted(tmp_path):
    root = write_own_data(tmp_path)
    Path(root / 'images/tags.jpg').unlink()
    found = gather(find_folders(root))
    assert 'tags' not in found.labels.images
    assert any('1 labelled images are not in' in line and 'tags.jpg' in line for line in found.says)
    assert found.labels.classes == CLASSES
    assert found.labels.images['boxes'].size == (64, 48)


def write_masked(root, *names, masks=('a.png', 'b.png')):
    for name in names:
        save(root / 'images' / name, noisy_photo())
    for name in masks:
        save(root / 'masks' / name, np.eye(48, 64, dtype=np.uint8))
    return find_folders(root)


def test_images_of_several_suffixes_have_masks(tmp_path):
    found = gather(write_masked(tmp_path, 'a.png', 'b.JPG', 'c.tif', 'd.png'), ('background', 'cell'))
    assert {key: entry.file_name for key, entry in found.labels.images.items()} == {'a': 'a.png', 'b': 'b.JPG'}
    assert found.labels.images['b'].size == (64, 48)
    assert f'2 images have no label and no mask, and are not used (first: {tmp_path}/images/c.tif)' in found.says


@pytest.mark.parametrize(
    ('images', 'masks', 'names'),
    [
        (('a.jpg', 'a.png', 'b.png'), ('a.png',), 'images/a.jpg, .*images/a.png'),
        (('a.jpg', 'b.jpg'), ('a.png', 'b.png', 'b.tif'), 'masks/b.png, .*masks/b.tif'),
    ],
)
def test_a_mask_that_may_belong_to_two_images_is_an_error(tmp_path, images, masks, names):
    with pytest.raises(ValueError, match=f'{names} have the same name: only the suffix tells them apart'):
        gather(write_masked(tmp_path, *images, masks=masks), ('background', 'cell'))


def test_masks_and_labels_below_the_folder_of_the_images_are_not_counted_as_images(tmp_path):
    save(tmp_path / 'a.png', noisy_photo())
    save(tmp_path / 'masks/a.png', np.eye(48, 64, dtype=np.uint8))
    assert not any('not used' in line for line in gather(find_folders(tmp_path), ('background', 'cell')).says)


def test_painted_labels_beside_masks(tmp_path):
    save(tmp_path / 'images/a.png', noisy_photo())
    painted = np.full((48, 64), 255, np.uint8)
    painted[3, 4], painted[20, 30] = 0, 1
    truth = np.zeros((48, 64), np.uint8)
    truth[10:30, 10:40] = 1
    save(tmp_path / 'labels/a.png', painted)
    save(tmp_path / 'masks/a.png', truth)
    found = gather(find_folders(tmp_path), ('background', 'cell'))
    assert found.labels.images['a'].annotations.points.tolist() == [[4, 3], [30, 20]]
    assert list(found.masks) == ['a']


def test_names_and_ids_are_not_guessed(tmp_path):
    save(tmp_path / 'images/a.jpg', noisy_photo(size=(40, 44)))
    save(tmp_path / 'masks/a.png', np.ones((40, 44), np.uint8))
    (tmp_path / 'annotations').mkdir()
    (tmp_path / 'annotations/a.xml').write_text(voc_xml('cat'))
    says = 'say which id is which with --classes, id 0 first, from the names background, cat'
    with pytest.raises(ValueError, match=f'{says}; if the ids are those of voc: --classes voc$'):
        gather(find_folders(tmp_path))
    (tmp_path / 'annotations/a.xml').write_text(voc_xml('weed'))
    with pytest.raises(ValueError, match='from the names background, weed$'):
        gather(find_folders(tmp_path))
    (tmp_path / 'annotations/a.xml').write_text(voc_xml('cat'))
    assert gather(find_folders(tmp_path), ('background', 'cat')).labels.images['a'].annotations.box_labels.tolist() == [
        1
    ]


def test_masks_beside_other_labels_are_not_measured_against():
    kinds = {
        'whole': WeakAnnotations(mask_path='m/a.png'),
        'tagged': WeakAnnotations(mask_path='m/b.png', tags=(1,)),
        'clicked': WeakAnnotations(mask_path='m/c.png', points=[[1, 2]], point_labels=[1]),
        'tags': WeakAnnotations(tags=(1,)),
    }
    entries = {key: ImageEntry(f'{key}.png', annotations=one) for key, one in kinds.items()}
    found = whole_masks(WeakLabelSet(('background', 'cat'), None, entries))
    assert found == {'whole': Path('m/a.png'), 'tagged': Path('m/b.png')}
    assert set(whole_masks(WeakLabelSet(('background', 'cat'), None, entries), beside_others=True)) == {
        *found,
        'clicked',
    }


def test_outlines_of_coco_are_measured_against_beside_boxes(tmp_path):
    """Each object of COCO has a box and most have an outline; the inside of a box alone is unlabelled in the mask."""
    images, objects = [], []
    for index in range(3):
        save(tmp_path / f'images/{index}.png', noisy_photo())
        images.append({'id': index, 'file_name': f'{index}.png', 'width': 64, 'height': 48})
        outline = {'bbox': [4, 5, 20, 10], 'segmentation': [[4, 5, 24, 5, 24, 15]]}
        objects.append({'id': len(objects), 'image_id': index, 'category_id': 1, **outline})
    objects.append({'id': 9, 'image_id': 2, 'category_id': 1, 'bbox': [40, 20, 10, 10]})
    content = {'images': images, 'annotations': objects, 'categories': [{'id': 1, 'name': 'crop'}]}
    (tmp_path / 'instances.json').write_text(json.dumps(content))
    found = gather(find_folders(tmp_path), outlines=tmp_path / 'outlines')
    assert sorted(found.masks) == ['0', '1', '2']
    boxes = {key: entry.annotations.boxes.tolist() for key, entry in found.labels.images.items()}
    assert boxes == {'0': [], '1': [], '2': [[40, 20, 49, 29]]}


@pytest.mark.parametrize('shared', [False, True])
def test_coco_files_beside_the_images(tmp_path, shared):
    """The folders of COCO itself, and those of MMDetection's own data, with one folder for all images."""
    number = 0
    for split, count in (('train2017', 4), ('val2017', 2)):
        images, objects = [], []
        for _ in range(count):
            number += 1
            save(tmp_path / ('images' if shared else split) / f'{number}.png', noisy_photo())
            images.append({'id': number, 'file_name': f'{number}.png', 'width': 64, 'height': 48})
            outline = {'bbox': [4, 5, 20, 10], 'segmentation': [[4, 5, 24, 5, 24, 15]], 'category_id': 1}
            objects.append({'id': number, 'image_id': number, **outline})
        content = {'images': images, 'annotations': objects, 'categories': [{'id': 1, 'name': 'crop'}]}
        content_of_test = {key: content[key] for key in ('images', 'categories')}
        (tmp_path / 'annotations').mkdir(exist_ok=True)
        (tmp_path / 'annotations/instances_test.json').write_text(json.dumps(content_of_test))
        for kind in 'instances', 'person_keypoints':
            (tmp_path / f'annotations/{kind}_{split}.json').write_text(json.dumps(content))
    found = gather(find_folders(tmp_path), outlines=tmp_path / 'outlines')
    where = ('images', 'images') if shared else ('train2017', 'val2017')
    train, val = [f'{where[0]}/{index}' for index in (1, 2, 3, 4)], [f'{where[1]}/{index}' for index in (5, 6)]
    assert sorted(found.masks) == sorted([*train, *val])
    assert split_images(list(found.labels.images), list(found.masks), splits=found.splits) == (
        train,
        val,
        '4 images are for training and 2 for validation, by the names of their files',
    )
    with pytest.raises(
        FileNotFoundError, match=r"instances_train2017.json: its first image '1.png' is not in .*: give"
    ):
        gather(Folders(tmp_path, '.png', tmp_path / 'annotations', None), outlines=tmp_path / 'others')
