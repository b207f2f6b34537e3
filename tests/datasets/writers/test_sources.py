"""What can be written: label files, pseudo-labels, predictions and masks."""

import pytest
from PIL import Image

from mmseg_wsss.datasets.writers import read_source
from tests.helpers.written_labels import CLASSES, PALETTE, all_kinds, pseudo_labels


def test_a_label_file(tmp_path):
    labels = all_kinds(tmp_path)
    labels.write(tmp_path / 'w.json')
    found = read_source(tmp_path / 'w.json')
    assert (found.classes, found.palette, list(found.images)) == (CLASSES, PALETTE, sorted(labels.images))


def test_pseudo_labels(tmp_path):
    pseudo_labels(tmp_path / 'pseudo')
    for place in (tmp_path / 'pseudo', tmp_path / 'pseudo/pseudo_labels.json'):
        labels = read_source(place)
        assert (labels.classes, labels.palette) == (CLASSES, PALETTE)
        entry = labels.images['field/a']
        assert (entry.file_name, entry.size) == ('field/a.png', (173, 131))
        assert entry.annotations.mask_path == str(tmp_path / 'pseudo/masks/field/a.png')
    (tmp_path / 'pseudo/masks/field/a.png').unlink()
    with pytest.raises(FileNotFoundError, match="the pseudo-label of 'field/a' not found: .*masks/field/a.png"):
        read_source(tmp_path / 'pseudo')


def test_predictions_without_an_index(tmp_path):
    pseudo_labels(tmp_path / 'out')
    (tmp_path / 'out/pseudo_labels.json').unlink()
    (tmp_path / 'photos/field').mkdir(parents=True)
    Image.new('RGB', (173, 131)).save(tmp_path / 'photos/field/a.tif')
    labels = read_source(tmp_path / 'out', CLASSES, tmp_path / 'photos')
    assert [(entry.file_name, entry.size) for entry in labels.images.values()] == [('field/a.tif', (173, 131))]
    assert read_source(tmp_path / 'out/masks', CLASSES).images['field/a'].size == (173, 131)
    with pytest.raises(ValueError, match='has no pseudo_labels.json that names the classes: give them'):
        read_source(tmp_path / 'out')


def test_what_is_missing_is_named(tmp_path):
    text = '{"version": 1, "classes": [{"name": "background"}], "images": [{"file_name": "a.jpg"}]}'
    (tmp_path / 'w.json').write_text(text)
    with pytest.raises(ValueError, match="the size of image 'a' is not known: give the folder of the images"):
        dict(read_source(tmp_path / 'w.json').images)
    with pytest.raises(ValueError, match="w.json has the classes .*'background',.*, got .*'weed',.*: leave out"):
        read_source(tmp_path / 'w.json', ['weed'])
    (tmp_path / 'w.json').write_text(text.replace('{"file_name": "a.jpg"}', ''))
    with pytest.raises(ValueError, match='holds no image'):
        read_source(tmp_path / 'w.json')
