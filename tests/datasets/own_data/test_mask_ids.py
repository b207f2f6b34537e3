"""What the values of masks mean."""

import numpy as np
import pytest
from PIL import Image

from mmseg_wsss.datasets.own_data.gathering import make_palette
from mmseg_wsss.datasets.own_data.mask_ids import MaskIds, class_ids, find_ids, write_masks
from tests.helpers.miniatures import save


@pytest.mark.parametrize(
    ('values', 'classes', 'settings', 'table', 'says'),
    [
        ({0, 1, 2, 255}, 3, {}, {0: 0, 1: 1, 2: 2, 255: 255}, ''),
        ({0, 1, 11}, 11, {}, {0: 0, 1: 1, 11: 255}, 'the value 11 beside the 11 classes, so it is unlabelled'),
        ({0, 1, 7}, 2, {'unlabelled': 7}, {0: 0, 1: 1, 7: 255}, ''),
        ({0, 1, 255}, 2, {'shift': 1}, {0: 1, 1: 2, 255: 255}, 'class ids are counted from 1'),
        ({0, 255}, 2, {}, {0: 0, 255: 1}, '255 is the one object'),
        ({0, 300}, 2, {'shift': 1}, {0: 1, 300: 2}, 'masks hold 0 and 300, so 300 is the one object'),
        ({0, 2}, 2, {}, {0: 0, 2: 255}, 'the value 2 beside the 2 classes, so it is unlabelled'),
        ({1, 9}, 2, {}, {1: 1, 9: 255}, 'the value 9 beside the 2 classes, so it is unlabelled'),
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
    with pytest.raises(ValueError, match=r'a.png holds the values \[1\], which are not class ids'):
        write_masks({'a': tmp_path / 'in/a.png'}, tmp_path / 'out', MaskIds({0: 0, 8: 255}), make_palette(3))


def test_negative_and_deep_values(tmp_path):
    """-1 is what torch and others write for unlabelled pixels; it must not become the last class."""
    assert find_ids({-1, 0, 1}, 2).table == {-1: 255, 0: 0, 1: 1}
    assert find_ids({0, 1, 1000}, 2).table == {0: 0, 1: 1, 1000: 255}
    Image.fromarray(np.array([[0, 1], [-1, 1]], np.int32)).save(tmp_path / 'a.tif')
    assert class_ids(tmp_path / 'a.tif', {-1: 255, 0: 0, 1: 2}).tolist() == [[0, 2], [255, 2]]
    with pytest.raises(ValueError, match=r'a.tif holds the values \[-1\], which are not class ids'):
        class_ids(tmp_path / 'a.tif', {255: 255, 0: 0, 1: 2})
    with pytest.raises(ValueError, match='20 such values come from smooth edges'):
        find_ids({*range(22)}, 2)
