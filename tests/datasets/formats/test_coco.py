"""COCO files whose numbers fit their form, but not their images."""

import json

import numpy as np
import pytest
from PIL import Image

from mmseg_wsss.datasets.formats import ReadReport, read_labels, recognise_format


def read(tmp_path, report, settings=None, **annotation):
    image = {'id': 1, 'file_name': 'a.jpg', 'width': 30, 'height': 20}
    content = {'images': [image], 'categories': [{'id': 7, 'name': 'weed'}]}
    content['annotations'] = [{'id': 3, 'image_id': 1, 'category_id': 7, 'bbox': [1, 2, 3, 4], **annotation}]
    path = tmp_path / 'in.json'
    path.write_text(json.dumps(content))
    source = {'format': 'coco', 'path': str(path), 'masks': str(tmp_path / 'm'), **(settings or {})}
    return read_labels(source, ('background', 'weed'), report=report).images['a'].annotations


@pytest.mark.parametrize(
    ('places', 'message', 'count'),
    [
        ([32, 3, 50, 3, 50, 8, 32, 8], 'left out: 1 outlines and painted areas that cover no pixel of their image', 0),
        ([20, 3, 50, 3, 50, 8, 20, 8], 'changed: 1 outlines cut off at the edge of their image', 50),
        ([20, -9, 25, -9, 25, 8, 20, 8], 'changed: 1 outlines cut off at the edge of their image', 40),
    ],
)
def test_outlines_outside_of_their_image_are_counted(tmp_path, places, message, count):
    report = ReadReport()
    found = read(tmp_path, report, segmentation=[places])
    assert int((np.asarray(Image.open(found.mask_path)) == 1).sum()) == count
    assert any(line.startswith(f"{message} ({tmp_path / 'in.json'}: 'a.jpg', annotation 3") for line in report.lines())


@pytest.mark.parametrize('box', [[5, 6, 0, 4], [5, 6, 4, 0.0]])
def test_a_box_without_area_is_counted(tmp_path, box):
    report = ReadReport()
    assert read(tmp_path, report, bbox=box).boxes[0, :2].tolist() == [5, 6]
    assert any('1 boxes without a width or height, which become one pixel' in line for line in report.lines())


def test_an_id_of_two_categories_is_an_error(tmp_path):
    """Such as two exports that were joined by hand."""
    read(tmp_path, ReadReport())
    content = json.loads((tmp_path / 'in.json').read_text())
    content['categories'] += [{'id': 7, 'name': 'weed'}, {'id': 7, 'name': 'crop'}]
    (tmp_path / 'in.json').write_text(json.dumps(content))
    with pytest.raises(ValueError, match=r"in.json: categories\[2\]: the id 7 is 'crop' here and 'weed' before"):
        read_labels({'format': 'coco', 'path': str(tmp_path / 'in.json')}, ('background', 'weed', 'crop'))


def test_nothing_is_counted_where_everything_fits(tmp_path):
    report = ReadReport()
    read(tmp_path, report, segmentation=[[0, 0, 30.9, 0, 30.9, 20.9, 0, 20.9]])
    assert report.lines() == []


def test_turned_boxes_of_cvat_are_left_out(tmp_path):
    """cvat-ai/cvat#4745: ``bbox`` is that of the box before it was turned."""
    report = ReadReport()
    assert len(read(tmp_path, report, attributes={'occluded': False, 'rotation': 0.0}).boxes) == 1
    assert report.left_out == {}
    report = ReadReport()
    assert len(read(tmp_path, report, attributes={'occluded': False, 'rotation': 330.5}).boxes) == 0
    assert f"left out: 1 boxes that are turned ({tmp_path / 'in.json'}: 'a.jpg', annotation 3)" in report.lines()


def test_what_is_not_asked_for_is_counted_and_is_a_tag(tmp_path):
    read(tmp_path, ReadReport(), segmentation=[[5, 5, 8, 5, 8, 8]], keypoints=[5, 6, 2], num_keypoints=1, iscrowd=0)
    source, report = {'format': 'coco', 'path': str(tmp_path / 'in.json')}, ReadReport()
    read_labels(source, ('background', 'weed'), report=report)
    assert [line.split(' (')[0] for line in report.lines()] == [
        'left out: 1 objects with keypoints, which --keypoints',
        'left out: 1 outlines and painted areas',
    ]
    content = (tmp_path / 'in.json').read_text()
    (tmp_path / 'in.json').write_text(content.replace('"iscrowd": 0', '"iscrowd": 1'))
    found = read_labels({**source, 'tags': True}, ('background', 'weed'), report=report).images['a'].annotations
    assert (found.tags, len(found.boxes)) == ((1,), 0)


def test_a_folder_of_roboflow(tmp_path):
    for split, name in (('train', 'weed'), ('valid', 'crop')):
        (tmp_path / 'data' / split).mkdir(parents=True)
        read(tmp_path, ReadReport())
        text = (tmp_path / 'in.json').read_text().replace('weed', name)
        (tmp_path / 'data' / split / '_annotations.coco.json').write_text(text)
    assert recognise_format(tmp_path / 'data').name == 'coco'
    images = read_labels({'format': 'coco', 'path': str(tmp_path / 'data')}, ('background', 'weed', 'crop')).images
    assert {entry.file_name: entry.annotations.box_labels.tolist() for entry in images.values()} == {
        'train/a.jpg': [1],
        'valid/a.jpg': [2],
    }
    (tmp_path / 'empty').mkdir()
    with pytest.raises(FileNotFoundError, match="COCO files .* contains no file that ends in '_annotations.coco.json'"):
        read_labels({'format': 'coco', 'path': str(tmp_path / 'empty')}, ('background', 'weed'))


EITHER = {'outline_or_box': True}


def test_segmentations_that_are_only_boxes_are_read_as_boxes(tmp_path):
    """Converters of boxes write the four corners of a box as its outline."""
    corners = [1, 2, 4, 2, 4, 6, 1, 6]
    for places in corners, [*corners, 1, 2], [1.4, 2, 3.4, 2, 3.4, 5.2, 1.4, 5.2]:
        report = ReadReport()
        found = read(tmp_path, report, EITHER, segmentation=[places])
        assert (found.mask_path, found.boxes.tolist()) == (None, [[1, 2, 3, 5]])
        assert [line.split(' (')[0] for line in report.lines()] == [
            'changed: 1 segmentations that are the corners of boxes in the whole file, read as boxes'
        ]
    assert read(tmp_path, ReadReport(), segmentation=[corners]).mask_path is not None  # as asked for
    for places in ([1, 2, 4, 2, 4, 6, 3, 6], [1, 2, 4, 2, 4, 6], [1, 2, 4, 2, 4, 4, 1, 4], [1, 2, 9, 2, 9, 6, 1, 6]):
        assert read(tmp_path, ReadReport(), EITHER, segmentation=[places]).mask_path is not None

    content = json.loads((tmp_path / 'in.json').read_text())
    content['annotations'] += [content['annotations'][0] | {'id': 4, 'segmentation': [corners]}]
    (tmp_path / 'in.json').write_text(json.dumps(content))  # a rectangle among outlines is one
    source = {'format': 'coco', 'path': str(tmp_path / 'in.json'), 'masks': str(tmp_path / 'both')} | EITHER
    found = read_labels(source, ('background', 'weed')).images['a'].annotations
    assert (np.asarray(Image.open(found.mask_path)) == 1).sum() > 12


def test_boxes_of_objects_that_the_masks_show(tmp_path):
    read(tmp_path, ReadReport(), segmentation=[[5, 5, 8, 5, 8, 8]])
    content = json.loads((tmp_path / 'in.json').read_text())
    content['annotations'] += [{'id': 4, 'image_id': 1, 'category_id': 7, 'bbox': [20, 10, 5, 6]}]
    (tmp_path / 'in.json').write_text(json.dumps(content))
    source = {'format': 'coco', 'path': str(tmp_path / 'in.json')} | EITHER
    classes = 'background', 'weed'
    written = source | {'masks': str(tmp_path / 'written')}
    assert read_labels(written, classes).images['a'].annotations.boxes.tolist() == [[20, 10, 24, 15]]
    assert len(read_labels(source, classes).images['a'].annotations.boxes) == 2  # no mask shows them
