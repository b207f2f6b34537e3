"""Values of masks against the list of classes."""

import numpy as np
import pytest
from PIL import Image

from mmseg_wsss.datasets.mask_values import check_mask_values


def save(path, values, dtype=np.uint8):
    Image.fromarray(np.asarray(values, dtype=dtype)).save(path)
    return {'a': str(path)}


def test_values_of_masks(tmp_path):
    mask = np.full((4, 5), 255, dtype=np.uint8)
    masks = {key: str(tmp_path / f'{key}.png') for key in 'ab'}
    Image.fromarray(mask).save(masks['a'])
    assert check_mask_values(masks, ['a'], 3, 255).labelled is False
    mask[0, 0] = 3
    Image.fromarray(mask).save(masks['b'])
    assert check_mask_values(masks, ['a', 'b'], 3, 255, background_shift=1).labelled is True
    with pytest.raises(ValueError, match=r"image 'b': its mask .*b.png holds the values \[3\], which are neither ids"):
        check_mask_values(masks, ['a', 'b'], 3, 255)


@pytest.mark.parametrize(
    ('values', 'settings', 'expected'),
    [
        ([[0, 1], [2, 255]], {}, {0: 1, 1: 1, 2: 1, 255: 1}),
        ([[0, 1], [2, 255]], {'background_shift': 1}, {0: 1, 1: 1, 255: 1}),
        ([[0, 1], [2, 2]], {'label_map': {2: 1}, 'any_values': True}, {0: 1, 1: 1}),
        ([[0, 7], [2, 2]], {'label_map': {7: -1}, 'any_values': True}, {0: 1, 2: 1, 255: 1}),
    ],
)
def test_classes_of_masks(tmp_path, values, settings, expected):
    found = check_mask_values(save(tmp_path / 'a.png', values), ['a'], 3, 255, **settings)
    assert {int(index): int(found.images[index]) for index in np.flatnonzero(found.images)} == expected
    assert not found.background_or_nothing


def test_values_that_are_not_integers(tmp_path):
    masks = save(tmp_path / 'a.tif', [[0, 1], [2, 255]], np.float32)
    assert check_mask_values(masks, ['a'], 3, 255).images[:3].tolist() == [1, 1, 1]
    save(tmp_path / 'a.tif', [[0, 0.5]], np.float32)
    with pytest.raises(ValueError, match="image 'a': its mask .*a.tif holds float32 values that are not integers"):
        check_mask_values(masks, ['a'], 3, 255)


def test_zero_half_and_255_are_grey_levels(tmp_path):
    masks = save(tmp_path / 'a.png', [[0, 128], [128, 255]])
    with pytest.raises(
        ValueError, match=r'holds the values \[128\].*not grey levels of a picture.*means unlabelled\.$'
    ):
        check_mask_values(masks, ['a'], 3, 255)
