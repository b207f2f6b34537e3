"""Points of napari and ImageJ: a CSV file per image."""

import pytest

from mmseg_wsss.datasets.formats import read_labels, recognise_format

CLASSES = ('background', 'stroma', 'tumour')


def read(folder, **settings):
    return read_labels({'format': 'points_per_image', 'path': str(folder), **settings}, CLASSES)


def points(tmp_path, text):
    (tmp_path / 'points').mkdir(exist_ok=True)
    (tmp_path / 'points/cells.csv').write_text(text)
    return tmp_path / 'points'


@pytest.mark.parametrize(
    'text',
    [
        'index,axis-0,axis-1\n0.0,4.5,3.0\n1.0,8.0,7.0\n',  # napari: down, across
        ' ,X,Y\n1,3.0,4.5\n2,7.0,8.0\n',  # ImageJ
    ],
)
def test_points_of_napari_and_imagej(tmp_path, text):
    folder = points(tmp_path, text)
    assert recognise_format(folder).name == 'points_per_image'
    entry = read(folder, class_name='tumour', img_suffix='.tif').images['cells']
    assert entry.file_name == 'cells.tif'
    assert entry.annotations.points.tolist() == [[3, 4.5], [7, 8]]
    assert entry.annotations.point_labels.tolist() == [2, 2]
    with pytest.raises(ValueError, match='cells.csv, line 2: there is no column for the class: --class-name NAME'):
        read(folder)


@pytest.mark.parametrize(
    ('text', 'message'),
    [
        ('index,axis-0,axis-1,axis-2\n0,1,2,3\n', 'expected the points of one image'),
        ('index,shape-type,vertex-index,axis-0,axis-1\n0,path,0,1,2\n', 'expected the points of one image'),
        (
            'a,b\n1,2\n',
            r'of one image, with the columns axis-1 and axis-0 or X and Y or x and y, got \[.a., .b.\]',
        ),
        ('', r'cells.csv: expected the points of one image, .* got \[\]'),
        ('hello\n', r'cells.csv: expected the points of one image, .* got \[.hello.\]'),
        ('X,Y,Class\n1,?,tumour\n', r"line 2: Y must be a number, got '\?'"),
        ('X,Y,Class\n1,2,tumor\n', "line 2: unknown class 'tumor'"),
    ],
)
def test_wrong_points_are_named(tmp_path, text, message):
    with pytest.raises(ValueError, match=message):
        read(points(tmp_path, text))
