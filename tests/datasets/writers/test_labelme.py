"""Labels as files of LabelMe, read back by its reader."""

import json

import pytest

from mmseg_wsss.datasets.writers import WRITERS, WriteSettings
from mmseg_wsss.structures import ImageEntry, WeakAnnotations, WeakLabelSet
from tests.helpers.written_labels import CLASSES, all_kinds, assert_every_kind_comes_back, round_trip


@pytest.mark.parametrize(('shapes', 'least'), [('polygons', 0.99), ('brushes', 1)])
def test_every_kind_comes_back(tmp_path, shapes, least):
    assert_every_kind_comes_back(tmp_path, 'labelme', tmp_path / 'out', shapes, least)


def test_the_image_is_found_from_the_file(tmp_path):
    labels = all_kinds(tmp_path / 'in')
    for images, name in ((None, 'a 1.jpg'), (tmp_path / 'photos', '../../photos/field/a 1.jpg')):
        WRITERS['labelme'].write(labels, tmp_path / 'out', WriteSettings(images=images))
        content = json.loads((tmp_path / 'out/field/a 1.json').read_text())
        assert (content['imagePath'], content['imageData']) == (name, None)
        assert (content['imageHeight'], content['imageWidth']) == (131, 173)
    assert json.loads((tmp_path / 'out/c.json').read_text())['flags'] == {'crop': False, 'weed': True}


def test_images_that_have_none_of_the_classes_stay_so(tmp_path):
    labels = WeakLabelSet(CLASSES, images={'a': ImageEntry('a.jpg', 9, 8, WeakAnnotations(tags=()))})
    found, report = round_trip(tmp_path, 'labelme', tmp_path / 'out', labels)
    assert found['a'].annotations.tags == ()
    assert report.lines() == []
