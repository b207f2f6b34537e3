"""Labels as predictions of Label Studio, read back by its reader."""

import json
from xml.etree.ElementTree import parse

import numpy as np
import pytest

from mmseg_wsss.datasets.formats import ReadReport, read_labels
from mmseg_wsss.datasets.formats.label_studio_brush import _unpacked
from mmseg_wsss.datasets.writers import WRITERS, WriteSettings
from mmseg_wsss.datasets.writers.label_studio import packed_brush
from tests.helpers.written_labels import CLASSES, all_kinds, assert_every_kind_comes_back


@pytest.mark.parametrize(('shapes', 'least'), [('polygons', 0.99), ('brushes', 1)])
def test_every_kind_comes_back(tmp_path, shapes, least):
    # Regions hold the size of an image, and image 'd' has none.
    assert_every_kind_comes_back(
        tmp_path, 'label_studio', tmp_path / 'out.json', shapes, least, sizeless='d', predictions=True
    )


def test_tasks_and_the_labelling_interface(tmp_path):
    settings = WriteSettings(address='/data/local-files/?d=photos/')
    WRITERS['label_studio'].write(all_kinds(tmp_path / 'in'), tmp_path / 'out.json', settings)
    first = json.loads((tmp_path / 'out.json').read_text())[0]
    assert first['data']['image'] == '/data/local-files/?d=photos/field/a%201.jpg'
    results = first['predictions'][0]['result']
    view = parse(tmp_path / 'out.config.xml').getroot()
    names = {control.get('name') for control in view if control.tag != 'Image'}
    assert {result['from_name'] for result in results} == names - {'brushlabels'}
    assert {control.get('toName') for control in view if control.tag != 'Image'} == {'image'}
    labels = view.findall('PolygonLabels/Label')
    assert [label.get('value') for label in labels] == [*CLASSES, '__ignore__']
    assert labels[1].get('background') == '#008000'
    assert [choice.get('value') for choice in view.iter('Choice')] == ['crop', 'weed']


def test_predictions_are_read_only_where_they_are_asked_for(tmp_path):
    WRITERS['label_studio'].write(all_kinds(tmp_path / 'in'), tmp_path / 'out.json', WriteSettings())
    report = ReadReport()
    found = read_labels({'format': 'label_studio', 'path': str(tmp_path / 'out.json')}, CLASSES, report=report).images
    assert sum(entry.annotations.num_labels for entry in found.values()) == 0
    (line,) = report.lines()
    assert line.startswith('left out: 4 predictions of tasks without annotations (--predictions reads them)')


def test_annotations_win_over_predictions(tmp_path):
    WRITERS['label_studio'].write(all_kinds(tmp_path / 'in'), tmp_path / 'out.json', WriteSettings())
    tasks = json.loads((tmp_path / 'out.json').read_text())
    tasks[0]['annotations'] = [{'result': tasks[0]['predictions'][0]['result'][-1:]}]
    (tmp_path / 'out.json').write_text(json.dumps(tasks[:1]))
    found = read_labels({'format': 'label_studio', 'path': str(tmp_path / 'out.json'), 'predictions': True}, CLASSES)
    np.testing.assert_allclose(found.images['field/a 1'].annotations.points, [[0, 130]], atol=1e-9)
    assert found.images['field/a 1'].annotations.num_labels == 1


def test_long_runs_of_a_brush_are_cut():
    area = np.zeros((300, 200), bool)
    area[100:] = True
    area[5, 7] = True
    assert np.array_equal(_unpacked(packed_brush(area), area.size * 4, 'here').reshape(300, 200, 4)[..., 3] > 0, area)
