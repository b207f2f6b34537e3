"""Arrays of image tags, and the pickles that are not loaded."""

import subprocess
import sys

import numpy as np
import pytest

from mmseg_wsss.datasets.formats import read_labels, recognise_format

CLASSES = ('background', 'crop', 'weed')
IDS = ['2007_000032', 'field/1']


def read(tmp_path, values):
    path = tmp_path / 'cls_labels.npy'
    np.save(path, values, allow_pickle=True)
    (tmp_path / 'train.txt').write_text('\n'.join(IDS))
    source = {'format': 'tags_npy', 'path': str(path), 'ids': str(tmp_path / 'train.txt')}
    return {entry.file_name: entry.annotations.tags for entry in read_labels(source, CLASSES).images.values()}


@pytest.mark.parametrize('values', [[[0, 1], [0, 0]], [[1.0, 0.0, 1.0], [1.0, 0.0, 0.0]]])
def test_rows_are_images_and_columns_classes(tmp_path, values):
    assert read(tmp_path, np.array(values)) == {'2007_000032.jpg': (2,), 'field/1.jpg': ()}
    assert recognise_format(tmp_path / 'cls_labels.npy').name == 'tags_npy'


def test_a_pickle_is_refused_and_its_cure_works(tmp_path):
    """``cls_labels.npy`` of IRN: a dictionary of vectors without the background."""
    rows = {'2007_000032': np.array([0.0, 1.0], np.float32), 'b': np.array([1.0, 1.0], np.float32)}
    with pytest.raises(
        ValueError, match='holds pickled Python objects, which may run code and are not loaded'
    ) as error:
        read(tmp_path, rows)
    assert str(tmp_path / 'cls_labels.npy') in str(error.value)
    code = str(error.value).split('python -c "')[1].split('" > tags.txt')[0]
    done = subprocess.run([sys.executable, '-c', code], capture_output=True, text=True, check=True)
    assert done.stdout == '2007_000032,1\nb,0,1\n'
    (tmp_path / 'tags.txt').write_text(done.stdout)
    tags = read_labels({'format': 'tags_txt', 'path': str(tmp_path / 'tags.txt'), 'first_id': 1}, CLASSES).images
    assert {key: entry.annotations.tags for key, entry in tags.items()} == {'2007_000032': (2,), 'b': (1, 2)}


def test_wrong_arrays_are_named(tmp_path):
    for values, message in (
        (np.zeros((3, 2)), r'expected 2 rows, as many as .*train.txt has ids, and 2 columns .* or 3, got .*\(3, 2\)'),
        (np.zeros((2, 4)), r'got the shape \(2, 4\)'),
        (np.zeros(2), r'got the shape \(2,\)'),
        (np.array([['a', 'b']] * 2), 'expected an array of numbers, got <U1'),
    ):
        with pytest.raises(ValueError, match=message):
            read(tmp_path, values)
    with pytest.raises(ValueError, match='an array does not name its images: --ids FILE'):
        read_labels({'format': 'tags_npy', 'path': str(tmp_path / 'cls_labels.npy')}, CLASSES)


@pytest.mark.parametrize('data', [b'', b'PK\x03\x04', b'\x93NUMPY\x01\x00', b'\x80\x04N.', b'text'])
def test_damaged_files_are_named(tmp_path, data):
    read(tmp_path, np.zeros((2, 2)))
    (tmp_path / 'cls_labels.npy').write_bytes(data)
    with pytest.raises(ValueError, match=r'cls_labels.npy is not an array of numbers'):
        read_labels(
            {'format': 'tags_npy', 'path': str(tmp_path / 'cls_labels.npy'), 'ids': str(tmp_path / 'train.txt')},
            CLASSES,
        )


def test_an_array_that_is_shorter_than_its_header_says(tmp_path):
    read(tmp_path, np.zeros((2, 2)))
    path = tmp_path / 'cls_labels.npy'
    path.write_bytes(path.read_bytes()[:-8])
    with pytest.raises(ValueError, match='is not an array of numbers: it cannot be read as one'):
        read_labels({'format': 'tags_npy', 'path': str(path), 'ids': str(tmp_path / 'train.txt')}, CLASSES)
