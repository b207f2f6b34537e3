"""Label files of any format, found by themselves."""

import json

import numpy as np
import pytest

from mmseg_wsss.datasets.own_data.folders import find_folders
from mmseg_wsss.datasets.own_data.gathering import gather
from mmseg_wsss.datasets.own_data.reading import read_any
from tests.helpers.miniatures import save, scribble_xml, voc_xml
from tests.helpers.one_of_each import CLASSES, COLOURS, write_own_data

SHAPES = [
    {'label': 'cat', 'shape_type': 'point', 'points': [[5, 6]]},
    {'label': 'dog', 'shape_type': 'polygon', 'points': [[10, 10], [30, 10], [30, 30], [10, 30]]},
]


def labelme(name, shapes):
    """A file of LabelMe for an image of 64 x 48 pixels."""
    whole = [{'group_id': None, 'flags': {}, **shape} for shape in shapes]
    content = {'version': '5.2.1', 'flags': {}, 'shapes': whole, 'imagePath': name, 'imageData': None}
    return json.dumps({**content, 'imageHeight': 48, 'imageWidth': 64})


def test_formats_are_recognised_and_name_their_classes(tmp_path):
    root = write_own_data(tmp_path)
    read = read_any(root / 'weak_labels.json', None, '.jpg')
    assert (read.labels.classes, read.ordered) == (CLASSES, True)
    assert [list(colour) for colour in read.labels.palette] == list(COLOURS)
    for name, text in (('voc', voc_xml('cat')), ('strokes', scribble_xml('cat'))):
        (root / name).mkdir()
        (root / name / 'a.xml').write_text(text)
        read = read_any(root / name, None, '.jpg')
        assert (read.labels.classes, read.ordered) == (('background', 'cat'), False)
    assert read_any(root / 'voc', ('background', 'dog', 'cat'), '.jpg').labels.images['a'].annotations.box_labels == [2]
    (root / 'x.json').write_text('[1]')
    with pytest.raises(ValueError, match='looks like no format: name its format'):
        read_any(root / 'x.json', None, '.jpg')


def test_files_of_labelme_beside_the_images(tmp_path):
    for name in ('a', 'b'):
        save(tmp_path / f'data/{name}.jpg', np.random.default_rng(0).integers(0, 255, (48, 64, 3), dtype=np.uint8))
        (tmp_path / f'data/{name}.json').write_text(labelme(f'{name}.jpg', SHAPES))
    folders = find_folders(tmp_path / 'data')
    assert folders.labels == folders.images == tmp_path / 'data'
    found = gather(folders, outlines=tmp_path / 'out')
    assert found.labels.classes == ('background', 'cat', 'dog')
    one = found.labels.images['a'].annotations
    assert one.point_labels.tolist() == [1]
    assert one.mask_path == str(tmp_path / 'out/a.png')
    counted = gather(folders)
    assert counted.labels.images['a'].annotations.mask_path is None
    assert any(line.startswith('left out: 2 outlines') for line in counted.says)


def test_files_that_do_not_name_their_classes(tmp_path):
    painted = np.full((48, 64), 255, np.uint8)
    painted[3, 4] = 1
    save(tmp_path / 'labels/a.png', painted)
    with pytest.raises(ValueError, match='does not name its classes: name them with --classes'):
        read_any(tmp_path / 'labels', None, '.png')
    labels = read_any(tmp_path / 'labels', ('background', 'cell'), '.png').labels
    assert labels.images['a'].annotations.points.tolist() == [[4, 3]]


def test_index_pngs_beside_files_of_coco(tmp_path):
    """Such as the masks that an earlier ``wsss init`` wrote into the folder of the data."""
    for split in 'train', 'val':
        save(tmp_path / f'{split}/a.jpg', np.zeros((48, 64, 3), np.uint8))
        save(tmp_path / f'out/masks_of_classes/{split}/a.png', np.eye(48, 64, dtype=np.uint8))
        content = {
            'images': [{'id': 1, 'file_name': 'a.jpg', 'width': 64, 'height': 48}],
            'annotations': [{'id': 1, 'image_id': 1, 'category_id': 1, 'bbox': [4, 5, 20, 10]}],
            'categories': [{'id': 1, 'name': 'crop'}],
        }
        (tmp_path / f'{split}.json').write_text(json.dumps(content))
    read = read_any(tmp_path, None, '.jpg')
    assert (read.title, read.splits) == ('COCO instance annotations', {'train/a': 'train', 'val/a': 'val'})
