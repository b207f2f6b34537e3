"""A data set in numbers."""

import numpy as np
import pytest
import tifffile

from mmseg_wsss.datasets.own_data.fingerprint import kinds_of, measure_labels, measure_pictures, region_sides
from mmseg_wsss.datasets.own_data.folders import find_folders
from mmseg_wsss.datasets.own_data.gathering import gather
from mmseg_wsss.structures import WeakAnnotations
from tests.helpers.miniatures import noisy_photo, save
from tests.helpers.one_of_each import LABELS, write_own_data


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
    bands = np.stack([np.full((40, 60), 100 * band, np.uint16) for band in range(1, 7)], axis=-1)
    bands[:20] += 1000
    tifffile.imwrite(tmp_path / 'bands.tif', bands, photometric='minisblack', planarconfig='contig')
    found = measure_pictures([tmp_path / 'bands.tif'])
    assert (found.size, found.bits, found.bands) == ((60, 40), 16, 6)
    assert len(found.mean) == 3
    assert found.mean[0] < found.mean[1] < found.mean[2]
    with pytest.raises(ValueError, match='the pictures have different depths'):
        measure_pictures([tmp_path / 'a.png', tmp_path / 'deep.png'])
    (tmp_path / 'broken.png').write_bytes((tmp_path / 'a.png').read_bytes()[:60])
    with pytest.raises(ValueError, match='broken.png'):
        measure_pictures([tmp_path / 'broken.png'])


def test_shares_are_those_of_class_ids_and_not_of_values(tmp_path):
    save(tmp_path / 'images/a.png', noisy_photo())
    truth = np.zeros((48, 64), np.uint8)
    truth[:24] = 255
    save(tmp_path / 'masks/a.png', truth)
    found = gather(find_folders(tmp_path), ('background', 'cell'))
    assert measure_labels(found.labels, (64, 48), found.ids.table).shares == (0.5, 0.5)
