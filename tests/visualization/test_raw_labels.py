"""Labels drawn as the annotator left them."""

import numpy as np
import pytest

from mmseg_wsss.structures import WeakAnnotations
from mmseg_wsss.visualization.raw_labels import LINE, SIDE, draw_raw_labels, shown_photo

COLOURS = {'classes': ('background', 'crop', 'weed'), 'palette': ((0, 0, 0), (200, 0, 0), (0, 0, 200))}
PHOTO = np.full((45, 90, 3), 100, np.uint8)


def draw(labels=None, **settings):
    """A drawing, without the line of the name: photos of 90 x 45 pixels are shown at four times their size."""
    return draw_raw_labels(PHOTO, labels or WeakAnnotations(), name='a', **COLOURS, **settings)[LINE:]


def test_every_kind_is_where_it_belongs():
    labels = WeakAnnotations(
        points=[[10, 10]], point_labels=[1], boxes=[[40, 20, 59, 29]], box_labels=[2],
        polylines=[[[70, 5], [80, 5]]], polyline_labels=[1],
    )  # fmt: skip
    drawn = draw(labels)
    assert drawn[42, 42].tolist() == [200, 0, 0]  # a pixel is 4 x 4 here, and the click is in the middle of its pixel
    assert drawn[42, 46].tolist() == [255, 255, 255]
    assert drawn[42, 52].tolist() == [100, 100, 100]
    assert drawn[22, 300].tolist() == [200, 0, 0]
    assert drawn[80, 200].tolist() == drawn[119, 239].tolist() == [0, 0, 200]
    assert drawn[100, 200].tolist() == [100, 100, 100]


def test_a_scribble_of_one_place_is_a_dot():
    drawn = draw(WeakAnnotations(polylines=[[[70, 5]]], polyline_labels=[1]))
    assert drawn[22, 282].tolist() == [200, 0, 0]
    assert drawn[22, 292].tolist() == [100, 100, 100]


def test_a_mask_is_laid_over_the_photo_and_unlabelled_pixels_are_not():
    mask = np.full((45, 90), 255, np.uint8)
    mask[:, :30] = 2
    drawn = draw(mask=mask)
    assert drawn[50, 100].tolist() == [45, 45, 155]
    assert drawn[50, 130].tolist() == [100, 100, 100]
    with pytest.raises(ValueError, match=r'a: the mask has \(45, 90\) pixels, and the photo \(90, 45\)'):
        draw(mask=mask.T)


def test_text_below_and_sizes():
    plain, tagged = draw(), draw(WeakAnnotations(tags=(1, 2)))
    assert plain.shape == (SIDE // 2 + 2 * LINE, SIDE, 3)
    assert len(tagged) == len(plain) + LINE
    assert (draw(WeakAnnotations(tags=()))[190:212] != plain[190:212]).any()
    tall = draw_raw_labels(np.zeros((5000, 2000, 3), np.uint8), WeakAnnotations(), name='день ä', **COLOURS)
    assert tall.shape[1] == 144
    names = [draw_raw_labels(PHOTO, WeakAnnotations(), name=name, **COLOURS) for name in ('день', 'ночь')]
    assert (names[0][:LINE] != names[1][:LINE]).any()


def test_pictures_of_any_depth():
    deep = np.zeros((10, 20, 5), np.uint16)
    deep[..., 0] = np.linspace(2000, 3000, 20)
    deep[..., 1:3] = 2000
    shown = shown_photo(deep)
    assert (shown.shape, shown.dtype) == ((10, 20, 3), np.uint8)
    assert (shown[0, 0, 0], shown[0, -1, 0], shown[0, -1, 1]) == (0, 255, 0)
    assert shown_photo(np.full((2, 2, 1), 7, np.uint8)).tolist() == [[[7] * 3] * 2] * 2
    assert shown_photo(np.full((2, 2, 1), 7, np.uint16)).max() == 0
