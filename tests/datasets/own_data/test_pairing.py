"""Images and masks whose names differ in an ending or a folder."""

import json

import numpy as np
import pytest

from mmseg_wsss.datasets.own_data.folders import find_folders
from mmseg_wsss.datasets.own_data.gathering import gather
from mmseg_wsss.datasets.own_data.pairing import find_masks, images_by_id, paired
from tests.helpers.miniatures import noisy_photo, save

CLASSES = 'background', 'crop'
MASK = np.eye(48, 64, dtype=np.uint8)


@pytest.mark.parametrize(
    ('image', 'mask', 'key', 'suffix'),
    [
        ('images/{}.jpg', 'masks/{}.png', '{}', '.jpg'),
        ('images/{}.jpg', 'masks/{}_labels.png', '{}', '.jpg'),
        ('images/{}_rgb.jpg', 'masks/{}_rgb.png', '{}_rgb', '.jpg'),
        ('images/{}_rgb.jpg', 'masks/{}.png', '{}', '_rgb.jpg'),
        ('images/{}_rgb.jpg', 'masks/{}-classes.png', '{}', '_rgb.jpg'),
        ('images/{}_2020_rgb.jpg', 'masks/{}_2020.png', '{}_2020', '_rgb.jpg'),
        ('images/{}_2020_rgb.jpg', 'masks/{}_2020_classes.png', '{}_2020', '_rgb.jpg'),
        ('imagesTr/{}_0000.png', 'labelsTr/{}.png', '{}', '_0000.png'),
        ('leftImg8bit/train/{}_leftImg8bit.png', 'gtFine/train/{}_gtFine_labelIds.png', 'train/{}', '_leftImg8bit.png'),
        ('train/images/{}.jpg', 'train/masks/{}.png', 'train/images/{}', '.jpg'),
        ('train/images/{}.jpg', 'train/labels/{}_mask.png', 'train/images/{}', '.jpg'),
        ('train/{}.jpg', 'train_labels/{}.png', 'train/{}', '.jpg'),
        ('train/{}.jpg', 'trainannot/{}.png', 'train/{}', '.jpg'),
    ],
)
def test_names_and_folders(tmp_path, image, mask, key, suffix):
    for name in 'a_1', 'b':
        save(tmp_path / image.format(name), noisy_photo())
        save(tmp_path / mask.format(name), MASK)
    found = paired(find_folders(tmp_path))
    assert found.suffix == suffix
    assert find_masks(found) == {key.format(name): tmp_path / mask.format(name) for name in ('a_1', 'b')}
    assert images_by_id(found) == {key.format(name): [tmp_path / image.format(name)] for name in ('a_1', 'b')}
    gathered = gather(found, CLASSES)
    assert {entry.file_name for entry in gathered.labels.images.values()} == {
        (tmp_path / image.format(name)).relative_to(found.images).as_posix() for name in ('a_1', 'b')
    }


def test_of_two_masks_of_cityscapes_that_of_training_is_taken(tmp_path):
    save(tmp_path / 'leftImg8bit/a_leftImg8bit.png', noisy_photo())
    for kind in 'labelIds', 'labelTrainIds', 'instanceIds':
        save(tmp_path / f'gtFine/a_gtFine_{kind}.png', MASK)
    save(tmp_path / 'gtFine/a_gtFine_color.png', noisy_photo())
    save(tmp_path / 'leftImg8bit/b_leftImg8bit.png', noisy_photo())
    assert find_masks(paired(find_folders(tmp_path)))['a'].name == 'a_gtFine_labelTrainIds.png'


def test_labels_of_splits_are_measured_with_masks_beside_them(tmp_path):
    for split in 'train', 'val':
        save(tmp_path / split / 'images/a.jpg', noisy_photo())
        save(tmp_path / split / 'masks/a.png', MASK)
    (tmp_path / 'weak_labels.json').touch()
    assert find_folders(tmp_path).labels == tmp_path / 'weak_labels.json'


def test_splits_without_masks_are_none(tmp_path):
    save(tmp_path / 'train/a.jpg', noisy_photo())
    save(tmp_path / 'train_masks/a.png', noisy_photo())
    with pytest.raises(FileNotFoundError, match=r'no labels beside .*train'):
        find_folders(tmp_path)


def test_labels_that_name_images_completely_belong_to_the_masks(tmp_path):
    """Without it, the images of the training would be those of the validation, under other ids."""
    for name in 'a', 'b':
        save(tmp_path / f'images/{name}_rgb.jpg', noisy_photo())
        save(tmp_path / f'masks/{name}.png', MASK)
    content = {
        'images': [{'id': index, 'file_name': f'{name}_rgb.jpg'} for index, name in enumerate('ab')],
        'annotations': [{'id': 0, 'image_id': 0, 'category_id': 1, 'bbox': [4, 5, 20, 10]}],
        'categories': [{'id': 1, 'name': 'crop'}],
    }
    (tmp_path / 'boxes.json').write_text(json.dumps(content))
    gathered = gather(paired(find_folders(tmp_path)), CLASSES)
    assert list(gathered.labels.images) == list(gathered.masks) == ['a', 'b']
    assert gathered.labels.images['a'].file_name == 'a_rgb.jpg'
    assert gathered.labels.images['a'].annotations.boxes.tolist() == [[4, 5, 23, 14]]


def test_masks_that_an_earlier_init_wrote_are_no_images(tmp_path):
    for place in 'train/images', 'out/masks_of_classes/train/images', 'out/masks_of_outlines/train/images':
        save(tmp_path / place / 'a.png', noisy_photo())
    save(tmp_path / 'train/masks/a.png', MASK)
    assert [*images_by_id(paired(find_folders(tmp_path)))] == ['train/images/a']
