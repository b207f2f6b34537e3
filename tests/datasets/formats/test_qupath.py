"""QuPath's GeoJSON: points, lines, polygons with holes."""

import json

import numpy as np
import pytest
from PIL import Image

from mmseg_wsss.datasets.formats import ReadReport, read_labels, recognise_format

CLASSES = ('background', 'stroma', 'tumour')


def feature(kind, coordinates, name='tumour'):
    classification = None if name is None else {'name': name, 'color': [200, 0, 0]}
    properties = {'objectType': 'annotation', **({} if name is None else {'classification': classification})}
    return {
        'type': 'Feature',
        'id': 'x',
        'geometry': {'type': kind, 'coordinates': coordinates},
        'properties': properties,
    }


def write(tmp_path, *features, as_list=False):
    (tmp_path / 'geo').mkdir(exist_ok=True)
    content = list(features) if as_list else {'type': 'FeatureCollection', 'features': list(features)}
    (tmp_path / 'geo/slide 1.geojson').write_text(json.dumps(content))
    (tmp_path / 'images').mkdir(exist_ok=True)
    Image.new('RGB', (30, 20)).save(tmp_path / 'images/slide 1.tif')
    return tmp_path / 'geo'


def read(folder, report=None, **settings):
    return read_labels({'format': 'qupath', 'path': str(folder), **settings}, CLASSES, report=report)


SQUARE = [[2, 3], [8, 3], [8, 9], [2, 9], [2, 3]]
HOLE = [[4, 5], [6, 5], [6, 7], [4, 7], [4, 5]]


@pytest.mark.parametrize('as_list', [False, True])
def test_objects_of_qupath(tmp_path, as_list):
    folder = write(
        tmp_path,
        feature('Point', [3, 4]),
        feature('MultiPoint', [[1, 2], [5, 6, 0]], 'stroma'),
        feature('LineString', [[1, 1], [5, 5]]),
        feature('Polygon', [SQUARE, HOLE]),
        feature(
            'MultiPolygon', [[[[20, 10], [24, 10], [24, 12], [20, 12]]], [[[0, 0], [1, 0], [1, 1], [0, 1]]]], 'stroma'
        ),
        feature('Point', [9, 9], None),
        as_list=as_list,
    )
    assert recognise_format(folder).name == 'qupath'
    report = ReadReport()
    images = read(folder, report, images=str(tmp_path / 'images'), masks=str(tmp_path / 'm')).images
    entry = images['slide 1']
    assert (entry.file_name, entry.size) == ('slide 1.tif', (30, 20))
    assert entry.annotations.points.tolist() == [[3, 4], [1, 2], [5, 6]]
    assert entry.annotations.point_labels.tolist() == [2, 1, 1]
    assert entry.annotations.polylines[0].tolist() == [[1, 1], [5, 5]]
    expected = np.zeros((20, 30), int)
    expected[3:9, 2:8] = 2
    expected[5:7, 4:6] = 0
    expected[10:12, 20:24] = expected[0, 0] = 1
    assert np.array_equal(np.asarray(Image.open(entry.annotations.mask_path)), expected)
    assert {what: len(names) for what, names in report.left_out.items()} == {'objects without a classification': 1}
    plain = read(folder / 'slide 1.geojson', img_suffix='.png').images['slide 1']
    assert (plain.file_name, plain.annotations.mask_path) == ('slide 1.png', None)


@pytest.mark.parametrize(
    ('item', 'message'),
    [
        (feature('Point', [3]), r'feature 0: coordinates must be a list of places \[x, y\], got \[3\]'),
        (feature('Polygon', 3), 'coordinates must be a list, got 3'),
        (
            feature('Polygon', [[[1, 2], [3, 'a'], [1, 1]]]),
            r"coordinates must be a list of places \[x, y\], got \[3, 'a'\]",
        ),
        (feature('Point', [1, 2], 'tumor'), "unknown class 'tumor'; did you mean 'tumour'"),
        ({'type': 'Feature'}, "the key 'geometry' is missing"),
        (
            {'geometry': None, 'properties': {'classification': 'tumour'}},
            'expected an object with the keys type, got None',
        ),
        (feature('Polygon', [SQUARE]), 'width and height are missing, and masks need them'),
    ],
)
def test_wrong_objects_are_named(tmp_path, item, message):
    with pytest.raises(ValueError, match=f'slide 1.geojson: feature 0: {message.removeprefix("feature 0: ")}'):
        read(write(tmp_path, item), masks=str(tmp_path / 'm'))


def test_derived_classes_and_objects_of_other_types(tmp_path):
    derived = {'geometry': {'type': 'Point', 'coordinates': [3, 4]}}
    several = [{**derived, 'properties': {'classification': {'names': names}}} for names in (['tumour'], [])]
    mixed = {'geometry': {'type': 'GeometryCollection', 'geometries': []}, **several[0]}
    mixed['geometry'] = {'type': 'GeometryCollection', 'geometries': []}
    report = ReadReport()
    (entry,) = read(write(tmp_path, *several, mixed), report).images.values()
    assert entry.annotations.points.tolist() == [[3, 4]]
    assert {what: len(names) for what, names in report.left_out.items()} == {
        'objects without a classification': 1,
        "objects of the type 'GeometryCollection'": 1,
    }
    both = {**derived, 'properties': {'classification': {'names': ['tumour', 'positive']}}}
    with pytest.raises(ValueError, match="unknown class 'tumour: positive'"):
        read(write(tmp_path, both))


def test_the_suffix_of_the_image_may_be_in_the_name_of_the_file(tmp_path):
    folder = write(tmp_path, feature('Point', [3, 4]))
    (folder / 'slide 1.geojson').rename(folder / 'slide 1.tif.geojson')
    for settings in ({}, {'images': str(tmp_path / 'images')}):
        assert [entry.file_name for entry in read(folder, **settings).images.values()] == ['slide 1.tif']
