"""``dataset.json`` of nnU-Net."""

import json

import numpy as np
import pytest

from mmseg_wsss.cli.main import main
from mmseg_wsss.datasets.own_data.folders import find_folders
from mmseg_wsss.datasets.own_data.nnunet import read_dataset
from mmseg_wsss.datasets.own_data.pairing import find_masks, paired
from tests.helpers.miniatures import noisy_photo, save


def write(folder, content):
    (folder / 'dataset.json').write_text(json.dumps(content))


def test_classes_of_both_versions(tmp_path):
    assert read_dataset(tmp_path) is None
    write(tmp_path, {'labels': {'background': 0}})  # of another tool
    assert read_dataset(tmp_path) is None
    write(tmp_path, {'channel_names': {'0': 'MRI'}, 'labels': {'background': 0, 'weed': 2, 'crop': 1, 'ignore': 3}})
    assert read_dataset(tmp_path) == (('background', 'crop', 'weed'), 3)
    write(tmp_path, {'modality': {'0': 'MRI'}, 'labels': {'0': 'background', '1': 'crop'}})
    assert read_dataset(tmp_path) == (('background', 'crop'), None)


@pytest.mark.parametrize(
    'labels', [{'background': 0, 'crop': [1, 2]}, {'background': 0, 'crop': 2}, {}, ['crop'], None]
)
def test_classes_without_a_value_of_their_own(tmp_path, labels):
    write(tmp_path, {'channel_names': {}, 'labels': labels})
    with pytest.raises(ValueError, match=r'dataset.json: labels must give classes the values 0, 1, 2 \.\., got'):
        read_dataset(tmp_path)


def test_scribbles_of_nnunet_become_a_training(tmp_path, monkeypatch):
    """Images are called ``a_0000.png``, masks ``a.png``, and unlabelled pixels have the value of ``ignore``."""
    monkeypatch.chdir(tmp_path)
    mask = np.full((48, 64), 2, np.uint8)
    mask[20:22, 10:40], mask[2, :] = 1, 0
    for key in ('a', 'b', 'c_1', 'd', 'e'):
        save(tmp_path / f'data/imagesTr/{key}_0000.png', noisy_photo())
        save(tmp_path / f'data/labelsTr/{key}.png', mask)
    write(tmp_path / 'data', {'channel_names': {'0': 'RGB'}, 'labels': {'background': 0, 'crop': 1, 'ignore': 2}})
    assert main(['init', 'data', '-o', 'out']) == 0
    labels = json.loads((tmp_path / 'out/weak_labels.json').read_text())
    assert [entry['file_name'] for entry in labels['images']][2] == 'c_1_0000.png'
    assert "img_suffix = '_0000.png'" in (tmp_path / 'out/config.py').read_text()
    assert main(['check', 'out/config.py']) == 0


def test_masks_of_regions_are_read_with_names_of_their_values(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    for key in 'ab':
        save(tmp_path / f'data/imagesTr/{key}_0000.png', noisy_photo())
        save(tmp_path / f'data/labelsTr/{key}.png', np.eye(48, 64, dtype=np.uint8))
    write(tmp_path / 'data', {'channel_names': {'0': 'RGB'}, 'labels': {'background': 0, 'plant': [1, 2], 'crop': 2}})
    assert main(['init', 'data', '-o', 'out']) == 2
    assert 'regions are not read: name the values of the masks with --classes, id 0 first' in capsys.readouterr().err
    assert main(['init', 'data', '-o', 'out', '--classes', 'background,crop']) == 0


def test_a_file_for_each_channel_is_not_read(tmp_path):
    for key in ('a_0000', 'a_0001', 'b_0000', 'b_0001'):
        save(tmp_path / f'imagesTr/{key}.png', noisy_photo())
    for key in 'a', 'b':
        save(tmp_path / f'labelsTr/{key}.png', np.zeros((48, 64), np.uint8))
    with pytest.raises(
        ValueError, match=r"no mask in .*labelsTr has .*\('_0000', '_0001'\) are not read: save them as one"
    ):
        find_masks(paired(find_folders(tmp_path)))
