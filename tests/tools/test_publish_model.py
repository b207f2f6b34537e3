"""Checkpoints for a model zoo."""

import sys

import pytest
import torch

from mmseg_wsss import __version__
from mmseg_wsss.checkpoints.zoo import sha256_of
from tests.helpers.tools import load_tool


def publish(*arguments):
    sys.argv = ['publish_model.py', *map(str, arguments)]
    load_tool('publish_model').main()


def test_only_weights_and_classes_in_half_precision(tmp_path, monkeypatch, capsys):
    monkeypatch.setattr(sys, 'argv', [])
    weights = {'conv.weight': torch.tensor([[1.5, -0.1]]), 'bn.num_batches_tracked': torch.tensor(7)}
    shown = {'classes': ('background', 'crop'), 'palette': [[0, 0, 0], [0, 128, 0]]}
    meta = {'iter': 20, 'epoch': 0, 'cfg': "work_dir = '/home/me'", 'seed': 3, 'dataset_meta': {**shown, 'more': 1}}
    torch.save({'state_dict': weights, 'meta': meta, 'optimizer': {'lr': 1}}, tmp_path / 'iter_20.pth')
    for start, row in (('1', '{"step": 1}\n'), ('2', '{"mIoU": 40.0, "step": 2}\n')):
        (tmp_path / start / 'vis_data').mkdir(parents=True)
        (tmp_path / start / 'vis_data/scalars.json').write_text(row)
    publish(tmp_path / 'iter_20.pth', tmp_path / 'zoo/fields')
    path, log = sorted((tmp_path / 'zoo').iterdir(), reverse=True)
    digest = sha256_of(path)
    assert path.name == f'fields-{digest[:8]}.pth'
    assert log.name == f'fields-{digest[:8]}.json'
    assert log.read_text() == '{"step": 1}\n{"mIoU": 40.0, "step": 2}\n'
    assert f'SHA256: {digest}' in capsys.readouterr().out
    content = torch.load(path, weights_only=True)
    assert content['meta'] == {'iter': 20, 'epoch': 0, 'dataset_meta': shown, 'mmseg_wsss_version': __version__}
    assert set(content) == {'meta', 'state_dict'}
    torch.testing.assert_close(content['state_dict']['conv.weight'], torch.tensor([[1.5, -0.1]]).half())
    assert content['state_dict']['bn.num_batches_tracked'].item() == 7
    assert content['state_dict']['bn.num_batches_tracked'].dtype == torch.int64


def test_a_checkpoint_that_runs_code_is_refused(tmp_path, monkeypatch):
    monkeypatch.setattr(sys, 'argv', [])
    torch.save({'state_dict': {}, 'meta': {'x': publish}}, tmp_path / 'net.pth')
    with pytest.raises(ValueError, match='net.pth'):
        publish(tmp_path / 'net.pth', tmp_path / 'zoo/net')
    assert not (tmp_path / 'zoo').exists()
