"""Labels as XML of CVAT, read back by its reader."""

from xml.etree.ElementTree import parse

import pytest

from mmseg_wsss.datasets.writers import WRITERS, WriteSettings
from mmseg_wsss.structures import ImageEntry, WeakAnnotations, WeakLabelSet
from tests.helpers.written_labels import CLASSES, all_kinds, assert_every_kind_comes_back, round_trip


@pytest.mark.parametrize(('shapes', 'least'), [('polygons', 0.99), ('brushes', 1)])
def test_every_kind_comes_back(tmp_path, shapes, least):
    assert_every_kind_comes_back(tmp_path, 'cvat', tmp_path / 'out.xml', shapes, least)


def test_shapes_lie_above_each_other_and_are_marked_as_automatic(tmp_path):
    WRITERS['cvat'].write(all_kinds(tmp_path / 'in'), tmp_path / 'out.xml', WriteSettings())
    root = parse(tmp_path / 'out.xml').getroot()
    first = root.find('image')
    assert [shape.get('z_order') for shape in first if shape.tag != 'tag'] == [str(index) for index in range(11)]
    assert {shape.get('source') for shape in root.iter() if shape.get('label')} == {'auto'}
    assert [name.text for name in root.findall('meta/task/labels/label/name')] == [*CLASSES, '__ignore__']
    assert [shape.tag for shape in first if shape.tag != 'polygon'] == [
        'tag',
        'tag',
        'box',
        'box',
        'polyline',
        'polyline',
        'points',
        'points',
    ]


def test_that_there_are_no_classes_cannot_be_said(tmp_path):
    labels = WeakLabelSet(CLASSES, images={'a': ImageEntry('a.jpg', 9, 8, WeakAnnotations(tags=()))})
    _, report = round_trip(tmp_path, 'cvat', tmp_path / 'out.xml', labels)
    assert report.left_out == {'images without any of the classes, which tags cannot say': ['a']}
