"""Labels as COCO instances, read back by the reader of COCO."""

import json

import numpy as np

from mmseg_wsss.datasets.writers import WRITERS, WriteSettings
from mmseg_wsss.structures import ImageEntry, WeakAnnotations, WeakLabelSet
from tests.helpers.written_labels import CLASSES, all_kinds, mask_of, round_trip, scene


def test_masks_come_back_exactly_and_what_coco_cannot_say_is_counted(tmp_path):
    found, report = round_trip(tmp_path, 'coco', tmp_path / 'out.json', masks=str(tmp_path / 'masks'))
    assert np.array_equal(mask_of(found['field/a 1']), scene())
    boxes = found['field/a 1'].annotations
    assert boxes.box_labels.tolist() == [1, 2, 2]
    assert boxes.boxes.tolist() == [[16, 16, 104, 104], [106, 46, 154, 94], [52, 52, 68, 68]]
    assert [(what, names) for what, names in report.left_out.items()] == [
        ('clicks, which COCO has no form for', ['field/a 1 no. 0', 'field/a 1 no. 1']),
        ('scribbles, which COCO has no form for', ['field/a 1 no. 0', 'field/a 1 no. 1']),
        ('tags, which COCO has no form for', ['field/a 1 no. 0', 'field/a 1 no. 1', 'c no. 0']),
        ('boxes beside a mask, whose objects have boxes of their own', ['field/a 1 no. 0', 'field/a 1 no. 1']),
        ('masks of background alone, which read as images without a mask', ['b']),
    ]


def test_boxes_of_images_without_a_mask(tmp_path):
    boxes = WeakAnnotations(boxes=[[3, 4, 20, 30.5], [7, 7, 7, 7]], box_labels=[1, 2])
    labels = WeakLabelSet(CLASSES, images={'a': ImageEntry('a.jpg', 40, 50, boxes)})
    found, report = round_trip(tmp_path, 'coco', tmp_path / 'out.json', labels)
    assert found['a'].annotations.boxes.tolist() == boxes.boxes.tolist()
    assert found['a'].annotations.box_labels.tolist() == [1, 2]
    assert report.lines() == []


def test_the_file_is_as_pycocotools_expects_it(tmp_path):
    from pycocotools.coco import COCO

    labels, settings = all_kinds(tmp_path / 'in'), WriteSettings(min_area=300)
    WRITERS['coco'].write(labels, tmp_path / 'out.json', settings)
    read = COCO(tmp_path / 'out.json')
    assert {item['id']: item['name'] for item in read.dataset['categories']} == {1: 'crop', 2: 'weed', 3: '__ignore__'}
    (crop,) = read.loadAnns(read.getAnnIds(catIds=[1]))
    assert np.array_equal(read.annToMask(crop), scene() == 1)
    assert crop['area'] == (scene() == 1).sum()
    assert [item['iscrowd'] for item in json.loads((tmp_path / 'out.json').read_text())['annotations']] == [0, 0, 1]
    assert settings.report.left_out['areas below --min-area'] == ['field/a 1']
