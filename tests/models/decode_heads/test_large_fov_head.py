import torch
import torch.nn.functional as F
from mmseg.registry import MODELS
from torch import nn

from tests.helpers.models import head_config


def test_large_fov_head_is_its_formula():
    settings = {'type': 'LargeFOVHead', 'in_channels': 6, 'in_index': 1, 'num_classes': 4, 'channels': 5, 'dilation': 2}
    head = MODELS.build({**settings, 'norm_cfg': {'type': 'BN'}})
    head.init_weights()
    x = torch.randn(2, 6, 9, 7)
    norms = []
    for module in (head.context, head.projection):
        module.bn.running_mean.normal_()
        module.bn.running_var.uniform_(0.5, 2)
        norms.append(module.bn.eval())
    out = F.conv2d(x, head.context.conv.weight, padding=2, dilation=2)
    out = F.conv2d(norms[0](out).relu(), head.projection.conv.weight)
    expected = head.conv_seg(norms[1](out).relu())
    assert torch.allclose(head.eval()([None, x]), expected, atol=1e-6)
    assert (head.context.conv.kernel_size, head.projection.conv.kernel_size) == ((3, 3), (1, 1))


def test_large_fov_head_drops_single_features():
    head = MODELS.build({'type': 'LargeFOVHead', 'in_channels': 6, 'in_index': 0, 'num_classes': 4, 'channels': 64})
    assert type(head.dropout) is nn.Dropout
    assert head.dropout.p == 0.5
    assert MODELS.build({**head_config('fcn'), 'type': 'FCNHead'}).dropout is None
    without = {'type': 'LargeFOVHead', 'in_channels': 6, 'num_classes': 4, 'dropout_ratio': 0}
    assert MODELS.build(without).dropout is None
