"""Weights that are to be loaded belong to the network."""

import pytest
import torch
from torch import nn

from mmseg_wsss.checkpoints.weights import (
    WeightDifferences,
    check_fit,
    check_weights,
    checked_pretraining,
    compare_weights,
    weights_of,
)


class Wrapped(nn.Module):
    def __init__(self, module):
        super().__init__()
        self.module = module


def network():
    return nn.Sequential(nn.Conv2d(3, 4, 1), nn.BatchNorm2d(4), nn.Conv2d(4, 2, 1))


def test_what_differs_is_listed_by_kind():
    own = network().state_dict()
    given = {**own, 'fc.bias': torch.zeros(2), '2.weight': torch.zeros(3, 4, 1, 1)}
    del given['0.bias'], given['1.num_batches_tracked']
    found = compare_weights(own, given)
    assert found == WeightDifferences(('0.bias',), ('fc.bias',), ('2.weight (3, 4, 1, 1) instead of (2, 4, 1, 1)',))
    assert str(found) == (
        '1 missing: 0.bias; 1 unexpected: fc.bias; 1 of another shape: 2.weight (3, 4, 1, 1) instead of (2, 4, 1, 1)'
    )
    assert str(compare_weights(own, own)) == ''
    assert str(compare_weights(own, {})) == (
        '8 missing: 0.weight, 0.bias, 1.weight, 1.bias, 1.running_mean, 1.running_var, 2.weight, 2.bias'
    )
    many = {f'layer{index}': torch.zeros(1) for index in range(11)}
    assert str(compare_weights(many, {})).endswith('layer6, layer7 and 3 more')


def test_weights_are_found_however_they_are_wrapped():
    weights = {'backbone.conv.weight': torch.zeros(1), 'head.bias': torch.ones(2)}
    for wrapped in (weights, {'state_dict': weights, 'meta': {}}, {'model': weights}):
        assert weights_of(wrapped, 'a.pth') == weights
    assert set(weights_of({f'module.{key}': value for key, value in weights.items()}, 'a.pth')) == set(weights)
    for prefix in ('backbone', 'backbone.'):
        assert set(weights_of(weights, 'a.pth', prefix)) == {'conv.weight'}


@pytest.mark.parametrize(
    ('content', 'message'),
    [
        ([1, 2], 'a.pth holds a list, expected a dictionary of weights by name'),
        (None, 'a.pth holds a NoneType, expected a dictionary of weights by name'),
        ({'state_dict': 5}, 'a.pth holds a int of weights, expected a dictionary by name'),
        ({'epoch': 5, 'w': torch.zeros(1)}, 'a.pth does not contain only weights, expected tensors by name: epoch$'),
        ({'state_dict': {3: torch.zeros(1)}}, 'a.pth does not contain only weights, expected tensors by name: 3$'),
    ],
)
def test_what_is_not_weights_is_named(content, message):
    with pytest.raises(ValueError, match=message):
        weights_of(content, 'a.pth')


def test_the_weights_of_the_model_pass(tmp_path):
    file = tmp_path / 'model.pth'
    weights = network().state_dict()
    torch.save({'state_dict': {f'module.{name}': x for name, x in weights.items() if 'num_batches' not in name}}, file)
    check_weights(network(), str(file))
    check_weights(Wrapped(Wrapped(network())), str(file))
    check_fit(network(), {**weights, 'auxiliary.bias': torch.zeros(1)}, 'model.pth')


def test_missing_and_reshaped_weights_are_named(tmp_path):
    file = tmp_path / 'model.pth'
    weights = network().state_dict()
    del weights['0.bias']
    weights['2.weight'] = torch.zeros(3, 4, 1, 1)
    torch.save({'state_dict': weights}, file)
    message = (
        r'model.pth does not fit Sequential: 1 missing: 0.bias; 1 of another shape: 2.weight \(3, 4, 1, 1\) '
        r'instead of \(2, 4, 1, 1\). The model is not the one that was trained: pass the config'
    )
    with pytest.raises(ValueError, match=message):
        check_weights(network(), str(file))


def test_errors_of_models_without_a_pretrained_checkpoint_stay_as_they_are():
    with pytest.raises(OSError, match='^disk$'), checked_pretraining(network()):
        raise OSError('disk')
