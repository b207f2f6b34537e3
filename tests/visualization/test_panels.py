"""What is where on a panel, pixel by pixel."""

import numpy as np
import pytest

from mmseg_wsss.visualization.panels import contact_sheet, draw_panels, grow_marks

PALETTE = [[0, 0, 0], [255, 0, 0], [0, 0, 255]]
CLASSES = ['background', 'cat', 'dog']
SIDE = 224  # not enlarged
TITLE = 20
STEP = SIDE + 4


@pytest.fixture
def photo():
    return np.random.default_rng(0).integers(0, 256, (SIDE, SIDE, 3), dtype=np.uint8)


def clicks(*places):
    labels = np.full((SIDE, SIDE), 255)
    for row, column, label in places:
        labels[row, column] = label
    return labels


def panel(drawn, number):
    return drawn[TITLE : TITLE + SIDE, number * STEP : number * STEP + SIDE]


def draw(photo, *maps, **settings):
    return draw_panels(photo, *maps, palette=PALETTE, classes=CLASSES, **settings)


def test_clicks_are_large_and_rimmed_and_the_rest_is_pale_photo(photo):
    drawn = draw(photo, clicks((50, 60, 1), (150, 20, 2)))
    np.testing.assert_array_equal(panel(drawn, 0), photo)
    labels = panel(drawn, 1)
    rows, columns = np.indices((SIDE, SIDE))
    near = (rows - 50) ** 2 + (columns - 60) ** 2 <= 9
    assert near.sum() == 29
    assert (labels[near] == (255, 0, 0)).all()
    assert (labels[150, 20:24] == (0, 0, 255)).all()
    assert (labels[50, 64] == 255).all()
    np.testing.assert_array_equal(labels[0, 0], photo[0, 0] // 2 + 100)
    assert (labels == (255, 0, 0)).all(axis=2).sum() == 29


def test_one_panel_per_map_in_order(photo):
    prediction, truth = np.full((2, SIDE, SIDE), 1)
    truth[:] = 2
    for maps, count in (((), 1), ((clicks(),), 2), ((clicks(), prediction), 3), ((clicks(), prediction, truth), 4)):
        assert draw(photo, *maps).shape[1] == count * STEP - 4
    drawn = draw(photo, None, prediction, truth)
    grey = photo.mean(axis=2)
    expected = 0.3 * grey + 0.7 * 255
    assert np.abs(panel(drawn, 1)[..., 0] - expected).max() <= 1
    assert np.abs(panel(drawn, 1)[..., 2] - 0.3 * grey).max() <= 1
    assert np.abs(panel(drawn, 2)[..., 2] - expected).max() <= 1


def test_steps_stand_before_the_prediction_with_unlabelled_pixels_hatched(photo):
    step, prediction = np.full((2, SIDE, SIDE), 1)
    step[:100], prediction[:] = 255, 2
    drawn = draw(photo, None, prediction, steps={'CAM': np.full((SIDE, SIDE), 1), 'pseudo-labels': step})
    assert drawn.shape[1] == 4 * STEP - 4
    same = draw(photo, None, np.full((SIDE, SIDE), 1))
    np.testing.assert_array_equal(panel(drawn, 1), panel(same, 1))
    assert set(np.unique(panel(drawn, 2)[:100])) == {110, 200}
    np.testing.assert_array_equal(panel(drawn, 2)[100:], panel(drawn, 1)[100:])
    np.testing.assert_array_equal(panel(drawn, 3), panel(draw(photo, None, prediction), 1))
    with pytest.raises(ValueError, match='CAM must have the size of the image'):
        draw(photo, steps={'CAM': np.ones((3, 3), int)})


def test_soft_maps_are_as_pale_as_they_are_low():
    image, palette = np.zeros((1, SIDE, 3), np.uint8), [[0, 0, 0], [200, 0, 0], [0, 100, 0]]
    maps = np.zeros((3, 1, SIDE))
    maps[0, 0, 0], maps[2, 0, 1], maps[0, 0, 2], maps[2, 0, 2] = 1, 0.25, 0.5, 0.6
    drawn = draw_panels(image, steps={'field': maps}, palette=palette, classes=CLASSES)
    assert drawn[TITLE, STEP : STEP + 4].tolist() == [[0, 0, 0], [191, 216, 191], [102, 162, 102], [255, 255, 255]]
    with pytest.raises(ValueError, match=r'field must have one soft map per class \(3\), got 2'):
        draw_panels(image, steps={'field': maps[:2]}, palette=palette, classes=CLASSES)
    with pytest.raises(ValueError, match='field must have the size of the image'):
        draw_panels(image, steps={'field': maps[:, :, 1:]}, palette=palette, classes=CLASSES)


def test_unlabelled_truth_is_hatched_grey(photo):
    truth = np.full((SIDE, SIDE), 1)
    truth[:100] = 255
    hatched = panel(draw(photo, None, None, truth), 1)[:100]
    assert set(np.unique(hatched)) == {110, 200}
    assert (hatched[0, 8] == 110).all()
    assert (hatched[0, 9] == 200).all()


def test_invalid_region_is_crossed_out_in_all_panels(photo):
    valid = np.ones((SIDE, SIDE))
    valid[:, 200:] = 0
    drawn = draw(photo, clicks((10, 10, 1)), np.ones((SIDE, SIDE), int), valid=valid)
    for number in range(3):
        outside = panel(drawn, number)[:, 200:]
        assert set(np.unique(outside)) == {110, 200}
        np.testing.assert_array_equal(outside, panel(drawn, 0)[:, 200:])
    np.testing.assert_array_equal(panel(drawn, 0)[:, :200], photo[:, :200])


def test_legend_names_present_classes_only(photo):
    legend = draw(photo, clicks((10, 10, 2)))[TITLE + SIDE :]
    colours = {tuple(colour) for colour in legend.reshape(-1, 3).tolist()}
    assert (0, 0, 255) in colours
    assert (255, 0, 0) not in colours
    np.testing.assert_array_equal(legend[3:15, 3:19], np.broadcast_to((0, 0, 255), (12, 16, 3)))


def test_legend_takes_as_many_lines_as_it_needs(photo):
    names = [f'a rather long name {number}' for number in range(8)]
    labels = np.arange(SIDE * SIDE).reshape(SIDE, SIDE) % 8
    colours = [[number, 0, 0] for number in range(8)]
    drawn = draw_panels(photo, None, labels, palette=colours, classes=names)
    # 224 pixels hold two such names at most; how wide a letter is depends on OpenCV's version
    assert drawn.shape[0] - TITLE - SIDE in [lines * 18 for lines in (3, 4, 5)]


def test_small_pictures_are_enlarged():
    photo = np.zeros((32, 56, 3), dtype=np.uint8)
    truth = np.zeros((32, 56), dtype=int)
    truth[5, 7] = 1
    drawn = draw(photo, None, None, truth)
    panel = drawn[TITLE : TITLE + 128, 224 + 4 :]
    assert drawn.shape[:2] == (TITLE + 128 + 18, 2 * 224 + 4)
    red = panel[..., 0] > 100
    assert red.sum() == 16
    assert red[20:24, 28:32].all()


def test_titles_can_be_changed(photo):
    same, other = draw(photo), draw(photo, titles={'photo': 'street.png'})
    assert (same[:TITLE] != other[:TITLE]).any()
    np.testing.assert_array_equal(same[TITLE:], other[TITLE:])


def test_growing_marks_leaves_regions_and_takes_the_nearest():
    labels = np.full((40, 40), 255)
    labels[20:, 20:] = 1
    assert grow_marks(labels, 3) is labels
    labels[5, 5], labels[5, 9] = 2, 0
    grown = grow_marks(labels, 3)
    np.testing.assert_array_equal(grown[5, 1:14], [255, 2, 2, 2, 2, 2, 2, 0, 0, 0, 0, 0, 255][:13])
    np.testing.assert_array_equal(grown[16:, 16:], labels[16:, 16:])


def test_contact_sheet_places_row_by_row():
    pictures = [np.full((10, 20, 3), value, dtype=np.uint8) for value in (10, 20, 30)]
    sheet = contact_sheet(pictures, columns=2)
    assert sheet.shape == (2 * 14, 2 * 24, 3)
    assert (sheet[:10, :20] == 10).all()
    assert (sheet[:10, 24:44] == 20).all()
    assert (sheet[14:24, :20] == 30).all()
    assert (sheet[14:, 24:] == 255).all()


def test_contact_sheet_has_rows_and_columns_of_their_own_size():
    sizes = [(10, 20), (12, 30), (6, 8), (5, 7)]
    sheet = contact_sheet([np.full((*size, 3), 7, dtype=np.uint8) for size in sizes], columns=2)
    assert sheet.shape == (12 + 4 + 6 + 4, 20 + 4 + 30 + 4, 3)
    assert (sheet[:12, 24:54] == 7).all()
    assert (sheet[16:21, 24:31] == 7).all()
    assert (sheet == 7).all(axis=2).sum() == sum(height * width for height, width in sizes)


def test_wrong_input_is_named(photo):
    with pytest.raises(ValueError, match=r'prediction must have the size of the image \(224, 224\), got \(3, 4\)'):
        draw(photo, None, np.zeros((3, 4), int))
    with pytest.raises(ValueError, match=r'class ids \[7\] have no colour: the palette has 3'):
        draw(photo, clicks((0, 0, 7)))
    with pytest.raises(ValueError, match='expected an RGB image'):
        draw(photo[..., 0])
    with pytest.raises(ValueError, match='3 colours for 2 classes'):
        draw_panels(photo, palette=PALETTE, classes=CLASSES[:2])
    with pytest.raises(ValueError, match='at least one picture'):
        contact_sheet([])
