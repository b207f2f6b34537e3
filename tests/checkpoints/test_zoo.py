"""Trained networks by name: what the metafiles say, and files that are what they should be."""

import hashlib

import pytest

from mmseg_wsss.checkpoints.loading import CheckpointError
from mmseg_wsss.checkpoints.zoo import choose_model, fetch_checkpoint, sha256_of, zoo_models

CONTENT = b'weights'
DIGEST = hashlib.sha256(CONTENT).hexdigest()
METAFILE = f"""
Models:
  - Name: ours_measured_1xb8-2k_fields-64x64
    Alias: [measured]
    In Collection: Ours
    Config: configs/ours/measured.py
    Metadata:
      Labels: clicks
      SHA256: {DIGEST}
    Results:
      - Task: Semantic Segmentation
        Dataset: fields
        Metrics:
          mIoU: 61.5
    Weights: https://zoo.invalid/files/measured-{DIGEST[:8]}.pth
  - Name: not_trained
    In Collection: Ours
    Config: configs/ours/not_trained.py
"""


@pytest.fixture
def model(tmp_path, monkeypatch):
    monkeypatch.delenv('MMSEG_WSSS_ZOO', raising=False)
    (tmp_path / 'configs/ours').mkdir(parents=True)
    (tmp_path / 'configs/ours/metafile.yml').write_text(METAFILE)
    (tmp_path / 'zoo').mkdir()
    (tmp_path / 'zoo' / f'measured-{DIGEST[:8]}.pth').write_bytes(CONTENT)
    models = zoo_models(tmp_path / 'configs')
    assert list(models) == ['measured']
    return models['measured']


def test_what_a_metafile_says(model, tmp_path):
    assert (model.method, model.dataset, model.metrics) == ('Ours', 'fields', {'mIoU': 61.5})
    assert model.config == tmp_path / 'configs/ours/measured.py'
    assert model.metadata == {'Labels': 'clicks'}
    assert model.file_name == f'measured-{DIGEST[:8]}.pth'
    assert model.sha256 == DIGEST


def test_a_misspelt_name_gets_the_nearest(model):
    for name in ('measured', 'ours_measured_1xb8-2k_fields-64x64'):
        assert choose_model(name, {'measured': model}) is model
    with pytest.raises(ValueError, match=r"'mesured' is not the name of a model: did you mean measured\?"):
        choose_model('mesured', {'measured': model})
    with pytest.raises(ValueError, match=r'"wsss zoo" lists the names'):
        choose_model('xyz', {'measured': model})


def test_a_file_of_a_clone_is_copied_once(model, tmp_path):
    path = fetch_checkpoint(model, tmp_path / 'out', local=tmp_path / 'zoo')
    assert path == tmp_path / 'out' / model.file_name
    assert path.read_bytes() == CONTENT
    (tmp_path / 'zoo' / model.file_name).unlink()
    assert fetch_checkpoint(model, tmp_path / 'out') == path  # it is there already


def test_a_damaged_file_is_fetched_again(model, tmp_path):
    (tmp_path / 'out').mkdir()
    (tmp_path / 'out' / model.file_name).write_bytes(b'half')
    assert fetch_checkpoint(model, tmp_path / 'out', local=tmp_path / 'zoo').read_bytes() == CONTENT


def test_another_file_is_not_kept(model, tmp_path):
    (tmp_path / 'zoo' / model.file_name).write_bytes(b'other')
    other = sha256_of(tmp_path / 'zoo' / model.file_name)
    with pytest.raises(CheckpointError, match=f"has the SHA-256 {other}, expected {DIGEST} of 'measured'"):
        fetch_checkpoint(model, tmp_path / 'out', local=tmp_path / 'zoo')
    assert not list(tmp_path.glob('out/*'))


@pytest.mark.parametrize('as_url', [False, True])
def test_the_variable_comes_first(model, tmp_path, monkeypatch, as_url):
    (tmp_path / 'mirror').mkdir()
    (tmp_path / 'zoo' / model.file_name).rename(tmp_path / 'mirror' / model.file_name)
    base = (tmp_path / 'mirror').as_uri() if as_url else str(tmp_path / 'mirror')
    monkeypatch.setenv('MMSEG_WSSS_ZOO', f'{base}/')
    assert fetch_checkpoint(model, tmp_path / 'out', local=tmp_path / 'zoo').read_bytes() == CONTENT


def test_a_file_that_cannot_be_had_is_one_line(model, tmp_path, monkeypatch):
    monkeypatch.setenv('MMSEG_WSSS_ZOO', f'{tmp_path / "nowhere"}/')
    with pytest.raises(
        CheckpointError, match=r"nowhere/measured.*, the checkpoint of 'measured', could not be had: .*"
    ) as e:
        fetch_checkpoint(model, tmp_path / 'out')
    assert 'set MMSEG_WSSS_ZOO to its folder' in str(e.value)
    monkeypatch.setenv('MMSEG_WSSS_ZOO', (tmp_path / 'nowhere').as_uri())
    with pytest.raises(CheckpointError, match='could not be had'):
        fetch_checkpoint(model, tmp_path / 'out')
    assert not (tmp_path / 'out').exists()
