"""Errors of checkpoints; loading is in ``tests/test_untrusted_files.py`` and ``tests/engine/test_training.py``."""

import pickle

import pytest

from mmseg_wsss.checkpoints.loading import CheckpointError, MissingCheckpointError, load_checkpoint


def test_a_missing_checkpoint_is_a_missing_file(tmp_path):
    for kind in (FileNotFoundError, CheckpointError, ValueError):
        with pytest.raises(kind, match=f'^no checkpoint at {tmp_path}/none.pth$'):
            load_checkpoint(tmp_path / 'none.pth')


@pytest.mark.parametrize('kind', [CheckpointError, MissingCheckpointError])
def test_errors_reach_other_processes(kind):
    error = pickle.loads(pickle.dumps(kind('no checkpoint')))
    assert type(error) is kind
    assert str(error) == 'no checkpoint'
