import pytest
from mmengine.optim import build_optim_wrapper
from mmseg.registry import MODELS
from torch import nn

from tests.helpers.models import model_config

HEAD = {
    'type': 'StochasticGateHead',
    'in_channels': 64,
    'channels': 8,
    'num_classes': 3,
    'c1_in_channels': 8,
    'dilations': (1, 2),
}


def groups(model, optimizer=None, **paramwise):
    """(learning rate, weight decay) of every trained parameter by name."""
    wrapper = build_optim_wrapper(
        model,
        {
            'type': 'OptimWrapper',
            'constructor': 'WeightBiasConstructor',
            'optimizer': optimizer or {'type': 'SGD', 'lr': 0.001, 'momentum': 0.9, 'weight_decay': 5e-4},
            'paramwise_cfg': paramwise,
        },
    )
    names = {id(param): name for name, param in model.named_parameters()}
    found = {}
    for group in wrapper.optimizer.param_groups:
        for param in group['params']:
            assert names[id(param)] not in found
            found[names[id(param)]] = (pytest.approx(group['lr']), pytest.approx(group['weight_decay']))
    return found


def test_the_four_published_groups():
    backbone = {'type': 'LargeFOVVGG16', 'out_indices': (0, 3)}
    head = HEAD | {'in_channels': 1024, 'c1_in_channels': 256}
    model = MODELS.build(model_config(head, backbone=backbone))
    found = groups(
        model,
        custom_keys={'decode_head': {'lr_mult': 10.0}},
        every_bias={'lr_mult': 2.0, 'decay_mult': 0.0},
    )
    trained = {name for name, param in model.named_parameters() if param.requires_grad}
    assert set(found) == trained
    for name, group in found.items():
        new, bias = name.startswith('decode_head'), name.endswith('.bias')
        assert group == ((0.01 if new else 0.001) * (2 if bias else 1), 0 if bias else 5e-4), name
    assert found['backbone.fc7.bias'] == (0.002, 0)
    assert found['decode_head.bottleneck.bn.weight'] == (0.01, 5e-4)
    assert found['decode_head.bottleneck.bn.bias'] == (0.02, 0)
    assert found['decode_head.conv_seg.bias'] == (0.02, 0)


def test_biases_alone():
    model = nn.Sequential(nn.Linear(2, 2), nn.BatchNorm1d(2))
    found = groups(model, every_bias={'lr_mult': 1.0, 'decay_mult': 0.0})
    assert found == {'0.weight': (1e-3, 5e-4), '0.bias': (1e-3, 0), '1.weight': (1e-3, 5e-4), '1.bias': (1e-3, 0)}


@pytest.mark.parametrize('every_bias', [None, {}, {'lr': 2.0}])
def test_a_missing_or_misspelt_setting_is_named(every_bias):
    with pytest.raises(ValueError, match='WeightBiasConstructor needs paramwise_cfg=dict.every_bias=dict'):
        groups(nn.Linear(2, 2), every_bias=every_bias)
