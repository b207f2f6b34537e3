"""Colours in the order of operations of the published codes."""

import pytest
import torch
from mmseg.registry import MODELS
from mmseg.structures import SegDataSample

from mmseg_wsss.models.preprocessors import UnitRangePreProcessor
from mmseg_wsss.models.segmentors.batch import image_in_unit_range

MEAN, STD = [123.675, 116.28, 103.53], [58.395, 57.12, 57.375]
SETTINGS = {'mean': MEAN, 'std': STD, 'bgr_to_rgb': True, 'size': (40, 40)}


def batch_of(image):
    return {'inputs': [image], 'data_samples': [SegDataSample()]}


@pytest.fixture
def image():
    return torch.randint(0, 256, (3, 24, 32), dtype=torch.uint8, generator=torch.Generator().manual_seed(0))


def published(image):
    """``to_tensor`` and ``Normalize`` of torchvision, RGB of a BGR image."""
    mean, std = (torch.tensor(x)[:, None, None] for x in ([0.485, 0.456, 0.406], [0.229, 0.224, 0.225]))
    return image.flip(0).float().div(255).sub(mean).div(std)


def test_colours_are_those_of_torchvision_to_the_last_bit(image):
    ours = UnitRangePreProcessor(**SETTINGS)(batch_of(image))['inputs'][0]
    torch.testing.assert_close(ours, published(image), atol=1e-8, rtol=0)
    plain = MODELS.build({'type': 'SegDataPreProcessor', **SETTINGS})(batch_of(image))['inputs'][0]
    assert 1e-8 < (ours - plain).abs().max() < 1e-6


def test_padding_of_training_is_that_of_mmseg(image):
    batches = []
    for kind in ('UnitRangePreProcessor', 'SegDataPreProcessor'):
        sample = SegDataSample()
        sample.set_metainfo({'img_shape': (24, 32)})
        preprocessor = MODELS.build({'type': kind, **SETTINGS, 'pad_val': 7, 'test_cfg': {'size': (48, 48)}})
        batches.append([preprocessor({'inputs': [image], 'data_samples': [sample]}, training) for training in (0, 1)])
    for ours, theirs in zip(*batches, strict=True):
        assert ours['inputs'].shape == theirs['inputs'].shape
        torch.testing.assert_close(ours['inputs'], theirs['inputs'], atol=1e-6, rtol=0)
    assert batches[0][1]['inputs'][0, 0, 39, 39] == 7


def test_losses_get_the_colours_back(image):
    preprocessor = UnitRangePreProcessor(**SETTINGS)
    back = image_in_unit_range(preprocessor(batch_of(image))['inputs'], preprocessor)
    torch.testing.assert_close(back[0], image.flip(0) / 255)
    grey = UnitRangePreProcessor(mean=[100.0], std=[50.0])
    back = image_in_unit_range(grey(batch_of(image[:1]))['inputs'], grey)
    torch.testing.assert_close(back[0], (image[:1] / 255).expand(3, -1, -1))
