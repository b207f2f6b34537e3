"""Folders, masks, splits, colours and labels of somebody's data set."""

import json
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from mmseg_wsss.datasets.own_data.fingerprint import kinds_of, measure_labels, measure_pictures, region_sides
from mmseg_wsss.datasets.own_data.folders import find_folders, is_mask_folder
from mmseg_wsss.datasets.own_data.gathering import find_masks, gather, make_palette, with_empty_class
from mmseg_wsss.datasets.own_data.mask_ids import MaskIds, find_ids, write_masks
from mmseg_wsss.datasets.own_data.reading import recognise
from mmseg_wsss.datasets.own_data.splitting import split_images
from mmseg_wsss.structures import ImageEntry, WeakAnnotations, WeakLabelSet
from tests.helpers.miniatures import save, scribble_xml, voc_xml
from tests.helpers.own_data import CLASSES, LABELS, write_own_data


def photo(value=90, size=(48, 64), dtype=np.uint8):
    noise = np.random.default_rng(0).integers(0, 80, (*size, 3))
    return (noise + value).astype(dtype)


# Folders.


def test_folders_by_name_and_by_content(tmp_path):
    root = write_own_data(tmp_path)
    found = find_folders(root)
    assert (found.images, found.labels, found.masks) == (root / 'images', root / 'weak_labels.json', root / 'masks')
    assert found.suffix == '.jpg'
    other = tmp_path / 'other'
    save(other / 'frames/a.png', photo())
    save(other / 'truth/a.png', np.zeros((48, 64), np.uint8))
    found = find_folders(other)
    assert (found.images, found.labels, found.masks) == (other / 'frames', None, other / 'truth')
    assert (is_mask_folder(other / 'frames'), is_mask_folder(other / 'truth')) == (False, True)
    given = find_folders(None, other / 'frames', root / 'weak_labels.json', root / 'masks')
    assert (given.images, given.labels) == (other / 'frames', root / 'weak_labels.json')


def test_folders_that_are_not_there(tmp_path):
    (tmp_path / 'empty').mkdir()
    with pytest.raises(FileNotFoundError, match='no images below .*empty: expected a folder such as'):
        find_folders(tmp_path / 'empty')
    with pytest.raises(FileNotFoundError, match='where are the images'):
        find_folders(None)
    with pytest.raises(FileNotFoundError, match='the masks not found'):
        find_folders(tmp_path / 'empty', masks=tmp_path / 'missing')
    save(tmp_path / 'bare/images/a.png', photo())
    with pytest.raises(FileNotFoundError, match='no labels beside .*images: expected weak_labels.json'):
        find_folders(tmp_path / 'bare')


def test_formats_are_recognised(tmp_path):
    root = write_own_data(tmp_path)
    assert recognise(root / 'weak_labels.json') == 'canonical'
    assert recognise(root / 'masks') == 'index_png'
    for name, text in (('voc', voc_xml('cat')), ('strokes', scribble_xml('cat'))):
        (root / name).mkdir()
        (root / name / 'a.xml').write_text(text)
    assert (recognise(root / 'voc'), recognise(root / 'strokes')) == ('voc_xml', 'scribblesup')
    (root / 'coco.json').write_text(json.dumps({'images': [], 'annotations': [], 'categories': []}))
    assert recognise(root / 'coco.json') == 'coco'
    (root / 'x.json').write_text('[1]')
    with pytest.raises(ValueError, match='looks like none of the label formats'):
        recognise(root / 'x.json')


# Masks.


@pytest.mark.parametrize(
    ('values', 'classes', 'settings', 'table', 'says'),
    [
        ({0, 1, 2, 255}, 3, {}, {0: 0, 1: 1, 2: 2, 255: 255}, ''),
        ({0, 1, 11}, 11, {}, {0: 0, 1: 1, 11: 255}, 'the value 11 beside the 11 classes, so it is unlabelled'),
        ({0, 1, 7}, 2, {'unlabelled': 7}, {0: 0, 1: 1, 7: 255}, ''),
        ({0, 1, 255}, 2, {'shift': 1}, {0: 1, 1: 2, 255: 255}, 'class ids are counted from 1'),
        ({0, 255}, 2, {}, {0: 0, 255: 1}, '255 is the one object'),
        ({0, 255}, 3, {}, {0: 0, 255: 255}, ''),
        ({0, 1}, 2, {'unlabelled': 0, 'shift': 0}, {0: 255, 1: 1}, ''),
    ],
)
def test_what_the_values_of_masks_mean(values, classes, settings, table, says):
    found = find_ids(values, classes, **settings)
    assert found.table == table
    assert says in found.says
    assert found.is_plain == (table == {value: value for value in table})


def test_values_that_mean_nothing():
    with pytest.raises(ValueError, match=r'masks hold the values \[5, 9\], which are neither ids of the 3 classes'):
        find_ids({0, 5, 9}, 3)


def test_masks_are_written_with_other_values(tmp_path):
    save(tmp_path / 'in/a.png', np.array([[0, 1], [8, 255]], np.uint8))
    ids = MaskIds({0: 1, 1: 2, 8: 255})
    write_masks({'x/a': tmp_path / 'in/a.png'}, tmp_path / 'out', ids, make_palette(3))
    assert np.asarray(Image.open(tmp_path / 'out/x/a.png')).tolist() == [[1, 2], [255, 255]]
    with pytest.raises(ValueError, match=r'a.png holds the values \[1\], which are no class'):
        write_masks({'a': tmp_path / 'in/a.png'}, tmp_path / 'out', MaskIds({0: 0, 8: 255}), make_palette(3))


def test_masks_may_have_an_ending(tmp_path):
    for name in ('a', 'b'):
        save(tmp_path / f'images/{name}.png', photo())
        save(tmp_path / f'masks/{name}_L.png', np.zeros((48, 64), np.uint8))
    assert list(find_masks(find_folders(tmp_path))) == ['a', 'b']
    (tmp_path / 'masks/a_L.png').rename(tmp_path / 'masks/q.png')
    (tmp_path / 'masks/b_L.png').unlink()
    with pytest.raises(ValueError, match='no mask in .* has the name of an image'):
        find_masks(find_folders(tmp_path))


# Splits.


def test_splits():
    names = [f'{case}_{number}' for case in 'abcde' for number in range(4)]
    train, val, how = split_images(names, names)
    assert (len(train), len(val)) == (16, 4)
    assert how == '4 of 20 images with masks are kept for validation, chosen by seed 0'
    assert split_images(names, names) == (train, val, how)
    assert split_images(names, names, seed=1)[1] != val
    train, val, how = split_images(names, names, group=r'^(\w)_')
    assert len({name[0] for name in val}) == 1
    assert not {name[0] for name in val} & {name[0] for name in train}
    assert 'by 5 groups' in how
    assert split_images(names, [])[:2] == (names, [])
    assert split_images(['a', 'b'], ['b', 'c', 'd'])[:2] == (['a', 'b'], ['c', 'd'])


@pytest.mark.parametrize(
    ('group', 'message'),
    [('(', 'is not a regular expression'), ('x', "finds nothing in the image id 'a_0'"), ('_', 'finds the same text')],
)
def test_wrong_groups(group, message):
    with pytest.raises(ValueError, match=message):
        split_images(['a_0', 'b_0'], ['a_0', 'b_0'], group=group)


# Numbers.


def test_kinds_and_shares_of_labels(tmp_path):
    gathered = gather(find_folders(write_own_data(tmp_path)))
    found = measure_labels(gathered.labels, (64, 48))
    assert found.kinds == dict.fromkeys(LABELS, 1)
    assert found.alone == dict.fromkeys(LABELS, 1)
    mask = 30 * 40
    scribble = (28**2 + 2**2) ** 0.5
    total = 2 + scribble + 48 * 64
    assert found.shares == pytest.approx(((1 + 48 * 64 - mask) / total, (1 + mask) / total, scribble / total), abs=1e-5)
    # the box is 40 x 30 pixels, the region of the mask as large
    assert found.object_share == pytest.approx((30 * 40) ** 0.5 / 64)
    assert kinds_of(WeakAnnotations()) == set()
    assert kinds_of(WeakAnnotations(tags=())) == {'tags'}


def test_sides_of_regions():
    mask = np.zeros((20, 20), np.uint8)
    mask[2:6, 2:6], mask[10:18, 10:18], mask[0, 19] = 1, 1, 2
    assert sorted(region_sides(mask)) == [4, 8]


def test_colours_and_depths_of_pictures(tmp_path):
    flat = np.zeros((40, 60, 3), np.uint8)
    flat[...] = (10, 20, 30)
    save(tmp_path / 'a.png', flat)
    found = measure_pictures([tmp_path / 'a.png'])
    assert (found.size, found.bits, found.bands) == ((60, 40), 8, 3)
    assert (found.mean, found.std) == ((10.0, 20.0, 30.0), (1.0, 1.0, 1.0))
    deep = np.full((40, 60), 1000, np.uint16)
    deep[:20] = 3000
    save(tmp_path / 'deep.png', deep)
    found = measure_pictures([tmp_path / 'deep.png'])
    assert (found.bits, found.bands, found.values) == (16, 1, (1000.0, 3000.0))
    assert (found.mean, found.std) == ((127.5,), (127.5,))
    with pytest.raises(ValueError, match='the pictures have different depths'):
        measure_pictures([tmp_path / 'a.png', tmp_path / 'deep.png'])
    (tmp_path / 'broken.png').write_bytes((tmp_path / 'a.png').read_bytes()[:60])
    with pytest.raises(ValueError, match='broken.png'):
        measure_pictures([tmp_path / 'broken.png'])


# Labels.


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
    save(tmp_path / 'images/a.png', photo())
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


def test_labels_of_images_that_are_not_there_are_left_out_and_counted(tmp_path):
    root = write_own_data(tmp_path)
    Path(root / 'images/tags.jpg').unlink()
    found = gather(find_folders(root))
    assert 'tags' not in found.labels.images
    assert any('1 labelled images are not in' in line and 'tags.jpg' in line for line in found.says)
    assert found.labels.classes == CLASSES
    assert found.labels.images['boxes'].size == (64, 48)


def test_painted_labels_beside_masks(tmp_path):
    save(tmp_path / 'images/a.png', photo())
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
    save(tmp_path / 'images/a.jpg', photo(size=(40, 44)))
    save(tmp_path / 'masks/a.png', np.ones((40, 44), np.uint8))
    (tmp_path / 'annotations').mkdir()
    (tmp_path / 'annotations/a.xml').write_text(voc_xml('cat'))
    with pytest.raises(
        ValueError, match='say which id is which with --classes, id 0 first, from the names background, cat'
    ):
        gather(find_folders(tmp_path))
    assert gather(find_folders(tmp_path), ('background', 'cat')).labels.images['a'].annotations.box_labels.tolist() == [
        1
    ]


def test_shares_are_those_of_class_ids_and_not_of_values(tmp_path):
    save(tmp_path / 'images/a.png', photo())
    truth = np.zeros((48, 64), np.uint8)
    truth[:24] = 255
    save(tmp_path / 'masks/a.png', truth)
    found = gather(find_folders(tmp_path), ('background', 'cell'))
    assert measure_labels(found.labels, (64, 48), found.ids.table).shares == (0.5, 0.5)
