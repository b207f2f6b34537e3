"""Label files are recognised."""

import json

import pytest

from mmseg_wsss.datasets.own_data.reading import recognise
from tests.helpers.miniatures import scribble_xml, voc_xml
from tests.helpers.one_of_each import write_own_data


def test_formats_are_recognised(tmp_path):
    root = write_own_data(tmp_path)
    assert recognise(root / 'weak_labels.json') == 'canonical'
    assert recognise(root / 'masks') == 'index_png'
    for name, text in (('voc', voc_xml('cat')), ('strokes', scribble_xml('cat'))):
        (root / name).mkdir()
        (root / name / 'a.xml').write_text(text)
    assert (recognise(root / 'voc'), recognise(root / 'strokes')) == ('voc_xml', 'scribblesup')
    (root / 'coco.json').write_text(json.dumps({'images': [], 'annotations': [], 'categories': []}))
    assert recognise(root / 'coco.json') == 'coco'
    (root / 'x.json').write_text('[1]')
    with pytest.raises(ValueError, match='looks like none of the label formats'):
        recognise(root / 'x.json')
