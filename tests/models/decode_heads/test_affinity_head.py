import pytest
import torch
import torch.nn.functional as F
from mmseg.registry import MODELS

HEAD = {'type': 'AffinityHead', 'in_channels': (8, 16), 'in_index': (0, 2), 'widths': (3, 4), 'num_classes': 3}


def test_head_is_its_formula():
    torch.manual_seed(0)
    head = MODELS.build(HEAD)
    head.init_weights()
    levels = [torch.randn(2, 8, 7, 9), torch.randn(2, 5, 7, 9), torch.randn(2, 16, 4, 5)]
    fine = F.elu(F.conv2d(levels[0], head.levels[0].weight))
    coarse = F.elu(F.conv2d(levels[2], head.levels[1].weight))
    coarse = F.interpolate(coarse, (7, 9), mode='bilinear', align_corners=False)
    expected = F.elu(F.conv2d(torch.cat([fine, coarse], 1), head.mix.weight))
    torch.testing.assert_close(head(levels), expected)
    assert [name for name, _ in head.named_parameters()] == ['levels.0.weight', 'levels.1.weight', 'mix.weight']


def test_published_sizes():
    head = MODELS.build({'type': 'AffinityHead', 'num_classes': 21})
    sizes = [(conv.in_channels, conv.out_channels) for conv in (*head.levels, head.mix)]
    assert sizes == [(512, 64), (1024, 128), (4096, 256), (448, 448)]
    assert all(conv.bias is None for conv in (*head.levels, head.mix))
    head.init_weights()
    assert head.mix.weight.abs().max().item() == pytest.approx(4 * (6 / 896) ** 0.5, rel=0.01)
