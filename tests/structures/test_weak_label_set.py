import json

import numpy as np
import pytest

from mmseg_wsss.structures import ImageEntry, WeakAnnotations, WeakLabelSet, image_id

CLASSES = ('background', 'cat')


def click(x, y, label, **kwargs):
    return WeakAnnotations(points=[[x, y]], point_labels=[label], **kwargs)


def test_image_id_keeps_folders_and_drops_only_the_last_suffix():
    assert image_id('a/b.v2.jpg') == 'a/b.v2'


def test_merged_keeps_order_so_that_later_labels_win():
    first = WeakLabelSet(CLASSES, images={'a': ImageEntry('a.png', 4, 3, click(0, 1, 1)), 'b': ImageEntry('b.jpg')})
    second = WeakLabelSet(CLASSES, ((0, 0, 0), (9, 9, 9)), {'a': ImageEntry('a.jpg', None, None, click(2, 2, 0))})
    both = first.merged(second)
    assert both.palette == ((0, 0, 0), (9, 9, 9))
    assert list(both.images) == ['a', 'b']
    assert both.images['a'].file_name == 'a.png'
    assert both.images['a'].size == (4, 3)
    np.testing.assert_array_equal(both.images['a'].annotations.points, [[0, 1], [2, 2]])
    assert both.images['a'].annotations.point_labels.tolist() == [1, 0]


def test_merged_takes_the_size_from_the_second_set_when_the_first_has_none():
    first = WeakLabelSet(CLASSES, images={'a': ImageEntry('a.jpg')})
    second = WeakLabelSet(CLASSES, images={'a': ImageEntry('a.jpg', 5, 6)})
    assert first.merged(second).images['a'].size == (5, 6)


def test_merged_refuses_two_sizes_and_two_class_lists():
    first = WeakLabelSet(CLASSES, images={'a': ImageEntry('a.jpg', 5, 6)})
    with pytest.raises(ValueError, match="image 'a' is 5 x 6 in one label file and 6 x 5 in another"):
        first.merged(WeakLabelSet(CLASSES, images={'a': ImageEntry('a.jpg', 6, 5)}))
    with pytest.raises(ValueError, match='different classes cannot be merged'):
        first.merged(WeakLabelSet(('background', 'dog')))


def test_subset_keeps_the_given_order():
    labels = WeakLabelSet(CLASSES, images={key: ImageEntry(f'{key}.jpg') for key in 'abc'})
    assert list(labels.subset(['c', 'x', 'a']).images) == ['c', 'a']


def test_json_is_sorted_one_image_a_line_with_masks_relative_to_its_folder(tmp_path):
    entries = {
        'b': ImageEntry('b.jpg', 4, 3, WeakAnnotations(tags=(1,), mask_path=str(tmp_path / 'masks/b.png'))),
        'a': ImageEntry('a.jpg', annotations=click(1.5, 2, 1)),
    }
    file = tmp_path / 'labels' / 'weak_labels.json'
    WeakLabelSet(CLASSES, ((0, 0, 0), (1, 2, 3)), entries).write(file)
    text = file.read_text()
    assert json.loads(text) == {
        'version': 1,
        'classes': [{'name': 'background', 'color': [0, 0, 0]}, {'name': 'cat', 'color': [1, 2, 3]}],
        'images': [
            {'file_name': 'a.jpg', 'points': [{'x': 1.5, 'y': 2.0, 'class': 1}]},
            {'file_name': 'b.jpg', 'width': 4, 'height': 3, 'tags': [1], 'mask': '../masks/b.png'},
        ],
    }
    assert text.splitlines()[3].startswith('{"file_name": "a.jpg"')
    reverse = WeakLabelSet(CLASSES, ((0, 0, 0), (1, 2, 3)), dict(reversed(entries.items())))
    assert reverse.to_json(file.parent) == text
    assert [path.name for path in file.parent.iterdir()] == ['weak_labels.json']


def test_an_empty_set_is_valid_json():
    assert json.loads(WeakLabelSet(CLASSES).to_json()) == {
        'version': 1,
        'classes': [{'name': 'background'}, {'name': 'cat'}],
        'images': [],
    }


def test_wrong_class_lists_are_refused():
    with pytest.raises(ValueError, match='one colour per class'):
        WeakLabelSet(CLASSES, ((0, 0, 0),))
    with pytest.raises(ValueError, match="'cat'"):
        WeakLabelSet(('background', 'cat', 'cat'))


@pytest.mark.parametrize('name', ['../a.jpg', 'b/../../a.jpg', '..', '', '/', '/../a.jpg', 'a\0.jpg'])
def test_an_image_id_stays_below_a_folder(name):
    assert image_id('/b/a.jpg') == 'b/a'
    with pytest.raises(ValueError, match='expected the name of an image below the image folder, got '):
        image_id(name)
