import pytest
import torch
import torch.nn.functional as F
from mmseg.registry import MODELS
from torch import nn


@pytest.mark.parametrize(
    ('config', 'message'),
    [
        ({'type': 'LargeFOVVGG16', 'out_indices': (7,)}, 'out_indices must be some of'),
        ({'type': 'LargeFOVVGG16', 'frozen_stages': -1}, r'frozen_stages must be 0 \(none\) to 5.*got -1'),
    ],
)
def test_bad_settings(config, message):
    with pytest.raises(ValueError, match=message):
        MODELS.build(config)


@pytest.fixture(scope='module')
def vgg():
    return MODELS.build({'type': 'LargeFOVVGG16', 'out_indices': (0, 3)})


def vgg_checkpoint(model):
    """Names as in vgg16_20M.pth."""
    convolutions = [m for m in model.features if isinstance(m, nn.Conv2d)]
    names = [f'conv{b}_{i}' for b, count in enumerate((2, 2, 3, 3, 3), 1) for i in range(1, count + 1)]
    weights = {}
    for name, conv in zip([*names, 'fc6', 'fc7'], [*convolutions, model.fc6, model.fc7], strict=True):
        weights[f'{name}.weight'], weights[f'{name}.bias'] = (
            torch.randn_like(p) / 30 for p in (conv.weight, conv.bias)
        )
    return weights


def test_vgg_is_the_network_of_deeplab(vgg):
    weights = vgg_checkpoint(vgg)
    vgg.load_exactly({vgg.translate(name): value for name, value in weights.items()}, 'test')
    vgg.eval()
    x = image = torch.randn(1, 3, 33, 40)
    for number, count in enumerate((2, 2, 3, 3, 3), 1):
        dilation = 2 if number == 5 else 1
        for index in range(1, count + 1):
            name = f'conv{number}_{index}'
            x = F.conv2d(x, weights[f'{name}.weight'], weights[f'{name}.bias'], padding=dilation, dilation=dilation)
            x = x.relu()
        if number == 3:
            fine = x
        if number < 5:
            x = F.max_pool2d(x, 3, 2 if number < 4 else 1, padding=1)
    x = F.conv2d(x, weights['fc6.weight'], weights['fc6.bias'], padding=1).relu()
    x = F.conv2d(x, weights['fc7.weight'], weights['fc7.bias']).relu()
    with torch.no_grad():
        outputs = vgg(image)
    assert [tuple(output.shape) for output in outputs] == [(1, 256, 9, 10), (1, 1024, 5, 5)]
    torch.testing.assert_close(outputs[0], fine)
    torch.testing.assert_close(outputs[1], x)


def test_vgg_freezes_its_first_block_and_names_what_a_checkpoint_lacks(vgg):
    frozen = [name for name, p in vgg.named_parameters() if not p.requires_grad]
    assert frozen == ['features.0.weight', 'features.0.bias', 'features.2.weight', 'features.2.bias']
    weights = vgg_checkpoint(vgg)
    del weights['fc6.bias']
    with pytest.raises(ValueError, match='not a checkpoint of LargeFOVVGG16: 1 missing: fc6.bias'):
        vgg.load_exactly({vgg.translate(name): value for name, value in weights.items()}, 'test')


def test_pools_before_fc6():
    backbone = MODELS.build({'type': 'LargeFOVVGG16', 'pool5': True, 'fc6_dilation': 12}).eval().double()
    plain = MODELS.build({'type': 'LargeFOVVGG16', 'fc6_dilation': 12}).eval().double()
    assert list(backbone.state_dict()) == list(plain.state_dict())
    plain.load_state_dict(backbone.state_dict())
    with torch.no_grad():
        image = 100 * torch.randn(1, 3, 40, 24, dtype=torch.float64)
        *shallow, fc7 = backbone(image)
        *expected, other = plain(image)
        torch.testing.assert_close(shallow, expected)  # conv5_3 is given before the pools
        windows = F.pad(shallow[-1], (1, 1, 1, 1), value=float('-inf')).unfold(2, 3, 1).unfold(3, 3, 1)
        windows = F.pad(windows.amax(dim=(4, 5)), (1, 1, 1, 1)).unfold(2, 3, 1).unfold(3, 3, 1)
        x = windows.sum(dim=(4, 5)) / 9  # zeros beyond the border count
        x = F.relu(backbone.fc7(F.relu(F.conv2d(x, backbone.fc6.weight, backbone.fc6.bias, padding=12, dilation=12))))
        torch.testing.assert_close(fc7, x)
    assert (fc7 - other).abs().max() > 1e-6
