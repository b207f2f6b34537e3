"""Training data made of pseudo-labels."""

import numpy as np
import pytest
from mmengine.dataset import DefaultSampler
from mmseg.registry import DATASETS, TRANSFORMS
from PIL import Image

from mmseg_wsss.datasets import ResumableInfiniteSampler
from mmseg_wsss.datasets.pseudo_label_files import write_pseudo_label
from tests.helpers.pseudo_labels import PALETTE, SIZES, maps, write_folder


@pytest.fixture
def root(tmp_path):
    return write_folder(tmp_path)


def build(root, **settings):
    settings = {'label_root': str(root / 'labels'), 'img_path': str(root / 'img'), 'pipeline': [], **settings}
    return DATASETS.build({'type': 'PseudoLabelDataset', **settings})


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
