import numpy as np
import pytest
from mmseg.registry import TRANSFORMS

from mmseg_wsss.structures import WeakAnnotations


def run(results, **settings):
    return TRANSFORMS.build({'type': 'LoadImageTags', **settings})({'img_path': 'a.jpg', **results})


@pytest.mark.parametrize(
    ('labels', 'tags'),
    [
        (WeakAnnotations(tags=(3, 1)), [3, 1]),
        (WeakAnnotations(boxes=[[0, 0, 3, 3], [1, 1, 2, 2]], box_labels=[5, 2]), [2, 5]),
        (WeakAnnotations(points=[[0, 0], [1, 1]], point_labels=[0, 4]), [4]),
        (WeakAnnotations(tags=()), []),
    ],
)
def test_tags_of_any_label(labels, tags):
    found = run({'weak_annotations': labels})['gt_tags']
    assert found.tolist() == tags
    assert found.dtype == np.int64


def test_tags_of_the_truth():
    mask = np.array([[0, 3, 255], [7, 7, 0]], dtype=np.uint8)
    assert run({'gt_seg_map': mask}, from_truth=True)['gt_tags'].tolist() == [3, 7]
    assert run({'gt_seg_map': mask * 0}, from_truth=True)['gt_tags'].tolist() == []


def test_errors_say_what_is_missing():
    with pytest.raises(ValueError, match='a.jpg: nobody tagged this image'):
        run({'weak_annotations': WeakAnnotations()})
    with pytest.raises(KeyError, match='no weak_annotations in the sample: set weak_labels of the data set'):
        run({})
    with pytest.raises(KeyError, match='no gt_seg_map in the sample: put LoadAnnotations before it'):
        run({'weak_annotations': WeakAnnotations(tags=(1,))}, from_truth=True)
