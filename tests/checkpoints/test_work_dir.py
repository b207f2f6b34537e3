"""Weights that are to be evaluated belong to the model."""

import pytest
import torch
from torch import nn

from mmseg_wsss.checkpoints.work_dir import check_readable, check_weights


class Wrapped(nn.Module):
    def __init__(self, module):
        super().__init__()
        self.module = module


def network():
    return nn.Sequential(nn.Conv2d(3, 4, 1), nn.BatchNorm2d(4), nn.Conv2d(4, 2, 1))


def test_the_weights_of_the_model_pass(tmp_path):
    file = tmp_path / 'model.pth'
    weights = network().state_dict()
    torch.save({'state_dict': {f'module.{name}': x for name, x in weights.items() if 'num_batches' not in name}}, file)
    check_weights(network(), str(file))
    check_weights(Wrapped(Wrapped(network())), str(file))


def test_old_checkpoints_can_be_read_and_half_ones_are_named(tmp_path):
    file = tmp_path / 'model.pth'
    for zipped in (True, False):
        torch.save(network().state_dict(), file, _use_new_zipfile_serialization=zipped)
        check_readable(file)
        file.write_bytes(file.read_bytes()[:300])
        with pytest.raises(ValueError, match='model.pth cannot be read as a checkpoint'):
            check_readable(file)


def test_missing_and_reshaped_weights_are_named(tmp_path):
    file = tmp_path / 'model.pth'
    weights = network().state_dict()
    del weights['0.bias']
    weights['2.weight'] = torch.zeros(3, 4, 1, 1)
    torch.save({'state_dict': weights}, file)
    with pytest.raises(
        ValueError, match=r'model.pth has no fitting weights for 0.bias, 2.weight: the model is not the'
    ):
        check_weights(network(), str(file))
    torch.save({'state_dict': {}}, file)
    with pytest.raises(ValueError, match=r'1.running_mean and 3 more'):
        check_weights(network(), str(file))
