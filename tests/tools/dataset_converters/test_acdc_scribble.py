"""The heart slices, from made-up files in the layout of WSL4MIS."""

import h5py
import numpy as np
import pytest
from mmengine.config import Config
from mmseg.registry import DATASETS
from PIL import Image

from tests.helpers.trainings import ROOT

NAMES = ('patient020_frame01_slice_3', 'patient021_frame01_slice_0', 'patient100_frame13_slice_9')


@pytest.fixture
def acdc(load_converter):
    return load_converter('acdc_scribble')


@pytest.fixture
def slices(tmp_path):
    folder = tmp_path / 'ACDC_training_slices'
    folder.mkdir()
    rng = np.random.default_rng(0)
    for name in NAMES:
        labels = np.zeros((256, 216), np.uint8)
        labels[100:140, 90:130] = 3
        scribbles = np.full_like(labels, 4)
        scribbles[110, 95:120], scribbles[10, 20:200] = 3, 0
        image = rng.random((256, 216), dtype=np.float32)
        with h5py.File(folder / f'{name}.h5', 'w') as file:
            file['image'], file['label'], file['scribble'] = image, labels, scribbles
    return folder


@pytest.fixture
def sample(acdc, slices, tmp_path):
    for file in sorted(slices.iterdir()):
        acdc.write_slice(file, tmp_path / 'out')
    return tmp_path / 'out'


def test_patients_are_divided(sample):
    found = sorted(path.relative_to(sample).as_posix() for path in sample.rglob('*') if path.is_file())
    expected = []
    for folder, suffix in (('ann_dir', 'png'), ('img_dir', 'jpg'), ('scribble_dir', 'png')):
        expected += [f'{folder}/train/{name}.{suffix}' for name in NAMES[1:]] + [f'{folder}/val/{NAMES[0]}.{suffix}']
    assert found == expected


def test_forms_of_the_files(sample):
    with Image.open(sample / f'img_dir/val/{NAMES[0]}.jpg') as image:
        assert (image.mode, image.size) == ('L', (216, 256))
        assert image.quantization[0][0] == 3  # of quality 92: 16 * (200 - 2 * 92) / 100
    with Image.open(sample / f'ann_dir/val/{NAMES[0]}.png') as mask:
        assert mask.getpalette()[:15] == [0, 0, 0, 220, 50, 50, 50, 200, 50, 60, 90, 230, 255, 255, 0]
        assert np.bincount(np.array(mask).ravel(), minlength=4).tolist() == [256 * 216 - 1600, 0, 0, 1600]
    with Image.open(sample / f'scribble_dir/val/{NAMES[0]}.png') as painted:
        values, counts = np.unique(np.array(painted), return_counts=True)
    assert values.tolist() == [0, 3, 255]
    assert counts.tolist() == [180, 25, 256 * 216 - 205]


def test_grey_values(acdc):
    image = np.concatenate([np.linspace(-2, 8, 1001)[:-2], [100, 1000]])
    high = np.percentile(image, 99.8)
    grey = acdc.to_grey(image)
    assert (grey[0], grey[-1], grey.dtype) == (0, 255, np.uint8)
    assert grey[400] == int((image[400] + 2) / (high + 2) * 255)
    assert acdc.to_grey(np.ones((2, 2))).tolist() == [[0, 0], [0, 0]]


def test_a_recipe_reads_the_sample(sample, monkeypatch):
    monkeypatch.setenv('ACDC_ROOT', str(sample))
    cfg = Config.fromfile(ROOT / 'configs/gated_crf/unet_acdc_scribbles.py')
    train, val = (DATASETS.build(cfg[f'{name}_dataloader'].dataset) for name in ('train', 'val'))
    assert (len(train), len(val)) == (2, 1)
    assert val[0]['data_samples'].gt_sem_seg.data.max() == 3


def test_the_command_line(acdc, slices, tmp_path, monkeypatch, capsys):
    monkeypatch.setattr('sys.argv', ['program', str(slices), '-o', str(tmp_path / 'out')])
    with pytest.raises(SystemExit, match='1'):  # these are not the slices that were measured
        acdc.main()
    assert f'img_dir/train/{NAMES[1]}.jpg\n' in capsys.readouterr().err
    monkeypatch.setattr('sys.argv', ['program', str(tmp_path), '-o', str(tmp_path / 'out')])
    with pytest.raises(SystemExit, match='2'):
        acdc.main()
    assert 'has no .h5 files: give data/ACDC/ACDC_training_slices' in capsys.readouterr().err
    (slices / 'other.h5').write_bytes(b'')
    with pytest.raises(SystemExit, match=r'other\.h5: expected a name such as'):
        acdc.write_slice(slices / 'other.h5', tmp_path / 'out')


def test_the_table_has_1902_slices(acdc):
    lines = (acdc.SUMS / 'sums.txt').read_text().splitlines()
    splits = [line.split('/')[0] for line in lines[1:]]
    assert (splits.count('train'), splits.count('val')) == (1512, 390)
