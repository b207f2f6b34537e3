"""``wsss browse LABELS --images DIR``: labels before there is a config."""

from dataclasses import replace

import numpy as np
import pytest
import tifffile
from PIL import Image

from mmseg_wsss.cli._browse_labels import labelled_photos, read_photo, worst_scores
from mmseg_wsss.cli.main import main
from mmseg_wsss.datasets.formats import read_labels
from mmseg_wsss.engine.validation_record import write_record
from tests.helpers.miniatures import noisy_photo, save
from tests.helpers.one_of_each import write_own_data
from tests.helpers.own_data import write_data


def names(root, number=9, **settings):
    return [name for name, _ in labelled_photos(root / 'weak_labels.json', root / 'images', number, **settings)]


def test_a_sheet_and_a_page_of_every_kind_of_label(tmp_path, capsys):
    root = write_own_data(tmp_path / 'data')
    where = [str(root / 'weak_labels.json'), '--images', str(root / 'images')]
    for output in ('a.png', 'new/a.html'):
        assert main(['browse', *where, '-n', '5', '-o', str(tmp_path / output)]) == 0
        assert capsys.readouterr().out == f'wrote {tmp_path / output}: 5 images\n'
    assert Image.open(tmp_path / 'a.png').width > 700
    page = (tmp_path / 'new/a.html').read_text()
    assert page.count('<figure>') == 5
    assert 'tags.jpg' in page


def test_images_that_are_not_there_are_counted(tmp_path, capsys):
    write_data(tmp_path)
    (tmp_path / 'images/2.png').unlink()
    assert names(tmp_path) == ['0.png', '1.png', '3.png']
    assert capsys.readouterr().out == f'left out: 1 of 4 images that are not in {tmp_path}/images (first: 2.png)\n'


def test_the_worst_images_of_a_run_come_first(tmp_path, capsys):
    write_data(tmp_path)
    write_record(tmp_path / 'run', ['a'], [[1]], {'3.png': 9.0, '0.png': 5.0, '1.png': 70.0, 'other.png': 1.0}, {})
    assert names(tmp_path, 2, worst=tmp_path / 'run') == ['0.png', '3.png']
    assert names(tmp_path, 2) == ['0.png', '3.png']
    assert names(tmp_path, worst=tmp_path / 'run') == ['0.png', '3.png', '1.png']
    labels = read_labels(str(tmp_path / 'weak_labels.json'))
    assert worst_scores(labels, tmp_path / 'run') == {'0': 5.0, '3': 9.0, '1': 70.0}
    with pytest.raises(ValueError, match='has no validation/scores.json'):
        worst_scores(labels, tmp_path)
    entries = {key: replace(labels.images['0'], file_name=f'{key}.png') for key in ('x/1', 'y/1', 'y/2')}
    folders = replace(labels, images=entries)
    write_record(tmp_path / 'run', ['a'], [[1]], {'x/1.png': 10.0, 'y/1.png': 90.0}, {})
    assert worst_scores(folders, tmp_path / 'run') == {'x/1': 10.0, 'y/1': 90.0}
    write_record(tmp_path / 'run', ['a'], [[1]], {'1.png': 10.0, '2.png': 90.0}, {})
    assert worst_scores(folders, tmp_path / 'run') == {'y/2': 90.0}  # 1 is in two folders
    write_record(tmp_path / 'run', ['a'], [[1]], {'other.png': 1.0}, {})
    with pytest.raises(ValueError, match='none of the 1 images in the validation of .* has labels'):
        worst_scores(labels, tmp_path / 'run')
    capsys.readouterr()


def test_outlines_are_drawn_and_names_may_be_in_any_script(tmp_path):
    save(tmp_path / 'images/Süd/день.jpg', noisy_photo())
    (tmp_path / 'labels/Süd').mkdir(parents=True)
    (tmp_path / 'labels/Süd/день.txt').write_text('0 0 0 1 0 1 1 0 1\n')
    (tmp_path / 'labels/classes.txt').write_text('leaf\n')
    ((name, drawn),) = labelled_photos(tmp_path / 'labels', tmp_path / 'images', 1)
    assert name == 'Süd/день.jpg'
    photo = drawn[100:200, 100:200].reshape(-1, 3).mean(axis=0)
    assert photo[0] > photo[1] + 40  # the colour of the class, which covers the photo


def test_what_is_refused(tmp_path, capsys):
    write_data(tmp_path)
    (tmp_path / 'empty').mkdir()
    labels = str(tmp_path / 'weak_labels.json')
    assert main(['browse', labels, '--images', str(tmp_path / 'empty'), '-o', str(tmp_path / 'a.png')]) == 2
    assert 'none of the 4 images of' in capsys.readouterr().err
    assert main(['browse', 'config.py', '--worst', 'run', '-o', str(tmp_path / 'a.png')]) == 2
    assert '--worst and --classes are for label files' in capsys.readouterr().err
    for option in ('--seed 0', '--kernels', '--cfg-options a=1'):
        assert main(['browse', labels, '--images', str(tmp_path), '-o', str(tmp_path / 'a.png'), *option.split()]) == 2
        assert '--seed, --kernels and --cfg-options are for configs: leave them out' in capsys.readouterr().err
    assert main(['browse', 'config.py', '-o', str(tmp_path / 'a.txt')]) == 2
    assert '-o must end in one of .png, .jpg, .jpeg, .html' in capsys.readouterr().err


def test_photos_of_every_kind_are_read(tmp_path):
    bands = np.zeros((4, 6, 5), np.uint16)
    bands[2:, :, 1] = 4000
    tifffile.imwrite(tmp_path / 'a.tif', bands, photometric='minisblack', planarconfig='contig')
    assert read_photo(tmp_path / 'a.tif')[[0, 3], 0].tolist() == [[0, 0, 0], [0, 255, 0]]
    exif = Image.Exif()
    exif[274] = 6
    Image.new('RGB', (6, 4)).save(tmp_path / 'b.jpg', exif=exif)
    assert read_photo(tmp_path / 'b.jpg').shape == (6, 4, 3)
    (tmp_path / 'c.png').write_bytes(b'no picture')
    with pytest.raises(ValueError, match=r'c.png cannot be read as a picture'):
        read_photo(tmp_path / 'c.png')
