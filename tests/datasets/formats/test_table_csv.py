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


@pytest.mark.parametrize(
    ('header', 'named'),
    [
        ('image,class,x,y,w,h', "'x', 'y', 'w', 'h'"),
        ('image,class,x_center,y_center,width,height', "'x_center', 'y_center', 'width', 'height'"),
        ('image,class,xmin,ymin,width,height', "'xmin', 'ymin', 'width', 'height'"),
        ('image,class,xmin,ymin,xmax,y', "'xmin', 'ymin', 'xmax', 'y'"),
        ('image,class,x,y,xmin,z', "'xmin', 'x', 'y'"),
        ('image,class,x,lat,lon,z', "'x'"),
        ('image,class,BBox,a,b,c', "'BBox'"),
    ],
)
def test_columns_of_places_that_are_not_read(tmp_path, header, named):
    """They were clicks at the corner of a box, or tags without a place."""
    path = table(tmp_path, f'{header}\na.jpg,weed,1,2,3,4\n')
    with pytest.raises(ValueError, match=f't.csv: the columns {named} are not read: expected x and y of clicks'):
        read_table(path)


def test_clicks_beside_the_size_of_the_image(tmp_path):
    path = table(tmp_path, 'image,class,x,y,image_width,image_height\na.jpg,weed,3,4,60,40\n')
    assert read_table(path).images['a'].annotations.points.tolist() == [[3, 4]]
    path = table(tmp_path, 'image,class,x,y,width,height\na.jpg,weed,3,4,60,40\na.jpg,weed,50,9,60,40\n')
    assert read_table(path).images['a'].annotations.points.tolist() == [[3, 4], [50, 9]]


@pytest.mark.parametrize('rows', ['3,4,60,40\na.jpg,weed,3,4,60,41', '3,4,60,40\na.jpg,weed,61,4,60,40', '3,4,9,9'])
def test_clicks_beside_what_may_be_the_size_of_a_box(tmp_path, rows):
    with pytest.raises(ValueError, match="the columns 'x', 'y', 'width', 'height' are not read"):
        read_table(table(tmp_path, f'image,class,x,y,width,height\na.jpg,weed,{rows}\n'))


def test_tags_beside_the_number_of_the_row(tmp_path):
    assert read_table(table(tmp_path, 'row,image,class\n0,a.jpg,weed\n')).images['a'].annotations.tags == (2,)


def test_shares_of_the_image_are_not_pixels(tmp_path):
    path = table(tmp_path, 'image,class,xmin,ymin,xmax,ymax\na.jpg,weed,0.1,0.2,0.5,1\n')
    with pytest.raises(ValueError, match='t.csv: no coordinate is larger than 1, so they are shares of the image; exp'):
        read_table(path)
    path = table(tmp_path, 'image,class,x,y\na.jpg,weed,0.1,0.2\na.jpg,weed,1,1.5\n')
    assert len(read_table(path).images['a'].annotations.points) == 2
    path = table(tmp_path, 'image,class,x,y\na.jpg,weed,0,1\na.jpg,weed,1,1\n')
    assert len(read_table(path).images['a'].annotations.points) == 2


def test_json_in_the_column_of_classes(tmp_path):
    cell = '"[{""x"": 10, ""rectanglelabels"": [""weed""]}]"'
    path = table(tmp_path, f'image,id,label,annotator,annotation_id\na.jpg,1,{cell},1,1\n')
    with pytest.raises(ValueError, match='line 2: label must hold names of classes, got JSON: .* looks like CSV of L'):
        read_table(path)
    with pytest.raises(ValueError, match='looks like CSV of Label Studio, which is not read: export the project as J'):
        recognise_format(path)


def test_a_column_for_each_class(tmp_path):
    """As Roboflow writes the tags of images."""
    path = table(tmp_path, 'filename, crop, weed\na.jpg, 1, 0\nb.jpg, 0, 0\nc.jpg, 1, 1\n')
    assert recognise_format(path).name == 'table_csv'
    assert [entry.annotations.tags for entry in read_table(path).images.values()] == [(1,), (), (1, 2)]
    with pytest.raises(ValueError, match="line 3: weed must be 1 or 0, whether the image has this class, got ' yes'"):
        read_table(table(tmp_path, 'filename, crop, weed\na.jpg, 1, 0\nb.jpg, 0, yes\n'))
    with pytest.raises(ValueError, match="unknown class 'wheat'"):
        read_table(table(tmp_path, 'filename,crop,wheat\na.jpg,0,1\n'))


def test_a_dot_in_a_name_is_no_suffix(tmp_path):
    path = table(tmp_path, 'image,x,y,class\nplot_1.5,3,4,weed\nplot_1.6,3,4,weed\nb.TIF,3,4,weed\n')
    assert [entry.file_name for entry in read_table(path).images.values()] == ['plot_1.5.jpg', 'plot_1.6.jpg', 'b.TIF']
