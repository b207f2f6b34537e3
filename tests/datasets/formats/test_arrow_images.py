"""The images of Arrow files are a mapping as a dict is."""

import copy
import os
import pickle
from dataclasses import replace

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given, settings

from mmseg_wsss.datasets.formats import arrow_table, read_labels
from mmseg_wsss.datasets.formats.arrow_images import ArrowImages, ByPosition
from mmseg_wsss.datasets.formats.arrow_table import write_labels
from mmseg_wsss.structures import WeakLabelSet, image_id
from tests.helpers.label_sets import CLASSES, NAMES, every_kind, label_sets, same_labels


@pytest.fixture
def images(tmp_path, monkeypatch):
    monkeypatch.setattr(arrow_table, 'BATCH_ROWS', 2)
    write_labels(every_kind(str(tmp_path / 'm/z.png')), tmp_path / 'w.arrow')
    return read_labels(str(tmp_path / 'w.arrow')).images


def test_it_is_a_mapping(images):
    keys = ['a', 'b/c', 'd', 'e.x', 'f', 'z', 'ü']
    assert len(images) == 7
    assert list(images) == list(images.keys()) == [key for key, _ in images.items()] == keys
    assert [entry.file_name for entry in images.values()] == [images[key].file_name for key in keys]
    assert 'a' in images
    assert 'aa' not in images
    assert images.get('nothing') is None
    for key in ('', 'A', 'zz', '\U0010ffff', 'b'):
        with pytest.raises(KeyError):
            images[key]
    with pytest.raises(IndexError, match=r'position must be in 0\.\.6, got 7'):
        images.entry(7)


@settings(max_examples=25)
@given(label_sets())
def test_every_image_is_found_by_its_id(tmp_path_factory, labels):
    path = tmp_path_factory.mktemp('sets') / 'w.arrow'
    write_labels(labels, path)
    images = read_labels(str(path)).images
    assert set(images) == set(labels.images)
    for key, entry in labels.images.items():
        assert images[key].file_name == entry.file_name
        mask = images[key].annotations.mask_path
        found = replace(images[key].annotations, mask_path=mask and os.path.normpath(mask))
        assert same_labels(found, entry.annotations)
    assert {image_id(name) for name in NAMES} & set(images) == set(labels.images)


def test_copies_and_pickles_map_the_files_themselves(images):
    assert images['a'].annotations.num_labels == 2
    for twin in (copy.deepcopy(images), pickle.loads(pickle.dumps(images))):
        assert twin.files._mapped == {}
        assert same_labels(twin['z'].annotations, images['z'].annotations)


def test_some_images_in_an_order_of_their_own(images):
    rows, keys = np.array([5, -1, 0, 1]), pa.array(['z', 'new', 'a', 'b/c'])
    some = ArrowImages(images.files, images.root, rows, keys, '.jpg')
    assert list(some) == ['z', 'new', 'a', 'b/c']
    assert [entry.file_name for entry in some.values()] == ['z.jpg', 'new.jpg', 'a.jpg', 'b/c.png']
    assert some['new'].annotations.num_labels == 0
    assert some['new'].size is None
    assert some['z'].annotations.tags == (1,)
    assert some.unlabelled.tolist() == [1]
    assert images.unlabelled.tolist() == []
    read = {
        position: name
        for rows, positions in some.batches()
        for position, name in zip(positions.tolist(), rows.column('file_name').to_pylist(), strict=True)
    }
    assert read == {0: 'z.jpg', 2: 'a.jpg', 3: 'b/c.png'}
    assert [some.mask(position) for position in range(4)] == [str(some.root / 'm/z.png'), None, None, None]
    with pytest.raises(KeyError):
        some['d']


def test_values_by_position(images):
    squares = ByPosition(images, lambda position: position**2, np.array([1, 4]))
    assert dict(squares) == {'b/c': 1, 'f': 16}
    assert list(squares.items()) == [('b/c', 1), ('f', 16)]
    assert list(squares.values()) == [1, 16]
    assert squares['f'] == 16
    assert len(squares) == 2


def test_a_label_set_of_files_can_be_used_as_one_of_objects(images, tmp_path):
    labels = read_labels(str(tmp_path / 'w.arrow'))
    assert list(labels.subset(['z', 'none', 'a']).images) == ['z', 'a']
    both = labels.merged(WeakLabelSet(CLASSES, images={'a': images['a']}))
    assert both.images['a'].annotations.point_labels.tolist() == [1, 0, 1, 0]
    assert len(both.images) == 7
