"""Labels as palette PNGs, read back by the reader of index PNGs."""

import numpy as np
import pytest
from mmseg.utils import get_palette
from PIL import Image

from mmseg_wsss.datasets.transforms import LoadWeakAnnotations, RasterizeWeakAnnotations
from mmseg_wsss.datasets.writers import WRITERS, WriteSettings
from mmseg_wsss.datasets.writers.index_png import voc_colours
from mmseg_wsss.structures import ImageEntry, WeakAnnotations, WeakLabelSet
from tests.helpers.written_labels import CLASSES, all_kinds, mask_of, round_trip, scene


def test_masks_with_scribbles_and_clicks_on_them(tmp_path):
    found, report = round_trip(tmp_path, 'index_png', tmp_path / 'out')
    mask = mask_of(found['field/a 1'])
    assert [mask[5, 3], mask[130, 0], mask[8, 7], mask[2, 2], mask[4, 30], mask[10, 31]] == [1, 0, 0, 2, 2, 2]
    assert 30 <= (mask != scene()).sum() <= 45
    assert list(report.left_out.items()) == [
        ('boxes, which have no pixels of their own', ['field/a 1 no. 0', 'field/a 1 no. 1']),
        ('tags, which have no pixels of their own', ['field/a 1 no. 0', 'field/a 1 no. 1', 'c no. 0']),
    ]
    assert report.changed == {'images with clicks or scribbles on a mask, which are painted into it': ['field/a 1']}
    with Image.open(tmp_path / 'out/field/a 1.png') as picture:
        assert picture.getpalette()[:9] == [0, 0, 0, 0, 128, 0, 200, 0, 0]


def test_clicks_and_scribbles_alone_come_back_as_their_pixels(tmp_path):
    weak = WeakAnnotations(
        points=[[3, 5], [38.6, 49]], point_labels=[1, 0], polylines=([[0, 0], [4, 2]],), polyline_labels=[2]
    )
    labels = WeakLabelSet(CLASSES, images={'a': ImageEntry('a.jpg', 40, 50, weak)})
    found, report = round_trip(tmp_path, 'index_png', tmp_path / 'out', labels)
    marks = found['a'].annotations
    labels_of = dict(zip(map(tuple, marks.points.tolist()), marks.point_labels.tolist(), strict=True))
    assert (labels_of.pop((3, 5)), labels_of.pop((39, 49))) == (1, 0)
    assert [labels_of[place] for place in ((0, 0), (2, 1), (4, 2))] == [2, 2, 2]
    assert len(labels_of) == 5
    assert report.lines() == []


def test_lines_between_pixels_are_drawn_as_in_a_training(tmp_path):
    """A vertex in the middle between two pixels belongs to the right and to the lower one."""
    line = np.array([[0.5, 1.5], [6.5, 1.5], [6.5, 4.5]])
    weak = WeakAnnotations(polylines=(line,), polyline_labels=[1])
    labels = WeakLabelSet(CLASSES, images={'a': ImageEntry('a.jpg', 10, 8, weak)})
    WRITERS['index_png'].write(labels, tmp_path / 'out', WriteSettings())
    sample = {'img': np.zeros((8, 10, 3), np.uint8), 'ori_shape': (8, 10), 'weak_annotations': weak}
    sample = RasterizeWeakAnnotations(stroke_width=1)(LoadWeakAnnotations()(sample))
    with Image.open(tmp_path / 'out/a.png') as picture:
        assert np.array_equal(np.asarray(picture), sample['gt_seg_map'])
    assert (sample['gt_seg_map'] == 1).sum() == 10


def test_colours_without_a_palette():
    assert np.array_equal(voc_colours(21), get_palette('voc'))


@pytest.mark.parametrize('name', ['index_png', 'labelme'])
@pytest.mark.parametrize(('key', 'message'), [('../x', r"expected .*'\.\./x"), ('/x', "below {}/out, got '/x")])
def test_names_stay_in_the_folder(tmp_path, name, key, message):
    labels = WeakLabelSet(CLASSES, images={key: all_kinds(tmp_path / 'in').images['b']})
    with pytest.raises(ValueError, match=message.format(tmp_path)):
        WRITERS[name].write(labels, tmp_path / 'out', WriteSettings())
    assert not (tmp_path / 'out').exists()
