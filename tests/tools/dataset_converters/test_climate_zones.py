"""Satellite pictures with climate zones, from a made-up map."""

import numpy as np
import pytest
from PIL import Image

from mmseg_wsss.cli.main import main


@pytest.fixture
def climate(load_converter):
    return load_converter('climate_zones')


def test_every_zone_has_a_class(climate):
    groups = 'tropical', 'dry', 'temperate', 'cold', 'polar'
    numbers = [4, 4, 9, 12, 2]  # of the zones that begin with A, B, C, D and E
    names = [climate.CLASSES[label] for label in climate.to_classes(np.arange(1, 33))]
    assert names == [name for name, number in zip(groups, numbers, strict=True) for _ in range(number)] + ['sea']


def test_squares_of_one_class_are_left_out(climate):
    classes = np.zeros((180, 4 * 180 + 50), np.uint8)
    classes[:, 180:216] = 1  # a fifth of the second square
    classes[:, 360:395] = 1  # less than a fifth of the third
    classes[:, 720:] = 1  # not a whole square
    assert list(climate.parts(classes)) == [('00_01', slice(0, 180), slice(180, 360))]


def test_the_command_line(climate, tmp_path, monkeypatch, capsys):
    rng = np.random.default_rng(0)
    picture = rng.integers(0, 255, (360, 900, 3), np.uint8)
    zones = np.full((720, 1800), 32, np.uint8)
    zones[:, ::5] = 7  # a fifth of each square
    Image.fromarray(picture).save(tmp_path / 'picture.png')
    Image.fromarray(zones).save(tmp_path / 'zones.png')
    files = {climate.PICTURE: tmp_path / 'picture.png', climate.ZONES: tmp_path / 'zones.png'}
    monkeypatch.setattr(climate, 'file_of', lambda *source: files[source])
    monkeypatch.setattr('sys.argv', ['program', '-o', str(tmp_path / 'out')])
    climate.main()
    assert capsys.readouterr().out == 'val: 3 pictures\ntrain: 7 pictures\n'
    out = tmp_path / 'out'
    assert (out / 'val.txt').read_text() == '00_00\n00_04\n01_03\n'
    with Image.open(out / 'images/01_03.png') as image, Image.open(out / 'masks/01_03.png') as mask:
        assert np.array_equal(np.array(image), picture[180:360, 540:720])
        labels = np.array(mask)
    # every second column of the map is kept, of which every fifth is dry
    assert np.bincount(labels.ravel()).tolist() == [180 * 180 * 4 // 5, 0, 180 * 180 // 5]
    labels = ['--masks', f'{out}/masks', '--images', f'{out}/images', '--classes', f'{out}/classes.txt']
    assert (
        main(['simulate', *labels, '--split', f'{out}/train.txt', '-o', f'{out}/clicks.json', '--min-area', '1']) == 0
    )
    assert '7 images, 6 classes' in capsys.readouterr().out


def test_a_missing_package(climate):
    with pytest.raises(SystemExit, match='no-such-package is not installed: pip install --no-deps no-such-package'):
        climate.file_of('no-such-package', 'file.png')
