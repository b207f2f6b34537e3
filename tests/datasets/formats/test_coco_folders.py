"""Folders with several COCO files: which of them are read, and where their images are."""

import json

import pytest

from mmseg_wsss.datasets.formats import read_labels, recognise_format
from mmseg_wsss.datasets.formats.coco_folders import annotation_files, image_folder, splits_of_files
from tests.helpers.miniatures import noisy_photo, save

CLASSES = 'background', 'crop'


def write(root, name, *images, without=()):
    objects = [
        {'id': index, 'image_id': index, 'category_id': 1, 'bbox': [4, 5, 20, 10]} for index in range(len(images))
    ]
    content = {
        'images': [{'id': index, 'file_name': name, 'width': 64, 'height': 48} for index, name in enumerate(images)],
        'annotations': objects,
        'categories': [{'id': 1, 'name': 'crop'}],
    }
    path = root / 'annotations' / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps({key: value for key, value in content.items() if key not in without}))


@pytest.mark.parametrize(
    ('names', 'found'),
    [
        (('train', 'val', 'test', 'trainval', 'all'), ['train', 'val']),
        (('train', 'test'), ['train']),
        (('site1', 'site2', 'test'), ['site1', 'site2', 'test']),
        (('instances_train2017', 'captions_train2017'), ['instances_train2017']),
        (('train', 'captions_train'), []),
        (('instances_train2017',), []),
    ],
)
def test_files_of_one_folder(tmp_path, names, found):
    """A file of a test often has no annotations, and ``trainval`` the same images as those of its parts."""
    for name in names:
        write(tmp_path, f'{name}.json', 'a.png', without=('annotations', 'categories') if 'captions' in name else ())
    assert [path.stem for path in annotation_files(tmp_path)] == found


def test_images_that_are_not_on_disk(tmp_path):
    """Of a large data set, people often have a part; the first image may be missing."""
    write(tmp_path, 'train.json', *(f'{number}.png' for number in range(100)))
    write(tmp_path, 'val.json', 'a.png')
    for number in range(50, 100):
        save(tmp_path / f'images/train/{number}.png', noisy_photo())
    file, names = tmp_path / 'annotations/train.json', [f'{number}.png' for number in range(100)]
    assert image_folder(tmp_path, file, names) == 'images/train'
    with pytest.raises(FileNotFoundError, match=r"train.json: its first image '0.png' is not in .*: give the folder"):
        image_folder(tmp_path, file, names[:50])


def test_images_in_a_folder_of_their_split(tmp_path):
    """The names repeat in both splits, so that only the folder of the split has the right ones."""
    for split in 'train', 'val':
        write(tmp_path, f'{split}.json', 'a.png')
        save(tmp_path / f'{split}/images/a.png', noisy_photo())
    labels = read_labels({'format': 'coco', 'path': str(tmp_path)}, CLASSES)
    assert splits_of_files(tmp_path, labels) == {'train/images/a': 'train', 'val/images/a': 'val'}


def test_the_splits_of_images_in_folders_of_windows(tmp_path):
    for split in 'train', 'val':
        write(tmp_path, f'{split}.json', f'{split}\\a.png')
        save(tmp_path / f'images/{split}/a.png', noisy_photo())
    labels = read_labels({'format': 'coco', 'path': str(tmp_path)}, CLASSES)
    assert splits_of_files(tmp_path, labels) == {'images/train/a': 'train', 'images/val/a': 'val'}
    assert recognise_format(tmp_path).name == 'coco'
