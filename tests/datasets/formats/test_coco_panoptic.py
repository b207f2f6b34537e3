"""COCO panoptic segmentation."""

import json

import numpy as np
import pytest
from PIL import Image

from mmseg_wsss.datasets.formats import ReadReport, read_labels, recognise_format

CLASSES = ('background', 'crop', 'weed')


def panoptic(tmp_path, *segments, **changes):
    numbers = np.zeros((6, 8), int)
    numbers[1:3, 2:7], numbers[4, 4], numbers[5] = 7, 70_000, 300
    picture = np.stack([numbers % 256, numbers // 256 % 256, numbers // 65536], axis=2).astype(np.uint8)
    (tmp_path / 'panoptic').mkdir(exist_ok=True)
    Image.fromarray(picture).save(tmp_path / 'panoptic/a.png')
    annotation = {'image_id': 1, 'file_name': 'a.png', 'segments_info': list(segments)}
    content = {
        'images': [{'id': 1, 'file_name': 'a.jpg', 'width': 8, 'height': 6}],
        'annotations': [annotation],
        'categories': [{'id': 1, 'name': 'weed', 'isthing': 1}, {'id': 2, 'name': 'crop', 'isthing': 0}],
        **changes,
    }
    (tmp_path / 'panoptic.json').write_text(json.dumps(content))
    return tmp_path / 'panoptic.json'


def segment(number, category, box, **more):
    return {'id': number, 'category_id': category, 'bbox': box, 'area': 25, 'iscrowd': 0, **more}


WEED, CROP, CROWD = (
    segment(7, 1, [2, 1, 5, 2]),
    segment(70_000, 2, [4, 4, 1, 1]),
    segment(300, 1, [0, 5, 8, 1], iscrowd=1),
)


def read_panoptic(path, report=None, **settings):
    return read_labels({'format': 'coco_panoptic', 'path': str(path), **settings}, CLASSES, report=report)


def test_segments_become_boxes_tags_and_masks(tmp_path):
    path = panoptic(tmp_path, WEED, CROP, CROWD)
    assert recognise_format(path).name == 'coco_panoptic'
    report = ReadReport()
    found = read_panoptic(path, report, tags=True).images['a'].annotations
    assert found.boxes.tolist() == [[2, 1, 6, 2], [4, 4, 4, 4]]
    assert found.tags == (1, 2)
    assert {what: len(names) for what, names in report.left_out.items()} == {
        'outlines and painted areas (--masks DIR writes them)': 3, 'boxes of crowds (iscrowd)': 1,
    }  # fmt: skip
    found = read_panoptic(path, masks=str(tmp_path / 'm')).images['a'].annotations
    expected = np.full((6, 8), 255)
    expected[1:3, 2:7], expected[4, 4], expected[5] = 2, 1, 2
    assert np.array_equal(np.asarray(Image.open(found.mask_path)), expected)


@pytest.mark.parametrize(
    ('segments', 'changes', 'message'),
    [
        ([{'id': 7}], {}, r"segments_info\[0\]: the key 'category_id' is missing"),
        ([segment([7], 1, [1, 2, 3, 4])], {}, r'id must be an integer, got \[7\]'),
        (
            [],
            {'images': [{'id': 1, 'file_name': 'a', 'width': 9, 'height': 6}]},
            r'a.png is \(8, 6\), and .* states \(9, 6\)',
        ),
        ([segment(7, 3, [1, 2, 3, 4])], {}, 'names the category 3, which the file does not list'),
        ([segment(7, 1, [1, 2, 3])], {}, 'bbox must be four numbers'),
        ([], {'images': []}, r'annotations\[0\] names the image 1, which the file does not list'),
        ([], {'categories': [{'id': 1}]}, r"categories\[0\]: the key 'name' is missing"),
        ([], {'images': [{'id': 1, 'file_name': 'a'}] * 2}, r'images\[1\]: id must be an integer or a text of its own'),
        ([], {'annotations': [{'image_id': 1}]}, "the key 'file_name' is missing"),
    ],
)
def test_wrong_panoptic_files_are_named(tmp_path, segments, changes, message):
    with pytest.raises(ValueError, match=message):
        read_panoptic(panoptic(tmp_path, *segments, **changes), masks=str(tmp_path / 'm'))


def test_missing_segments_are_named(tmp_path):
    path = panoptic(tmp_path, WEED)
    (tmp_path / 'panoptic/a.png').rename(tmp_path / 'a.png')
    with pytest.raises(FileNotFoundError, match='the PNG of segments not found: .*panoptic/a.png'):
        read_panoptic(path, masks=str(tmp_path / 'm'))
    assert read_panoptic(path, masks=str(tmp_path / 'm'), segments=str(tmp_path)).images['a'].annotations.mask_path
    with pytest.raises(
        ValueError, match="the key 'category_id' is missing.*looks like COCO panoptic segmentation: the"
    ):
        read_labels({'format': 'coco', 'path': str(path)}, CLASSES)
