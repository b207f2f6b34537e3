import numpy as np
import pytest

from mmseg_wsss.visualization.panels import draw_panels
from mmseg_wsss.visualization.pseudo_mask_panels import _soft_picture, draw_pseudo_mask_panels

PALETTE = [[0, 0, 0], [200, 0, 0], [0, 100, 0]]
CLASSES = ('background', 'a', 'b')


def test_soft_maps_are_as_pale_as_they_are_low():
    maps = np.array([[[1.0, 0.0, 0.5]], [[0.0, 0.25, 0.6]], [[2.0, 2.0, 2.0]]])
    picture = _soft_picture(maps, [0, 2, -1], PALETTE, (1, 3))
    assert picture.tolist() == [[[0, 0, 0], [191, 216, 191], [102, 162, 102]]]
    assert (_soft_picture(maps, [-1, -1, -1], PALETTE, (1, 3)) == 255).all()
    assert (_soft_picture(maps[:0], [], PALETTE, (1, 3)) == 255).all()


def test_a_row_has_a_panel_for_every_map():
    size = (40, 224)
    image, empty = np.full((*size, 3), 90, np.uint8), np.full(size, 255)
    soft = np.zeros((1, *size))
    arguments = (image, empty, empty, soft, soft, [2])
    row = draw_pseudo_mask_panels(*arguments, palette=PALETTE, classes=CLASSES)
    full = draw_pseudo_mask_panels(*arguments, blots=empty, truth=empty, palette=PALETTE, classes=CLASSES)
    assert (row.shape[1], full.shape[1]) == (5 * 224 + 4 * 4, 7 * 224 + 6 * 4)
    top = 20  # the title
    third = row[top : top + 40, 2 * 228 : 2 * 228 + 224]
    assert (third == 255).all()


def test_pictures_between_are_drawn_as_they_are():
    image = np.zeros((8, 224, 3), np.uint8)
    picture = np.random.default_rng(0).integers(0, 255, image.shape, dtype=np.uint8)
    row = draw_panels(image, palette=PALETTE, classes=CLASSES, between={'x': picture, 'y': None})
    np.testing.assert_array_equal(row[20:28, 228:], picture)
    with pytest.raises(ValueError, match=r'x must have the size of the image \(8, 224\), got \(8, 9, 3\)'):
        draw_panels(image, palette=PALETTE, classes=CLASSES, between={'x': picture[:, :9]})


def test_one_class_for_each_soft_map():
    image, soft = np.zeros((4, 4, 3), np.uint8), np.zeros((2, 4, 4))
    with pytest.raises(ValueError, match='got 1 classes, 2 fields and 2 refined maps'):
        draw_pseudo_mask_panels(image, soft[0], soft[0], soft, soft, [1], palette=PALETTE, classes=CLASSES)
