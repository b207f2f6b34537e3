import copy

import cv2
import numpy as np
import pytest
import torch
from mmseg.registry import DATASETS, MODELS, TRANSFORMS

from mmseg_wsss.functional import gated_crf_loss
from mmseg_wsss.structures import WeakAnnotations
from tests.datasets.transforms.test_geometry import run, sample
from tests.helpers.miniatures import SIZE, SPLITS, write_voc
from tests.helpers.models import model_config

MOVES = [
    {'type': 'WeakRandomCrop', 'crop_size': (20, 25)},
    {'type': 'WeakRandomFlip', 'prob': 1.0, 'direction': 'diagonal'},
]


@pytest.fixture
def start(tmp_path):
    depth = np.random.default_rng(0).random((30, 40)).astype(np.float32)
    cv2.imwrite(str(tmp_path / 'a.tiff'), depth)
    cv2.imwrite(str(tmp_path / 'a.png'), (1000 * depth).astype(np.uint16))
    labels = WeakAnnotations(points=[[1, 1]], point_labels=[1])
    return {**sample((30, 40), labels), 'sample_id': 'a'}, depth, str(tmp_path)


def test_it_moves_with_the_image(start):
    begin, depth, folder = start
    columns, rows = np.meshgrid(np.arange(40), np.arange(30))
    begin['img'] = np.stack([columns, rows, rows], axis=2).astype(np.uint8)
    results = run(begin, [{'type': 'LoadModality', 'key': 'depth', 'folder': folder, 'suffix': '.tiff'}, *MOVES])
    assert results['depth'].dtype == np.float32
    columns, rows = results['img'][..., 0].astype(int), results['img'][..., 1].astype(int)
    np.testing.assert_array_equal(results['depth'], depth[rows, columns])
    packed = TRANSFORMS.build({'type': 'PackWeakSegInputs', 'maps': ['depth']})(results)
    np.testing.assert_array_equal(packed['data_samples'].gt_maps.depth[0], results['depth'])


def test_files_of_16_bits_keep_their_units(start):
    begin, depth, folder = start
    results = run(begin, [{'type': 'LoadModality', 'key': 'depth', 'folder': folder}])
    np.testing.assert_array_equal(results['depth'], (1000 * depth).astype(np.uint16).astype(np.float32))


def test_what_is_wrong_is_named(start, tmp_path):
    begin, depth, folder = start
    step = {'type': 'LoadModality', 'key': 'depth', 'folder': folder}
    with pytest.raises(ValueError, match='LoadModality reads a picture of the original image: put it after'):
        run(copy.deepcopy(begin), [*MOVES, step])
    with pytest.raises(FileNotFoundError, match=r"key='depth'\): .*a\.jpg is missing: check folder and suffix"):
        run(copy.deepcopy(begin), [{**step, 'suffix': '.jpg'}])
    with pytest.raises(ValueError, match="key must be a name other than img.*got 'rgb'"):
        TRANSFORMS.build({**step, 'key': 'rgb'})
    cv2.imwrite(str(tmp_path / 'a.png'), np.zeros((30, 40, 3), np.uint8))
    with pytest.raises(ValueError, match=r'one channel of the shape of the image, \(30, 40\), but it has the shape'):
        run(copy.deepcopy(begin), [step])
    depth[3, 4] = np.nan
    cv2.imwrite(str(tmp_path / 'a.tiff'), depth)
    with pytest.raises(ValueError, match='expected finite numbers, got NaN or inf'):
        run(copy.deepcopy(begin), [{**step, 'suffix': '.tiff'}])


def test_from_the_file_to_the_loss(tmp_path, monkeypatch):
    """A data set with depth trains a model whose kernel compares it, and the number is that of the function."""
    write_voc(tmp_path)
    monkeypatch.chdir(tmp_path)
    rng = np.random.default_rng(0)
    (tmp_path / 'depth').mkdir()
    for key in SPLITS['train']:
        cv2.imwrite(f'depth/{key}.png', rng.integers(0, 4000, SIZE[::-1], dtype=np.uint16))
    dataset = DATASETS.build(
        {
            'type': 'WeakSegDataset',
            'data_root': 'voc',
            'metainfo': {'dataset': 'voc'},
            'ann_file': 'ImageSets/Segmentation/train.txt',
            'data_prefix': {'img_path': 'JPEGImages'},
            'weak_labels': {'format': 'scribblesup', 'path': 'scribbles'},
            'pipeline': [
                {'type': 'LoadImageFromFile'},
                {'type': 'LoadWeakAnnotations'},
                {'type': 'LoadModality', 'key': 'depth', 'folder': 'depth'},
                *MOVES,
                {'type': 'RasterizeWeakAnnotations'},
                {'type': 'PackWeakSegInputs', 'maps': ['depth']},
            ],
        }
    )
    kernels = [{'weight': 1.0, 'xy': 6.0, 'depth': 500.0}]
    losses = {'loss_crf': {'type': 'GatedCRFLoss', 'kernels': kernels, 'loss_weight': 1.0}}
    model = MODELS.build(model_config('plain_deeplabv3plus', losses, num_classes=21))
    data = [dataset[0], dataset[1]]
    batch = {key: [item[key] for item in data] for key in ('inputs', 'data_samples')}
    batch = model.data_preprocessor(batch, True)
    torch.manual_seed(0)
    loss = model(**batch, mode='loss')['loss_crf']
    inputs = model.loss_inputs(model.decode_head, model.extract_feat(batch['inputs']), **batch)
    assert inputs.maps['depth'].shape == (2, 1, 32, 32)
    assert inputs.maps['depth'][..., 20:, :].sum() == 0  # the padding of the batch
    expected = gated_crf_loss(
        inputs.probs, inputs.image, kernels=kernels, source_mask=inputs.valid, modalities=inputs.maps
    )
    torch.testing.assert_close(loss, expected)
    assert loss > 0
