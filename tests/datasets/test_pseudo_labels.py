"""Pseudo-labels as files, and training data made of them."""

import json
import sys
from dataclasses import replace

import numpy as np
import pytest
from mmengine.dataset import DefaultSampler
from mmseg.registry import DATASETS, TRANSFORMS
from PIL import Image
from pycocotools import mask as coco_mask

from mmseg_wsss.datasets import ResumableInfiniteSampler
from mmseg_wsss.datasets.index_file import FolderIndex
from mmseg_wsss.datasets.pseudo_label_files import (
    read_index,
    write_coco,
    write_index,
    write_pseudo_label,
)

PALETTE = ((0, 0, 0), (200, 0, 0), (0, 100, 50))
SIZES = {'a': (12, 10), 'sub/b': (9, 14)}


def maps(key):
    width, height = SIZES[key]
    rng = np.random.default_rng(width)
    labels = rng.choice([0, 1, 2, 255], (height, width))
    return labels, rng.random((height, width))


@pytest.fixture
def root(tmp_path):
    """Images and their pseudo-labels."""
    images = {}
    for key, (width, height) in SIZES.items():
        path = tmp_path / 'img' / f'{key}.jpg'
        path.parent.mkdir(parents=True, exist_ok=True)
        Image.fromarray(np.full((height, width, 3), 90, dtype=np.uint8)).save(path)
        write_pseudo_label(tmp_path / 'labels', key, *maps(key), PALETTE)
        images[key] = {'file_name': f'{key}.jpg', 'width': width, 'height': height}
    index = FolderIndex(('background', 'cat', 'dog'), PALETTE, images, {'checkpoint': 'x.pth'})
    write_index(tmp_path / 'labels', index)
    return tmp_path


def build(root, **settings):
    settings = {'label_root': str(root / 'labels'), 'img_path': str(root / 'img'), 'pipeline': [], **settings}
    return DATASETS.build({'type': 'PseudoLabelDataset', **settings})


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
        ({'confidence': np.zeros((4, 3))}, r'of one size, got \(3, 4\) and \(4, 3\)'),
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


def test_dataset_and_its_loader(root):
    dataset = build(root)
    assert dataset.metainfo['classes'] == ('background', 'cat', 'dog')
    assert dataset.metainfo['palette'] == [list(colour) for colour in PALETTE]
    for least, kind in ((0.0, 'LoadPseudoLabels'), (0.6, 'LoadPseudoLabels'), (0.0, 'LoadAnnotations')):
        settings = {'min_confidence': least} if kind == 'LoadPseudoLabels' else {}
        load = TRANSFORMS.build({'type': kind, **settings})
        for index, key in enumerate(SIZES):
            labels, confidence = maps(key)
            results = load(dataset.get_data_info(index))
            sure = np.round(255 * confidence) >= round(255 * least)
            assert np.array_equal(results['gt_seg_map'], np.where(sure, labels, 255))
            assert results['seg_fields'] == ['gt_seg_map']


def test_dataset_takes_a_list_of_images_and_both_samplers(root):
    (root / 'train.txt').write_text('sub/b\n')
    pipeline = [{'type': 'LoadImageFromFile'}, {'type': 'LoadPseudoLabels'}, {'type': 'PackSegInputs'}]
    dataset = build(root, ann_file=str(root / 'train.txt'), pipeline=pipeline)
    assert [dataset.get_data_info(i)['sample_id'] for i in range(len(dataset))] == ['sub/b']
    for sampler in (DefaultSampler(dataset, shuffle=False), ResumableInfiniteSampler(dataset)):
        sample = dataset[next(iter(sampler))]
        assert sample['inputs'].shape == (3, 14, 9)
        assert sample['data_samples'].gt_sem_seg.shape == (14, 9)


def test_missing_and_damaged_labels(root):
    with pytest.raises(FileNotFoundError, match=r'other/pseudo_labels.json is missing.*"wsss pseudo-labels CONFIG'):
        build(root, label_root=str(root / 'other'))
    (root / 'train.txt').write_text('a\nc\n')
    with pytest.raises(ValueError, match=r"not of 1 of the 2 in .*train.txt \(first: \['c'\]\)"):
        build(root, ann_file=str(root / 'train.txt'))
    Image.fromarray(np.zeros((3, 2), dtype=np.uint8)).save(root / 'labels/masks/a.png')
    again = r'Write .*/labels again: "wsss pseudo-labels CONFIG CHECKPOINT -o .*WriteRandomWalk\): --cfg-options only='
    with pytest.raises(ValueError, match=rf"image 'a': its mask .*masks/a.png is 2 x 3, the image .*{again}"):
        build(root)
    (root / 'labels/masks/a.png').unlink()
    with pytest.raises(FileNotFoundError, match=rf"image 'a': its mask .*masks/a.png is not on disk. {again}"):
        build(root)
    (root / 'labels/pseudo_labels.json').write_text('{"classes": [')
    with pytest.raises(ValueError, match='pseudo_labels.json is damaged'):
        build(root)
    (root / 'labels/pseudo_labels.json').write_text('{"classes": []}')
    with pytest.raises(ValueError, match='pseudo_labels.json is damaged'):
        build(root)


def test_sizes_that_do_not_fit(root):
    path = root / 'labels/confidence/a.png'
    Image.fromarray(np.zeros((10, 11), dtype=np.uint8)).save(path)
    with pytest.raises(ValueError, match=r"'a': its mask .*confidence/a.png is 11 x 10, the image 12 x 10"):
        build(root)
    Image.fromarray(np.zeros((10, 11, 3), dtype=np.uint8)).save(root / 'img/a.jpg')
    with pytest.raises(ValueError, match=r"image 'a': width and height are 12 x 10 .* is 11 x 10"):
        build(root)


def test_masks_of_other_values(root):
    labels, confidence = maps('a')
    write_pseudo_label(root / 'labels', 'a', labels * 0 + 3, confidence, (*PALETTE, (1, 1, 1)))
    with pytest.raises(ValueError, match=r"'a': its mask .* holds the values \[3\]"):
        build(root)
    for key in SIZES:
        labels, confidence = maps(key)
        write_pseudo_label(root / 'labels', key, labels * 0 + 255, confidence, PALETTE)
    with pytest.raises(ValueError, match='every pixel is unsure'):
        build(root)


def test_least_confidence_is_checked():
    with pytest.raises(ValueError, match=r'min_confidence must be in \[0, 1\], got 60'):
        TRANSFORMS.build({'type': 'LoadPseudoLabels', 'min_confidence': 60})


def test_index_needs_a_colour_for_each_class(root):
    index = replace(read_index(root / 'labels'), palette=PALETTE[:2])
    with pytest.raises(ValueError, match='zip'):
        write_index(root, index)


def test_true_masks_take_the_place_of_pseudo_labels(root):
    (root / 'true/sub').mkdir(parents=True)
    width, height = SIZES['sub/b']
    Image.fromarray(np.full((height, width), 2, dtype=np.uint8)).save(root / 'true/sub/b.png')
    (root / 'true.txt').write_text('sub/b\nelsewhere\n')
    known = {'true_mask_ids': str(root / 'true.txt'), 'true_masks': str(root / 'true')}
    pipeline = [{'type': 'LoadImageFromFile'}, {'type': 'LoadPseudoLabels', 'min_confidence': 1.0}]
    dataset = build(root, pipeline=pipeline, **known)
    assert (dataset[1]['gt_seg_map'] == 2).all()
    assert (dataset[0]['gt_seg_map'] == 255).mean() > 0.9
    with pytest.raises(ValueError, match='set both or neither'):
        build(root, true_masks='x')
    (root / 'true/sub/b.png').unlink()
    with pytest.raises(
        FileNotFoundError, match=r"image 'sub/b': its mask .*true/sub/b.png is not on disk. Check true_masks"
    ):
        build(root, **known)
    (root / 'true.txt').write_text('elsewhere\n')
    with pytest.raises(ValueError, match='none of the 1 images in .* is among the 2 of this data set'):
        build(root, **known)
