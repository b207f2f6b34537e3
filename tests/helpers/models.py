"""Tiny networks and batches."""

import math

import torch
from mmengine.config import ConfigDict
from mmengine.structures import PixelData
from mmseg.structures import SegDataSample

CHANNELS = (8, 16, 32, 64)
BN = {'type': 'BN'}
HEADS = {
    'deeplabv3plus': {
        'type': 'DepthwiseSeparableASPPHead',
        'in_channels': 64,
        'in_index': 3,
        'dilations': (1, 2),
        'c1_in_channels': 8,
        'c1_channels': 4,
    },
    'plain_deeplabv3plus': {
        'type': 'DeepLabV3PlusHead',
        'in_channels': 64,
        'in_index': 3,
        'dilations': (1, 2),
        'c1_in_channels': 8,
        'c1_channels': 4,
    },
    'fcn': {'type': 'FCNHead', 'in_channels': 64, 'in_index': 3, 'num_convs': 1, 'concat_input': False},
    'psp': {'type': 'PSPHead', 'in_channels': 64, 'in_index': 3, 'pool_scales': (1, 2)},
    'uper': {'type': 'UPerHead', 'in_channels': list(CHANNELS), 'in_index': [0, 1, 2, 3], 'pool_scales': (1, 2)},
    'segformer': {'type': 'SegformerHead', 'in_channels': list(CHANNELS), 'in_index': [0, 1, 2, 3]},
}
HOURGLASS = {'type': 'Hourglass', 'channels': (8, 8, 12), 'units': (1, 1, 2), 'stem_channels': 4, 'out_channels': 12}
HOURGLASS_HEAD = {
    'type': 'FCNHead',
    'in_channels': 12,
    'in_index': 0,
    'channels': 8,
    'num_convs': 1,
    'concat_input': False,
    'norm_cfg': None,
    'dropout_ratio': 0,
    'num_classes': 2,
}
LOSSES = {'loss_ce': {'type': 'PartialCrossEntropyLoss'}, 'loss_crf': {'type': 'GatedCRFLoss', 'radius': 2}}


def head_config(name='fcn', num_classes=3, **changes):
    shared = {'channels': 8, 'num_classes': num_classes, 'dropout_ratio': 0, 'norm_cfg': BN}
    return {**HEADS[name], **shared, **changes}


def model_config(head='fcn', losses=None, num_classes=3, size=(32, 32), **changes):
    return {
        'type': 'WeakEncoderDecoder',
        'data_preprocessor': {
            'type': 'SegDataPreProcessor',
            'mean': [123.675, 116.28, 103.53],
            'std': [58.395, 57.12, 57.375],
            'bgr_to_rgb': True,
            'size': size,
        },
        'backbone': {'type': 'ResNet', 'depth': 18, 'base_channels': 8, 'stem_channels': 8, 'norm_cfg': BN},
        'decode_head': head_config(head, num_classes) if isinstance(head, str) else head,
        'losses': LOSSES if losses is None else losses,
        'train_cfg': {},
        'test_cfg': ConfigDict(mode='whole'),
        **changes,
    }


def raw_batch(sizes=((32, 32), (32, 32)), num_classes=3, clicks=4, seed=0, channels=3):
    """Images in 0-255 as a data loader gives them, with a few clicked pixels each."""
    generator = torch.Generator().manual_seed(seed)
    inputs, samples = [], []
    for height, width in sizes:
        inputs.append(torch.randint(0, 256, (channels, height, width), generator=generator, dtype=torch.uint8))
        labels = torch.full((1, height, width), 255, dtype=torch.int64)
        for click in range(clicks):
            row, column = (int(torch.randint(0, side, (), generator=generator)) for side in (height, width))
            labels[0, row, column] = click % num_classes
        sample = SegDataSample(gt_sem_seg=PixelData(data=labels))
        sample.gt_valid_map = PixelData(data=torch.ones(1, height, width, dtype=torch.uint8))
        sample.set_metainfo({'img_shape': (height, width), 'ori_shape': (height, width)})
        samples.append(sample)
    return {'inputs': inputs, 'data_samples': samples}


def assert_are_highest(labels, scores):
    """Each label has the highest score (C, h, w) of its pixel; of two that differ by rounding alone, either."""
    chosen = scores.gather(0, labels[None])[0]
    assert (chosen >= (1 - 1e-4) * scores.amax(0)).all()


def two_features(batch=2, size=(9, 7)):
    """Maps of a fine and of a coarse stage."""
    generator = torch.Generator().manual_seed(1)
    fine = torch.randn(batch, 6, *size, generator=generator)
    coarse = torch.randn(batch, 64, math.ceil(size[0] / 2), math.ceil(size[1] / 2), generator=generator)
    return [fine, coarse]
