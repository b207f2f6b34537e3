"""Names of classes as files of other tools spell them."""

import json

import pytest

from mmseg_wsss.datasets.formats import ReadReport, read_labels, read_named_labels
from mmseg_wsss.datasets.formats.class_names import ClassNames

COMPOSED, DECOMPOSED = 'M\u00f6hre', 'Mo\u0308hre'


def write_labelme(folder, *names):
    """One image of LabelMe with a click for each name."""
    shapes = [{'label': name, 'shape_type': 'point', 'points': [[5, 6]], 'flags': {}} for name in names]
    content = {'flags': {}, 'shapes': shapes, 'imagePath': 'a.jpg', 'imageData': None}
    folder.mkdir()
    (folder / 'a.json').write_text(json.dumps({**content, 'imageHeight': 20, 'imageWidth': 30}))
    return {'format': 'labelme', 'path': str(folder)}


@pytest.mark.parametrize('spelling', ['weed ', ' weed', '\u00a0weed\t'])
def test_white_space_around_a_name_is_no_other_class(tmp_path, spelling):
    source = write_labelme(tmp_path / 'json', 'weed', spelling)
    report = ReadReport()
    labels = read_named_labels(source, report=report)
    assert labels.classes == ('background', 'weed')
    assert labels.images['a'].annotations.point_labels.tolist() == [1, 1]
    assert report.lines()[0].startswith(f"changed: 1 names {spelling!r} read as 'weed' (")
    given = read_labels(source, ('background', 'crop', 'weed'))
    assert given.images['a'].annotations.point_labels.tolist() == [2, 2]


def test_a_name_is_stripped_if_it_only_comes_with_white_space(tmp_path):
    assert read_named_labels(write_labelme(tmp_path / 'json', 'weed ')).classes == ('background', 'weed')


@pytest.mark.parametrize(('first', 'second'), [(COMPOSED, DECOMPOSED), (DECOMPOSED, COMPOSED)])
def test_accents_in_two_forms_are_one_class(tmp_path, first, second):
    report = ReadReport()
    labels = read_named_labels(write_labelme(tmp_path / 'json', first, second), report=report)
    assert labels.classes == ('background', COMPOSED)
    message = f"changed: 1 names '{DECOMPOSED}' read as '{COMPOSED}', which has its accents in another form ("
    assert [line.startswith(message) for line in report.lines()] == [True]
    assert labels.images['a'].annotations.point_labels.tolist() == [1, 1]


def test_a_mapped_name_may_have_white_space():
    assert ClassNames(('background', 'cat'), names={'kitty': 'cat'}).find('kitty ', 'a.json') == 1


def test_names_that_differ_in_case_are_an_error_wherever_classes_are_collected(tmp_path):
    with pytest.raises(ValueError, match="the classes 'weed' and 'Weed' differ in upper and lower case or white"):
        read_named_labels(write_labelme(tmp_path / 'json', 'weed', 'Weed'))


def test_a_similar_name_is_still_unknown():
    with pytest.raises(ValueError, match="unknown class 'Weed'; did you mean 'weed'"):
        ClassNames(('background', 'weed')).find('Weed', 'a.json')
