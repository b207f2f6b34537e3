"""Masks in colours, with the tables of CVAT and CamVid."""

import numpy as np
import pytest
from PIL import Image

from mmseg_wsss.datasets.formats import ReadReport, read_labels, recognise_format

CLASSES = ('background', 'crop', 'weed')


LABELMAP = '# label:color_rgb:parts:actions\nbackground:0,0,0::\nweed:0,128,0::\ncrop:64,0,128::\n'


def colours(tmp_path, text=LABELMAP, name='labelmap.txt', value=(0, 128, 0)):
    picture = np.zeros((6, 8, 3), np.uint8)
    picture[1:3, 2:7] = value
    picture[4, 4] = (64, 0, 128)
    (tmp_path / 'SegmentationClass').mkdir(exist_ok=True)
    Image.fromarray(picture).save(tmp_path / 'SegmentationClass/a.png')
    (tmp_path / name).write_text(text)
    return tmp_path / 'SegmentationClass'


def read_colours(folder, tmp_path, report=None, **settings):
    source = {'format': 'colour_png', 'path': str(folder), 'masks': str(tmp_path / 'm'), **settings}
    return read_labels(source, CLASSES, report=report)


@pytest.mark.parametrize(
    ('name', 'text'),
    [
        ('labelmap.txt', LABELMAP),
        ('label_colors.txt', '0 0 0\tbackground\n0 128 0\t\tweed\n64 0 128  crop\n'),
        ('class_dict.csv', 'name,r,g,b\nbackground,0,0,0\nweed,0,128,0\ncrop,64,0,128\n'),
        ('classes.csv', '"Class", "R", "G", "B"\nbackground,0,0,0\nweed,0,128,0\ncrop,64,0,128\n'),
        ('class_colors.txt', 'background, 0, 0, 0\nweed, 0, 128, 0\ncrop, 64, 0, 128\n'),
    ],
)
def test_colours_become_class_ids(tmp_path, name, text):
    folder = colours(tmp_path, text, name)
    assert recognise_format(folder).name == 'colour_png'
    entry = read_colours(folder, tmp_path).images['a']
    assert (entry.file_name, entry.size) == ('a.jpg', (8, 6))
    expected = np.zeros((6, 8), int)
    expected[1:3, 2:7] = 2
    expected[4, 4] = 1
    assert np.array_equal(np.asarray(Image.open(entry.annotations.mask_path)), expected)


def test_the_hidden_colour_of_transparent_pixels_is_refused(tmp_path):
    folder = colours(tmp_path)
    picture = np.dstack([np.asarray(Image.open(folder / 'a.png')), np.full((6, 8), 255, np.uint8)])
    picture[5, :, 3] = 0  # transparent background, as annotation tools write it
    Image.fromarray(picture).save(folder / 'a.png')
    mask = np.asarray(Image.open(read_colours(folder, tmp_path).images['a'].annotations.mask_path))
    assert (mask == 2).sum() == 10
    picture[1, 2:5, 3] = 0
    Image.fromarray(picture).save(folder / 'a.png')
    message = r"a.png: 3 transparent pixels have the colour of a class, such as 'weed', .*: paint them in the colour of"
    with pytest.raises(ValueError, match=message):
        read_colours(folder, tmp_path / 'again')


def test_colours_of_other_classes_are_unlabelled(tmp_path):
    folder = colours(tmp_path, LABELMAP.replace('weed', 'sky'))
    with pytest.raises(ValueError, match="a.png: unknown class 'sky'"):
        read_colours(folder, tmp_path)
    report = ReadReport()
    entry = read_colours(folder, tmp_path, report, only_classes=True).images['a']
    mask = np.asarray(Image.open(entry.annotations.mask_path))
    assert (mask == 255).sum() == 10
    assert list(report.left_out) == ["of the class 'sky', which is not in the list"]


def test_wrong_colours_are_named(tmp_path):
    with pytest.raises(ValueError, match=r'a.png: the colour \(1, 2, 3\) of 10 pixels is not in the table'):
        read_colours(colours(tmp_path, value=(1, 2, 3)), tmp_path)
    for text, message in (
        ('weed 1 2\n', "labelmap.txt, line 1: expected a name and three numbers in 0..255, got 'weed 1 2'"),
        ('weed 1 2 256\n', 'expected a name and three numbers in 0..255'),
        ('1 2 3\n', 'expected a name and three numbers in 0..255'),
        ('a 1 2 3\nb 1 2 3\n', "line 2: 'b' has the colour of 'a'"),
    ):
        with pytest.raises(ValueError, match=message):
            read_colours(colours(tmp_path, text), tmp_path)
    (tmp_path / 'labelmap.txt').unlink()
    with pytest.raises(FileNotFoundError, match='--colours FILE names the table of colours'):
        read_colours(tmp_path / 'SegmentationClass', tmp_path)
    with pytest.raises(ValueError, match='--masks DIR .* says where to write the masks'):
        read_colours(tmp_path / 'SegmentationClass', tmp_path, masks=None)
