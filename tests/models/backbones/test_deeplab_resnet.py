import pytest
import torch
import torch.nn.functional as F
from mmseg.registry import MODELS
from torch import nn


def resnet(type_='DeepLabResNet', **settings):
    small = {'base_channels': 4, 'stem_channels': 4, 'strides': (1, 2, 2, 1), 'dilations': (1, 1, 1, 2)}
    backbone = MODELS.build({'type': type_, **small, **settings}).double()
    backbone.eval()  # returns nothing in mmseg
    return backbone


@pytest.mark.parametrize('depth', [18, 34])
def test_second_convolution_of_basic_blocks_is_dilated(depth):
    backbone = resnet(depth=depth, dilated_conv='second')
    for name, conv in backbone.named_modules():
        if isinstance(conv, nn.Conv2d) and conv.kernel_size == (3, 3):
            expected = 2 if name.startswith('layer4') and name.endswith('conv2') else 1
            assert (conv.dilation, conv.padding) == ((expected,) * 2,) * 2, name
    theirs = resnet('ResNet', depth=depth)
    assert {k: v.shape for k, v in backbone.state_dict().items()} == {
        k: v.shape for k, v in theirs.state_dict().items()
    }
    backbone.load_state_dict(theirs.state_dict())
    image = torch.randn(1, 3, 64, 64, dtype=torch.float64)
    *shallow, deep = backbone(image)
    *expected, other = theirs(image)
    torch.testing.assert_close(shallow, expected)
    x = shallow[-1]
    for block in theirs.layer4:
        branch = block.bn1(F.conv2d(x, block.conv1.weight, padding=1)).relu()
        branch = block.bn2(F.conv2d(branch, block.conv2.weight, padding=2, dilation=2))
        x = (branch + (x if block.downsample is None else block.downsample(x))).relu()
    torch.testing.assert_close(deep, x)
    assert (deep - other).abs().max() > 1e-6


def test_default_is_the_resnet_of_mmseg():
    ours, theirs = resnet(depth=18), resnet('ResNet', depth=18)
    ours.load_state_dict(theirs.state_dict())
    image = torch.randn(1, 3, 64, 64, dtype=torch.float64)
    torch.testing.assert_close(ours(image), theirs(image))


def test_resnet_without_pooling_after_the_stem():
    ours, theirs = resnet(depth=50, stem_pool=False), resnet('ResNet', depth=50)
    ours.load_state_dict(theirs.state_dict())
    image = torch.randn(1, 3, 64, 64, dtype=torch.float64)
    assert [x.shape[2] for x in ours(image)] == [32, 16, 8, 8]
    assert [x.shape[2] for x in theirs(image)] == [16, 8, 4, 4]
    stem = theirs.bn1(theirs.conv1(image)).relu()
    torch.testing.assert_close(ours(image)[0], theirs.layer1(stem))


def test_choices_of_resnets_are_checked():
    with pytest.raises(ValueError, match="dilated_conv must be one of first, second, got 'both'"):
        resnet(depth=18, dilated_conv='both')
    with pytest.raises(ValueError, match='blocks of depth=50 have one 3 x 3 convolution: omit dilated_conv'):
        resnet(depth=50, dilated_conv='second')
