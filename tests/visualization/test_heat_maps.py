"""Colours of heat maps, and where they are."""

import numpy as np
import pytest

from mmseg_wsss.visualization.heat_maps import draw_heat_maps, heat_colours, overlay_heat_map

TITLE = 20


def test_colours_go_from_blue_over_green_to_red():
    colours = heat_colours(np.array([[0.0, 0.5, 1.0, -3.0, 9.0, np.nan]]))[0]
    assert colours.dtype == np.uint8
    assert colours[:3].argmax(axis=1).tolist() == [2, 1, 0]
    np.testing.assert_array_equal(colours[[3, 4, 5]], colours[[0, 2, 0]])
    ramp = heat_colours(np.linspace(0, 1, 256)[None])[0].astype(int)
    assert len(np.unique(ramp, axis=0)) > 250


def test_an_overlay_is_a_mean_of_photo_and_colours():
    rng = np.random.default_rng(0)
    photo, heat = rng.integers(0, 256, (6, 8, 3), dtype=np.uint8), rng.random((6, 8))
    for opacity in (0.0, 0.3, 1.0):
        expected = (1 - opacity) * photo + opacity * heat_colours(heat)
        assert np.abs(overlay_heat_map(photo, heat, opacity) - expected).max() <= 0.5
    flat = overlay_heat_map(photo, np.full((2, 3), 0.25), 1.0)  # another size
    np.testing.assert_array_equal(flat, np.broadcast_to(heat_colours(np.array([[0.25]])), (6, 8, 3)))


def test_pictures_stand_side_by_side_under_their_titles():
    photo = np.full((224, 224, 3), 90, np.uint8)
    heats = {'cat': np.zeros((56, 56)), 'dog': np.ones((56, 56))}
    sheet = draw_heat_maps(photo, heats)
    assert sheet.shape == (TITLE + 228, 3 * 228, 3)  # a margin of 4 on the right and below
    for number, expected in enumerate((photo, *(overlay_heat_map(photo, heat) for heat in heats.values()))):
        left = number * 228
        np.testing.assert_array_equal(sheet[TITLE : TITLE + 224, left : left + 224], expected)
    assert draw_heat_maps(photo, heats, columns=1).shape[0] == 3 * (TITLE + 228)


def test_alone_a_map_keeps_its_cells():
    heat = np.random.default_rng(0).random((4, 4))
    sheet = draw_heat_maps(np.zeros((16, 16, 3), np.uint8), {'kernels': heat}, opacity=1.0, with_photo=False)
    np.testing.assert_array_equal(
        sheet[TITLE : TITLE + 224, :224], heat_colours(heat).repeat(56, axis=0).repeat(56, axis=1)
    )


@pytest.mark.parametrize(
    ('arguments', 'message'),
    [
        ((np.zeros((4, 4, 3), np.uint8), np.zeros((4, 4)), 1.5), r'opacity must be in \[0, 1\], got 1.5'),
        ((np.zeros((4, 4), np.uint8), np.zeros((4, 4))), r'expected an RGB image \(H, W, 3\) of uint8, got \(4, 4\)'),
        ((np.zeros((4, 4, 3), np.uint8), np.zeros((4, 4, 2))), r'expected a heat map \(H, W\), got the shape'),
    ],
)
def test_errors(arguments, message):
    with pytest.raises(ValueError, match=message):
        overlay_heat_map(*arguments)
