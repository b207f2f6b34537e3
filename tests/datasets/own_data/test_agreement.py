"""Clicks and masks that count the classes in different ways."""

import numpy as np
import pytest

from mmseg_wsss.datasets.own_data.agreement import Agreement, compare_with_masks, has_label, labelled_pixels
from mmseg_wsss.datasets.own_data.folders import Folders
from mmseg_wsss.datasets.own_data.gathering import gather
from mmseg_wsss.structures import ImageEntry, WeakAnnotations, WeakLabelSet
from tests.helpers.miniatures import noisy_photo, save

CLASSES = ('background', 'sky', 'road')
MASK = np.repeat(np.array([0] * 24 + [1] * 24, np.uint8)[:, None], 64, axis=1)  # sky above road, counted from 0


def clicks(ids=(1, 1, 1, 1, 1, 1, 2, 2, 2, 2, 2, 2)):
    points = [[3 * number, 4 if label == 1 else 40] for number, label in enumerate(ids)]
    return WeakAnnotations(points=points, point_labels=list(ids))


def write(root, classes=CLASSES, one=None, masks=('a', 'b')):
    for key in {'a', *masks}:
        save(root / f'images/{key}.png', noisy_photo())
    for key in masks:
        save(root / f'masks/{key}.png', MASK)
    labels = WeakLabelSet(classes, None, {'a': ImageEntry('a.png', 64, 48, one or clicks())})
    labels.write(root / 'weak_labels.json')
    return Folders(root / 'images', '.png', root / 'weak_labels.json', root / 'masks')


def test_pixels_are_compared_with_their_masks(tmp_path):
    save(tmp_path / 'a.png', np.where(MASK == 1, 255, MASK))
    save(tmp_path / 'b.png', MASK[:20])
    one = WeakAnnotations(
        points=[[1, 2], [1, 30]], point_labels=[1, 2], polylines=[[[5, 5], [6, 20], [7, 9]]], polyline_labels=[0]
    )
    assert labelled_pixels(one)[0].tolist() == [[1, 2], [1, 30], [5, 5], [7, 9]]
    entry = ImageEntry('a.png', 64, 48, one)
    labels = WeakLabelSet(CLASSES, None, {'a': entry, 'b': entry, 'c': entry})
    # the click on 255 is not compared, the mask of another size is not, and c has none
    found = compare_with_masks(labels, {'a': tmp_path / 'a.png', 'b': tmp_path / 'b.png'})
    assert found == Agreement(pixels=3, same=2, shifted=1)
    assert [has_label(labels, label) for label in range(4)] == [True, True, True, False]


@pytest.mark.parametrize(
    ('found', 'shifted', 'warns'),
    [
        (Agreement(9, 0, 9), False, False),
        (Agreement(10, 3, 7), True, True),
        (Agreement(10, 3, 6), False, True),
        (Agreement(10, 5, 7), False, False),
        (Agreement(10, 4, 0), False, True),
    ],
)
def test_when_something_is_said(found, shifted, warns):
    assert (found.is_shifted, bool(found.says())) == (shifted, warns)


def test_masks_that_count_from_0_beside_labels_with_an_empty_class(tmp_path):
    found = gather(write(tmp_path))
    assert (found.background, found.labels.classes) == (False, CLASSES)
    assert found.ids.table == {0: 1, 1: 2}
    assert found.labels.images['a'].annotations.point_labels[0] == 1
    assert "no label has class 0, 'background', so it is the empty class" in ' '.join(found.says)
    assert 'lie on their own class' not in ' '.join(found.says)
    kept = gather(write(tmp_path), background=True)
    assert (kept.background, kept.ids.is_plain) == (True, True)
    assert 'only 0 of 12 clicks and ends of scribbles lie on their own class in the masks' in ' '.join(kept.says)


def test_an_empty_class_is_not_added_twice(tmp_path):
    found = gather(write(tmp_path, masks=('b',)), background=False)
    assert (found.labels.classes, found.ids.table) == (CLASSES, {0: 1, 1: 2})
    asked = gather(write(tmp_path, masks=('b',)))
    assert (asked.background, asked.ids.is_plain) == (True, True)
    assert 'if the masks count the other classes from 0, begin again with --no-background' in ' '.join(asked.says)


def test_classes_in_another_order_than_in_the_masks(tmp_path):
    ids = (1,) * 6 + (0,) * 6
    one = WeakAnnotations(points=[[3 * n, 4 if n < 6 else 40] for n in range(12)], point_labels=list(ids))
    found = gather(write(tmp_path, ('background', 'sky'), one))
    assert 'only 0 of 12 clicks' in ' '.join(found.says)
    assert 'name the classes in the order of the ids in the masks (--classes)' in ' '.join(found.says)


def test_the_empty_class_is_no_value_of_the_masks(tmp_path):
    folders = write(tmp_path)
    mask = MASK.copy()
    mask[40:] = 2  # there are two classes besides the empty one
    save(tmp_path / 'masks/b.png', mask)
    assert gather(folders).ids.table == {0: 1, 1: 2, 2: 255}
