"""CSV tables of clicks, boxes and tags."""

import pytest

from mmseg_wsss.datasets.formats import ReadReport, read_labels, recognise_format

CLASSES = ('background', 'crop', 'weed')


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
        ('', r'there is no column for the image, .* got \[\]'),
        ('hello\n', r'there is no column for the image, .* got \[.hello.\]'),
        ('image,image,class\na.jpg,b.jpg,weed\n', "t.csv: the column 'image' appears twice"),
        ('image,x,y\na.jpg,1,2\n', 'there is no column for the class, which may be named class, label'),
        ('image,x,y,class\na.jpg,1,oops,weed\n', "t.csv, line 2: y must be a number, got 'oops'"),
        ('image,x,y,class\na.jpg,1,,weed\n', "line 2: y must be a number, got ''"),
        ('image,x,y,class\na.jpg,1,2,wede\n', "line 2: unknown class 'wede'; did you mean 'weed'"),
        ('image,x,y,class\n,1,2,weed\n', "line 2: image must be a path below the image folder, got ''"),
        ('image,x,y,class\na.jpg,1,2,weed,3\n', 'line 2: expected 4 values, as in the first line'),
        ('image,x,y,class\na.jpg,1,2,weed\na.png,1,2,weed\n', "line 3: image 'a' appears twice"),
        ('image,class,xmin,ymin,xmax,ymax,width,height\na,weed,1,1,2,2,9,9\na,weed,1,1,2,2,8,9\n', 'several sizes'),
        ('image,class\na\0,weed\n', 't.csv is not CSV: it holds a null character'),
        ('image,class\n"a' + 'b' * 200_000 + '",weed\n', 't.csv, line .* is not CSV: field larger than field limit'),
    ],
)
def test_wrong_tables_are_named(tmp_path, text, message):
    with pytest.raises(ValueError, match=message):
        read_table(table(tmp_path, text))
