import pytest

from mmseg_wsss.datasets.index_file import FolderIndex

INDEX = FolderIndex(
    ('background', 'cat'),
    ((0, 0, 0), (64, 0, 0)),
    {'b/1': {'file_name': 'b/1.jpg', 'width': 7, 'height': 5}, 'a': {'file_name': 'a.jpg', 'width': 1, 'height': 2}},
    {'checkpoint': 'x.pth', 'scales': [0.5, 1.0]},
)


def test_it_comes_back_with_the_images_in_order(tmp_path):
    INDEX.write(tmp_path / 'new' / 'index.json')
    found = FolderIndex.read(tmp_path / 'new' / 'index.json', 'unused')
    assert found == INDEX
    assert list(found.images) == ['b/1', 'a']


def test_a_missing_file_means_that_nothing_is_finished(tmp_path):
    with pytest.raises(FileNotFoundError, match=r'index.json is missing, so .* is not complete: write it again'):
        FolderIndex.read(tmp_path / 'index.json', 'write it again')


@pytest.mark.parametrize(
    ('old', 'new'),
    [('{', ''), ('"width": 7', '"wide": 7'), ('"images": [', '"images": [3, '), ('"source"', '"sauce"')],
)
def test_damaged_files_are_named_with_the_cure(tmp_path, old, new):
    path = tmp_path / 'index.json'
    INDEX.write(path)
    text = path.read_text()
    assert old in text
    path.write_text(text.replace(old, new, 1))
    with pytest.raises(ValueError, match=r'index.json is damaged \(.*\): write it again'):
        FolderIndex.read(path, 'write it again')


def test_an_index_without_classes_is_damaged_and_one_without_colours_is_not_written(tmp_path):
    FolderIndex((), (), {}, {}).write(tmp_path / 'index.json')
    with pytest.raises(ValueError, match='is damaged'):
        FolderIndex.read(tmp_path / 'index.json', '')
    with pytest.raises(ValueError, match='zip'):
        FolderIndex(('background', 'cat'), ((0, 0, 0),), {}, {}).write(tmp_path / 'index.json')


@pytest.mark.parametrize('key', ['../', '../b', 'b/../../a', '', '.'])
def test_an_id_that_leads_out_of_the_folder_is_damage(tmp_path, key):
    path = tmp_path / 'index.json'
    INDEX.write(path)
    path.write_text(path.read_text().replace('"id": "b/1"', f'"id": "{key}"'))
    with pytest.raises(ValueError, match=r'index.json is damaged \(.*below the image folder.*\): write it again'):
        FolderIndex.read(path, 'write it again')
