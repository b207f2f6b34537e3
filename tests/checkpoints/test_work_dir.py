"""Checkpoints of a work dir that can be read."""

import json

import pytest
import torch
from torch import nn

from mmseg_wsss.checkpoints.loading import CheckpointError
from mmseg_wsss.checkpoints.work_dir import best_checkpoint, check_readable, logged_rows


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


def test_the_best_checkpoint_of_a_run(tmp_path):
    file = tmp_path / 'some.pth'
    assert best_checkpoint(file) == file
    with pytest.raises(CheckpointError, match='has no checkpoint: train first, or name a .pth file'):
        best_checkpoint(tmp_path)
    for name in ('01_boxes/iter_2.pth', '02_network/iter_2.pth', '02_network/iter_10.pth'):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        torch.save(network().state_dict(), tmp_path / name)
    assert best_checkpoint(tmp_path) == tmp_path / '02_network/iter_10.pth'
    torch.save(network().state_dict(), tmp_path / '02_network/best_mIoU_iter_2.pth')
    assert best_checkpoint(tmp_path) == tmp_path / '02_network/best_mIoU_iter_2.pth'
    torch.save(network().state_dict(), tmp_path / 'iter_1.pth')
    assert best_checkpoint(tmp_path) == tmp_path / 'iter_1.pth'


def test_iterations_that_a_resume_repeated_are_read_once(tmp_path):
    runs = {'1': [(10, {'loss': 3}), (20, {'loss': 2}), (20, {'mIoU': 5})], '2': [(20, {'loss': 1}), (20, {'mIoU': 6})]}
    for name, rows in runs.items():
        log = tmp_path / name / 'vis_data/scalars.json'
        log.parent.mkdir(parents=True)
        log.write_text(''.join(f'{json.dumps({**row, "step": step})}\n' for step, row in rows))
    found = [(row['step'], row.get('loss'), row.get('mIoU')) for row in logged_rows(tmp_path)]
    assert found == [(10, 3, None), (20, 1, None), (20, None, 6)]
