"""Folders of pseudo-labels as labels of the next training."""

import json

import numpy as np
import pytest
from PIL import Image

from mmseg_wsss.cli.main import main
from mmseg_wsss.datasets.formats import read_labels, read_source_classes, recognise_format
from mmseg_wsss.datasets.formats.registry import normalise_source
from mmseg_wsss.datasets.index_file import FolderIndex
from mmseg_wsss.datasets.own_data.reading import read_any
from mmseg_wsss.datasets.pseudo_label_files import write_index, write_pseudo_label
from mmseg_wsss.datasets.weak_seg_dataset import WeakSegDataset

CLASSES = ('background', 'cat', 'dog')
PALETTE = ((0, 0, 0), (64, 0, 0), (64, 0, 128))
VALUES = np.array([[0, 1, 2, 255], [0, 0, 2, 2]])


@pytest.fixture
def folder(tmp_path):
    """Pseudo-labels of two images, one of them in a folder and with a suffix of its own."""
    images = {}
    for key, name in (('a', 'a.jpg'), ('street/b', 'street/b_left.png')):
        write_pseudo_label(tmp_path / 'labels', key, VALUES, np.ones(VALUES.shape), PALETTE)
        images[key] = {'file_name': name, 'width': 4, 'height': 2}
        (tmp_path / 'images' / name).parent.mkdir(parents=True, exist_ok=True)
        Image.new('RGB', (4, 2), (90, 80, 70)).save(tmp_path / 'images' / name)
    write_index(tmp_path / 'labels', FolderIndex(CLASSES, PALETTE, images, {'split': 'train'}))
    return tmp_path / 'labels'


def test_they_give_the_order_of_the_classes(folder):
    found = read_any(folder, None, '.jpg')
    assert (found.ordered, found.labels.classes, found.labels.palette) == (True, CLASSES, PALETTE)


def test_two_images_of_one_id_are_an_error(folder):
    """Such as two folders that were joined by hand."""
    index = json.loads((folder / 'pseudo_labels.json').read_text())
    index['images'].append({**index['images'][0], 'file_name': 'c.jpg'})
    (folder / 'pseudo_labels.json').write_text(json.dumps(index))
    with pytest.raises(ValueError, match=r"pseudo_labels.json is damaged .*the image id 'a' appears twice"):
        read_labels(str(folder))


@pytest.mark.parametrize('path', ['labels', 'labels/pseudo_labels.json'])
@pytest.mark.parametrize('settings', [{}, {'format': 'pseudo_labels'}])
def test_the_masks_are_read_with_their_classes(folder, path, settings):
    source = {'path': str(folder.parent / path), **settings} if settings else str(folder.parent / path)
    labels = read_labels(source)
    assert (labels.classes, labels.palette) == (CLASSES, PALETTE)
    assert {key: (entry.file_name, entry.size) for key, entry in labels.images.items()} == {
        'a': ('a.jpg', (4, 2)),
        'street/b': ('street/b_left.png', (4, 2)),
    }
    for key, entry in labels.images.items():
        assert entry.annotations.mask_path == str(folder / 'masks' / f'{key}.png')
        assert np.array_equal(np.asarray(Image.open(entry.annotations.mask_path)), VALUES)
    assert read_source_classes(normalise_source(path, str(folder.parent))) == (CLASSES, PALETTE)


def test_the_folder_is_recognised_and_a_folder_of_masks_is_not(folder):
    assert recognise_format(folder).name == 'pseudo_labels'
    assert recognise_format(folder / 'pseudo_labels.json').name == 'pseudo_labels'
    assert recognise_format(folder / 'masks').name == 'index_png'


def test_a_data_set_takes_the_folder_in_the_place_of_a_label_file(folder):
    dataset = WeakSegDataset(
        weak_labels='labels', data_root=str(folder.parent), data_prefix={'img_path': 'images'}, pipeline=[]
    )
    assert dataset.metainfo['classes'] == CLASSES
    assert [dataset[i]['sample_id'] for i in range(len(dataset))] == ['a', 'street/b']


def test_commands_take_the_folder(folder, capsys):
    images, output = str(folder.parent / 'images'), folder.parent / 'second.json'
    assert main(['check', str(folder), '--images', images, '--all-masks']) == 0
    assert '2 images' in capsys.readouterr().out
    assert main(['convert', 'auto', str(folder), '--images', images, '-o', str(output)]) == 0
    labels = read_labels(str(output))
    assert (labels.classes, labels.palette) == (CLASSES, PALETTE)
    assert labels.images['a'].annotations.mask_path == str(folder / 'masks/a.png')


def test_classes_in_another_order_are_an_error(folder):
    with pytest.raises(ValueError, match=r"has the classes .*'cat', 'dog'.*, and not .*'dog', 'cat'.*Leave the"):
        read_labels(str(folder), ('background', 'dog', 'cat'))


def test_a_missing_mask_is_an_error(folder):
    (folder / 'masks/street/b.png').unlink()
    with pytest.raises(FileNotFoundError, match=r"the pseudo-label of 'street/b' not found: .*street/b.png"):
        read_labels(str(folder))


def test_a_folder_that_is_not_complete_is_an_error(folder):
    (folder / 'pseudo_labels.json').unlink()
    with pytest.raises(
        FileNotFoundError, match=r'pseudo_labels.json is missing, so .*labels is not complete: "wsss ps'
    ):
        read_labels({'format': 'pseudo_labels', 'path': str(folder)})


@pytest.mark.parametrize(
    ('key', 'value', 'message'),
    [('width', -4, 'width must'), ('file_name', '../a.jpg', 'file_name'), ('file_name', None, 'file_name must be')],
)
def test_a_damaged_index_is_an_error(folder, key, value, message):
    content = json.loads((folder / 'pseudo_labels.json').read_text())
    content['images'][0][key] = value
    (folder / 'pseudo_labels.json').write_text(json.dumps(content))
    with pytest.raises(ValueError, match=rf"pseudo_labels.json, image 'a': {message}"):
        read_labels(str(folder))
