import pytest
import torch
import torch.nn.functional as F
from mmcv.cnn import build_norm_layer
from mmseg.registry import MODELS

NORM = {'type': 'GroupSizeNorm', 'requires_grad': True}
RESNET = {'type': 'ResNet', 'conv_cfg': {'type': 'ConvWS'}, 'norm_cfg': NORM}


@pytest.mark.parametrize(('channels', 'groups'), [(8, 1), (32, 1), (64, 2), (2048, 64)])
def test_groups_have_32_channels(channels, groups):
    name, layer = build_norm_layer(NORM, channels, postfix=1)
    assert name == 'gn1'
    assert (layer.num_groups, layer.num_channels) == (groups, channels)
    field = 5 + 3 * torch.randn(2, channels, 4, 4)
    split = field.view(2, groups, -1)
    expected = (split - split.mean(2, keepdim=True)) / (split.var(2, unbiased=False, keepdim=True) + 1e-5).sqrt()
    torch.testing.assert_close(layer(field), expected.view_as(field))


def test_in_a_resnet_with_weight_standardisation():
    model = MODELS.build({**RESNET, 'depth': 50})
    model.init_weights()
    norms = [module for module in model.modules() if isinstance(module, torch.nn.GroupNorm)]
    assert {norm.num_channels // norm.num_groups for norm in norms} == {32}
    assert {value for norm in norms for value in norm.weight.unique().tolist()} == {0, 1}  # 0 ends a residual branch
    assert len(norms) == 53
    conv = model.conv1
    image = torch.randn(1, 3, 32, 32)
    weight = conv.weight - conv.weight.mean((1, 2, 3), keepdim=True)
    weight = weight / (conv.weight.std((1, 2, 3), keepdim=True) + 1e-5)
    torch.testing.assert_close(conv(image), F.conv2d(image, weight, None, 2, 3), rtol=1e-3, atol=1e-3)
    model.train()
    outputs = model(image)  # one image: batch normalisation could not
    assert all(output.isfinite().all() for output in outputs)


def test_bad_settings():
    with pytest.raises(ValueError, match='48 channels cannot be divided into groups of 32'):
        build_norm_layer(NORM, 48)
    with pytest.raises(ValueError, match='group_size must be at least 1, got 0'):
        build_norm_layer({**NORM, 'group_size': 0}, 32)
