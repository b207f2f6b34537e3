"""Pseudo-labels as files."""

import json
import sys
from dataclasses import replace

import numpy as np
import pytest
from PIL import Image
from pycocotools import mask as coco_mask

from mmseg_wsss.datasets.pseudo_label_files import (
    read_index,
    read_pseudo_label,
    write_coco,
    write_index,
    write_pseudo_label,
)
from tests.helpers.pseudo_labels import PALETTE, SIZES, maps, write_folder


@pytest.fixture
def root(tmp_path):
    return write_folder(tmp_path)


def test_files_hold_ids_colours_and_confidence(root):
    for key in SIZES:
        labels, confidence = maps(key)
        with Image.open(root / f'labels/masks/{key}.png') as image:
            assert image.mode == 'P'
            assert np.array_equal(np.array(image), labels)
            colours = np.array(image.convert('RGB'))
        assert colours[labels == 2].tolist() == [[0, 100, 50]] * (labels == 2).sum()
        assert (colours[labels == 255] == [224, 224, 192]).all()
        with Image.open(root / f'labels/confidence/{key}.png') as image:
            assert image.mode == 'L'
            assert np.abs(np.array(image) / 255 - confidence).max() <= 0.5 / 255 + 1e-9


def test_index_comes_back(root):
    index = read_index(root / 'labels')
    assert index.classes == ('background', 'cat', 'dog')
    assert index.palette == PALETTE
    assert index.images['sub/b'] == {'file_name': 'sub/b.jpg', 'width': 9, 'height': 14}
    assert index.source == {'checkpoint': 'x.pth'}


def test_coco_rle_decodes_to_the_masks(root):
    write_coco(root / 'labels', read_index(root / 'labels'))
    content = json.loads((root / 'labels/coco_rle.json').read_text())
    assert content['categories'] == [{'id': 1, 'name': 'cat'}, {'id': 2, 'name': 'dog'}]
    keys = {image['id']: image['file_name'][:-4] for image in content['images']}
    assert len(content['annotations']) == 4
    for annotation in content['annotations']:
        labels, confidence = maps(keys[annotation['image_id']])
        where = labels == annotation['category_id']
        assert np.array_equal(coco_mask.decode(annotation['segmentation']), where)
        assert annotation['area'] == where.sum()
        rows, columns = np.nonzero(where)
        box = [columns.min(), rows.min(), np.ptp(columns) + 1, np.ptp(rows) + 1]
        assert annotation['bbox'] == box
        assert annotation['score'] == pytest.approx(confidence[where].mean(), abs=0.003)


def test_coco_without_pycocotools_says_what_to_install(root, monkeypatch):
    monkeypatch.setitem(sys.modules, 'pycocotools', None)
    with pytest.raises(ImportError, match='pip install pycocotools'):
        write_coco(root / 'labels', read_index(root / 'labels'))


@pytest.mark.parametrize(
    ('change', 'message'),
    [
        ({'labels': np.zeros((3, 4, 1))}, r"image 'a': labels and confidence must be \(H, W\)"),
        ({'confidence': np.zeros((4, 3))}, r'of the same size, got \(3, 4\) and \(4, 3\)'),
        ({'labels': np.full((3, 4), 3)}, r'ids of the 3 classes \(at most 255\) or 255, got \[3\]'),
        ({'confidence': np.full((3, 4), 1.5)}, r'confidence must be in \[0, 1\], got 1.5'),
        ({'confidence': np.full((3, 4), np.nan)}, r'confidence must be in \[0, 1\], got nan'),
    ],
)
def test_wrong_maps_are_not_written(tmp_path, change, message):
    arguments = {'labels': np.zeros((3, 4), dtype=int), 'confidence': np.ones((3, 4)), **change}
    with pytest.raises(ValueError, match=message):
        write_pseudo_label(tmp_path, 'a', arguments['labels'], arguments['confidence'], PALETTE)
    assert not list(tmp_path.iterdir())


def test_150_classes(tmp_path):
    labels = np.arange(150).reshape(10, 15)
    write_pseudo_label(tmp_path, 'a', labels, np.ones((10, 15)), [(i, i, i) for i in range(150)])
    with Image.open(tmp_path / 'masks/a.png') as image:
        assert np.array_equal(np.array(image), labels)


def test_index_needs_a_colour_for_each_class(root):
    index = replace(read_index(root / 'labels'), palette=PALETTE[:2])
    with pytest.raises(ValueError, match='zip'):
        write_index(root, index)


@pytest.mark.parametrize('key', ['../a', '/a', 'b/../../a', '../masks/../../a'])
def test_files_stay_below_their_folder(tmp_path, key):
    folder, labels = tmp_path / 'deep/er/labels', np.zeros((2, 3), int)
    for call in (
        lambda: write_pseudo_label(folder, key, labels, np.ones((2, 3)), PALETTE),
        lambda: read_pseudo_label(folder, key),
    ):
        with pytest.raises(ValueError, match='expected the name of'):
            call()
    assert list(tmp_path.iterdir()) == []
