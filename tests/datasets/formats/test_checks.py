"""Boxes at the edge of their image; the other checks of numbers are in ``tests/datasets/test_formats.py``."""

import pytest

from mmseg_wsss.datasets.formats import ReadReport, read_labels
from mmseg_wsss.datasets.formats.checks import check_pixels, clip_boxes
from mmseg_wsss.structures import ImageEntry, WeakAnnotations, WeakLabelSet


@pytest.mark.parametrize(
    ('box', 'kept', 'counted'),
    [
        ([2, 1, 9, 5], [2, 1, 9, 5], ()),
        ([-4, 1, 12, 5], [0, 1, 9, 5], ('boxes cut off at the edge of their image',)),
        ([-9, 1, -0.5, 5], [0, 1, 0, 5], ('boxes cut off at the edge of their image',)),
        ([-9, 1, -1, 5], None, ('boxes outside of their image',)),
        ([2, 10, 9, 12], None, ('boxes outside of their image',)),
    ],
)
def test_boxes_are_cut_off_or_left_out(box, kept, counted):
    entry = ImageEntry('a.jpg', annotations=WeakAnnotations(boxes=[box], box_labels=[1]))
    report = ReadReport()
    (clipped,) = clip_boxes(
        WeakLabelSet(('background', 'cat'), images={'a': entry}), {'a': (10, 8)}, report
    ).images.values()
    assert clipped.annotations.boxes.tolist() == ([] if kept is None else [kept])
    assert clipped.annotations.box_labels.tolist() == ([] if kept is None else [1])
    assert {**report.changed, **report.left_out} == {name: ['box 0 of a.jpg'] for name in counted}


def test_only_files_of_other_programs_must_have_coordinates_above_one(tmp_path):
    """A label set of our own may have labels in the first pixel alone."""
    labels = WeakLabelSet(
        ('background', 'weed'),
        images={'a': ImageEntry('a.jpg', 8, 6, WeakAnnotations(points=[[0.5, 0.25], [0, 1]], point_labels=[1, 0]))},
    )
    with pytest.raises(ValueError, match='here: no coordinate is larger than 1, so they are shares of the image'):
        check_pixels(labels, 'here')
    labels.write(tmp_path / 'weak_labels.json')
    read = read_labels(str(tmp_path / 'weak_labels.json'), labels.classes)
    assert read.images['a'].annotations.points.tolist() == [[0.5, 0.25], [0, 1]]
