"""CSV tables, colour PNG, and COCO panoptic segmentation."""

import json

import numpy as np
import pytest
from PIL import Image

from mmseg_wsss.datasets.formats import ReadReport, read_labels, recognise_format

CLASSES = ('background', 'crop', 'weed')


# ---------------------------------------------------------------- tables


def table(tmp_path, text, encoding='utf-8'):
    (tmp_path / 't.csv').write_text(text, encoding=encoding)
    return tmp_path / 't.csv'


def read_table(path, report=None, **settings):
    return read_labels({'format': 'table_csv', 'path': str(path), **settings}, CLASSES, report=report)


@pytest.mark.parametrize(
    'text',
    [
        'image,x,y,class\nf/1.jpg,31,12.5,weed\nf/1.jpg,4,40,background\n',
        'X;Y;Label;Filename\n31;12.5;weed;f\\1.jpg\n4;40;background;f\\1.jpg\n',
        '\tclass\timage\tx\ty\n0\tweed\tf/1\t31\t12.5\n1\tbackground\tf/1\t4\t40\n',
    ],
)
def test_clicks_of_a_table(tmp_path, text):
    path = table(tmp_path, text, 'utf-8-sig')
    assert recognise_format(path).name == 'table_csv'
    (entry,) = read_table(path).images.values()
    assert entry.file_name == 'f/1.jpg'
    assert entry.annotations.points.tolist() == [[31, 12.5], [4, 40]]
    assert entry.annotations.point_labels.tolist() == [2, 0]
    assert entry.annotations.tags is None
    assert read_table(path, tags=True).images['f/1'].annotations.tags == (2,)


def test_boxes_of_a_table(tmp_path):
    """As Roboflow and TensorFlow write them."""
    text = 'filename,width,height,class,xmin,ymin,xmax,ymax\na.jpg,64,48,weed,3,4,20,30\nb.jpg,64,48,,,,,\n'
    report = ReadReport()
    images = read_table(table(tmp_path, text), report).images
    assert images['a'].size == (64, 48)
    assert images['a'].annotations.boxes.tolist() == [[3, 4, 19, 29]]
    assert images['b'].annotations.num_labels == 0
    assert list(report.left_out) == ['rows without coordinates']


def test_tags_of_a_table(tmp_path):
    images = read_table(table(tmp_path, 'image,tags\na.jpg,weed|crop\nb.jpg,\nc.jpg,weed\nc.jpg,crop\n')).images
    assert [entry.annotations.tags for entry in images.values()] == [(1, 2), (), (1, 2)]
    path = table(tmp_path, 'image;tags\na.jpg;weed crop\n')
    assert read_table(path, separator=' ').images['a'].annotations.tags == (1, 2)


@pytest.mark.parametrize(
    ('text', 'message'),
    [
        ('picture,x,y,class\na.jpg,1,2,weed\n', 'there is no column for the image, which may be named image, filename'),
        ('image,x,y\na.jpg,1,2\n', 'there is no column for the class, which may be named class, label'),
        ('image,x,y,class\na.jpg,1,oops,weed\n', "t.csv, line 2: y must be a number, got 'oops'"),
        ('image,x,y,class\na.jpg,1,,weed\n', "line 2: y must be a number, got ''"),
        ('image,x,y,class\na.jpg,1,2,wede\n', "line 2: unknown class 'wede'; did you mean 'weed'"),
        ('image,x,y,class\n,1,2,weed\n', "line 2: image must be a path below the image folder, got ''"),
        ('image,x,y,class\na.jpg,1,2,weed,3\n', 'line 2: expected 4 values, as in the first line'),
        ('image,x,y,class\na.jpg,1,2,weed\na.png,1,2,weed\n', "line 3: image 'a' comes twice"),
        ('image,class,xmin,ymin,xmax,ymax,width,height\na,weed,1,1,2,2,9,9\na,weed,1,1,2,2,8,9\n', 'several sizes'),
        ('image,class\na\0,weed\n', 't.csv is not CSV: it holds a null character'),
        ('image,class\n"a' + 'b' * 200_000 + '",weed\n', 't.csv, line .* is not CSV: field larger than field limit'),
    ],
)
def test_wrong_tables_are_named(tmp_path, text, message):
    with pytest.raises(ValueError, match=message):
        read_table(table(tmp_path, text))


# ---------------------------------------------------------------- colours


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


# ---------------------------------------------------------------- panoptic


def panoptic(tmp_path, *segments, **changes):
    numbers = np.zeros((6, 8), int)
    numbers[1:3, 2:7], numbers[4, 4], numbers[5] = 7, 70_000, 300
    picture = np.stack([numbers % 256, numbers // 256 % 256, numbers // 65536], axis=2).astype(np.uint8)
    (tmp_path / 'panoptic').mkdir(exist_ok=True)
    Image.fromarray(picture).save(tmp_path / 'panoptic/a.png')
    annotation = {'image_id': 1, 'file_name': 'a.png', 'segments_info': list(segments)}
    content = {
        'images': [{'id': 1, 'file_name': 'a.jpg', 'width': 8, 'height': 6}],
        'annotations': [annotation],
        'categories': [{'id': 1, 'name': 'weed', 'isthing': 1}, {'id': 2, 'name': 'crop', 'isthing': 0}],
        **changes,
    }
    (tmp_path / 'panoptic.json').write_text(json.dumps(content))
    return tmp_path / 'panoptic.json'


def segment(number, category, box, **more):
    return {'id': number, 'category_id': category, 'bbox': box, 'area': 25, 'iscrowd': 0, **more}


WEED, CROP, CROWD = (
    segment(7, 1, [2, 1, 5, 2]),
    segment(70_000, 2, [4, 4, 1, 1]),
    segment(300, 1, [0, 5, 8, 1], iscrowd=1),
)


def read_panoptic(path, report=None, **settings):
    return read_labels({'format': 'coco_panoptic', 'path': str(path), **settings}, CLASSES, report=report)


def test_segments_become_boxes_tags_and_masks(tmp_path):
    path = panoptic(tmp_path, WEED, CROP, CROWD)
    assert recognise_format(path).name == 'coco_panoptic'
    report = ReadReport()
    found = read_panoptic(path, report, tags=True).images['a'].annotations
    assert found.boxes.tolist() == [[2, 1, 6, 2], [4, 4, 4, 4]]
    assert found.tags == (1, 2)
    assert {what: len(names) for what, names in report.left_out.items()} == {
        'outlines and painted areas (--masks DIR writes them)': 3, 'boxes of crowds (iscrowd)': 1,
    }  # fmt: skip
    found = read_panoptic(path, masks=str(tmp_path / 'm')).images['a'].annotations
    expected = np.full((6, 8), 255)
    expected[1:3, 2:7], expected[4, 4], expected[5] = 2, 1, 2
    assert np.array_equal(np.asarray(Image.open(found.mask_path)), expected)


@pytest.mark.parametrize(
    ('segments', 'changes', 'message'),
    [
        ([{'id': 7}], {}, r"segments_info\[0\]: the key 'category_id' is missing"),
        ([segment(7, 3, [1, 2, 3, 4])], {}, 'names the category 3, which the file does not list'),
        ([segment(7, 1, [1, 2, 3])], {}, 'bbox must be four numbers'),
        ([], {'images': []}, r'annotations\[0\] names the image 1, which the file does not list'),
        ([], {'categories': [{'id': 1}]}, r"categories\[0\]: the key 'name' is missing"),
        ([], {'images': [{'id': 1, 'file_name': 'a'}] * 2}, r'images\[1\]: id must be an integer or a text of its own'),
        ([], {'annotations': [{'image_id': 1}]}, "the key 'file_name' is missing"),
    ],
)
def test_wrong_panoptic_files_are_named(tmp_path, segments, changes, message):
    with pytest.raises(ValueError, match=f'panoptic.json.*{message}'):
        read_panoptic(panoptic(tmp_path, *segments, **changes), masks=str(tmp_path / 'm'))


def test_missing_segments_are_named(tmp_path):
    path = panoptic(tmp_path, WEED)
    (tmp_path / 'panoptic/a.png').rename(tmp_path / 'a.png')
    with pytest.raises(FileNotFoundError, match='the PNG of segments not found: .*panoptic/a.png'):
        read_panoptic(path, masks=str(tmp_path / 'm'))
    assert read_panoptic(path, masks=str(tmp_path / 'm'), segments=str(tmp_path)).images['a'].annotations.mask_path
    with pytest.raises(
        ValueError, match="the key 'category_id' is missing.*looks like COCO panoptic segmentation: the"
    ):
        read_labels({'format': 'coco', 'path': str(path)}, CLASSES)
