"""Boxes at the edge of their image; the other checks of numbers are in ``tests/datasets/test_formats.py``."""

import pytest

from mmseg_wsss.datasets.formats import ReadReport
from mmseg_wsss.datasets.formats.checks import clip_boxes
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
