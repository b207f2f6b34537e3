"""Training and validation images."""

import pytest

from mmseg_wsss.datasets.own_data.splitting import find_lists, split_images, split_of


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
    alone = 'one image has a mask, which is not enough to keep one back: nothing will be measured'
    assert split_images(['a'], ['a']) == (['a'], [], alone)


@pytest.mark.parametrize(
    ('group', 'message'),
    [('(', 'is not a regular expression'), ('x', "finds nothing in the image id 'a_0'"), ('_', 'finds the same text')],
)
def test_wrong_groups(group, message):
    with pytest.raises(ValueError, match=message):
        split_images(['a_0', 'b_0'], ['a_0', 'b_0'], group=group)


def test_folders_of_splits_decide():
    ids = ['train/images/a', 'train/images/b', 'valid/images/c', 'test/images/d']
    assert split_images(ids, ids) == (
        ids[:2], ids[2:3], '2 images are for training and 1 for validation, by their folders; 1 others are left out'
    )  # fmt: skip
    assert split_images(ids[:3], [])[:2] == (ids[:2], [])
    assert split_images(['train/a', 'b', 'val/c', 'd'], ['val/c', 'd'])[2].endswith('chosen by seed 0')
    assert split_images(['train/a', 'train/b'], ['train/a', 'train/b'])[2].endswith('chosen by seed 0')
    assert [split_of(key) for key in ('Validation/a', 'x/TRAIN/a', 'train', 'trains/a')] == ['val', 'train', None, None]


def test_folders_of_splits_without_masks():
    ids = ['train/images/a', 'valid/images/b']
    how = '1 images are for training and 0 for validation, by their folders; 1 others are left out; '
    assert split_images(ids, [])[2] == how + 'none of those has a mask: nothing will be measured'


def test_very_many_images_for_validation():
    how = split_images(['a'], [str(number) for number in range(501)])[2]
    assert how == (
        '501 images have a mask and no label: they are for validation; shorten val.txt if that takes too long'
    )


@pytest.mark.parametrize('place', ['.', 'splits', 'ImageSets/Segmentation', 'images'])
def test_lists_beside_the_images_decide(tmp_path, place):
    """As in VOC and in projects of MMSegmentation; lists of YOLO have folders and suffixes, those of VOC columns."""
    (tmp_path / place).mkdir(parents=True, exist_ok=True)
    ids = ['a', 'b c', 'd', 'e', 'f']
    (tmp_path / place / 'train.txt').write_text('./images/a.jpg\nimages\\b c.png\nmissing\n')
    (tmp_path / place / 'trainval.txt').write_text('d\n')
    assert find_lists(tmp_path / 'images', ids) is None
    (tmp_path / place / 'val.txt').write_text('d 1\ne -1\n')
    splits = find_lists(tmp_path / 'images', ids)
    assert splits.of == {'a': 'train', 'b c': 'train', 'd': 'val', 'e': 'val'}
    assert split_images(ids, ['a', 'e', 'f'], splits=splits) == (
        ['a', 'b c'],
        ['e'],
        f'2 images are for training and 1 for validation, by the lists in {tmp_path / place}; 2 others are left out',
    )
    assert split_images(ids, ids, splits=splits, group='(.)')[2].endswith('chosen by 5 groups')
    assert find_lists(tmp_path / 'images', ['x', 'y']) is None


def test_lines_of_lists(tmp_path):
    """Image and mask as in PaddleSeg, the end of lines of Windows, and texts that are no names."""
    ids = ['a', 'site/b', 'plot_1', 'plot_1.5', 'd']
    lines = 'images/a.jpg masks/a_mask.png', '/images/site/b.png /masks/site/b.png', 'images/plot_1.5', '.', '/', '..'
    (tmp_path / 'train.txt').write_bytes('\r\n'.join(lines).encode('utf-8-sig'))
    (tmp_path / 'Validation.txt').write_text('C:\\data\\images\\d.jpg\n')
    assert find_lists(tmp_path / 'images', ids).of == {'a': 'train', 'site/b': 'train', 'plot_1.5': 'train', 'd': 'val'}
