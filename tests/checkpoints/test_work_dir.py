"""Checkpoints of a work dir that can be read."""

import pytest
import torch
from torch import nn

from mmseg_wsss.checkpoints.work_dir import check_readable


def network():
    return nn.Sequential(nn.Conv2d(3, 4, 1), nn.BatchNorm2d(4), nn.Conv2d(4, 2, 1))


def test_old_checkpoints_can_be_read_and_half_ones_are_named(tmp_path):
    file = tmp_path / 'model.pth'
    for zipped in (True, False):
        torch.save(network().state_dict(), file, _use_new_zipfile_serialization=zipped)
        check_readable(file)
        file.write_bytes(file.read_bytes()[:300])
        with pytest.raises(ValueError, match='model.pth cannot be read as a checkpoint'):
            check_readable(file)
