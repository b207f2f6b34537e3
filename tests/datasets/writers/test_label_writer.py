"""The masks of images as shapes, and the settings of writers."""

from dataclasses import replace

import numpy as np
import pytest

from mmseg_wsss.datasets.formats import FORMATS
from mmseg_wsss.datasets.writers import WRITERS, WriteSettings
from mmseg_wsss.datasets.writers.label_writer import painted_areas
from mmseg_wsss.structures import ImageEntry, WeakLabelSet
from tests.helpers.written_labels import CLASSES, all_kinds, scene


def test_every_writer_has_a_reader_of_its_name():
    assert {*WRITERS} <= {*FORMATS}
    assert all(name == writer.name for name, writer in WRITERS.items())


def test_areas_in_the_order_in_which_they_are_painted(tmp_path):
    entry = all_kinds(tmp_path).images['field/a 1']
    names = [area.name for area in painted_areas('a', entry, CLASSES, WriteSettings())]
    assert names == ['crop', '__ignore__', 'weed', 'background', 'weed']
    areas = painted_areas('a', entry, CLASSES, WriteSettings(shapes='brushes'))
    assert [area.name for area in areas] == ['crop', 'weed', '__ignore__']
    assert np.array_equal(areas[1].pixels, scene() == 2)


def test_masks_that_do_not_fit_are_named(tmp_path):
    entry = all_kinds(tmp_path).images['field/a 1']
    with pytest.raises(ValueError, match=r"image 'a': its mask .*a.png is 173 x 131 pixels, expected .*, 173 x 130"):
        painted_areas('a', replace(entry, height=130), CLASSES, WriteSettings())
    with pytest.raises(
        ValueError, match=r"image 'a': its mask .* holds the values \[2\], expected ids of the 2 classes"
    ):
        painted_areas('a', entry, CLASSES[:2], WriteSettings())


@pytest.mark.parametrize(
    ('settings', 'message'),
    [
        ({'shapes': 'boxes'}, "shapes must be one of polygons, brushes, got 'boxes'"),
        ({'tolerance': float('nan')}, 'tolerance must be a number of pixels, at least 0, got nan'),
        ({'min_area': -1}, 'min_area must be a number of pixels, at least 0, got -1'),
    ],
)
def test_wrong_settings(settings, message):
    with pytest.raises(ValueError, match=message):
        WriteSettings(**settings)


@pytest.mark.parametrize('name', ['index_png', 'label_studio'])
def test_an_image_of_unknown_size_is_named(tmp_path, name):
    labels = WeakLabelSet(CLASSES, images={'b': ImageEntry('b.png')})
    with pytest.raises(ValueError, match="image 'b': its width and height must be known before its labels are written"):
        WRITERS[name].write(labels, tmp_path / 'out', WriteSettings())
