"""The check of sums says which file differs."""

import hashlib

import pytest

LIST = b'a\nb\n'


@pytest.fixture
def files(load_converter):
    return load_converter('_files')


@pytest.fixture
def data(tmp_path, files):
    """Two photographs, their masks and one list, and the table of their sums."""
    root, sums = tmp_path / 'data', tmp_path / 'sums'
    for folder in ('photos', 'masks'):
        (root / folder).mkdir(parents=True)
        for name in ('a', 'b'):
            (root / folder / f'{name}.x').write_text(folder + name)
    (root / 'list.txt').write_text('a\nb\n')
    sums.mkdir()
    (sums / 'sums.txt').write_text(files.make_table(root, ['photos/{}.x', 'masks/{}.x'], ['a', 'b']))
    (sums / 'files.sha256').write_text(f'{hashlib.sha256(LIST).hexdigest()}  list.txt\n')
    return root, sums


def test_the_table(data):
    text = (data[1] / 'sums.txt').read_text().splitlines()
    first = [hashlib.sha256(word).hexdigest()[:8] for word in (b'photosa', b'masksa')]
    assert text[:2] == ['id photos/{}.x masks/{}.x', ' '.join(['a', *first])]
    assert len(text) == 3


def test_all_files_are_right(data, files, capsys):
    assert files.differing(*data) == []
    files.report(*data)
    assert capsys.readouterr().out == f'{data[0]}: every file is the one that was measured\n'


def test_what_differs_or_is_missing_is_named(data, files, capsys):
    root, sums = data
    (root / 'photos/b.x').write_text('other')
    (root / 'masks/a.x').unlink()
    (root / 'list.txt').write_text('a\n')
    assert files.differing(root, sums) == ['photos/b.x', 'masks/a.x (missing)', 'list.txt']
    with pytest.raises(SystemExit, match='1'):
        files.report(root, sums)
    printed = capsys.readouterr().err
    assert '1 in photos, 1 in masks' in printed
    assert '  masks/a.x (missing)\n' in printed
    assert 'Another version of Pillow' in printed


def test_a_long_list_is_cut(data, files, capsys):
    root, sums = data
    names = [f'{number:03d}' for number in range(30)]
    (sums / 'sums.txt').write_text('id photos/{}.x\n' + ''.join(f'{name} 00000000\n' for name in names))
    with pytest.raises(SystemExit):
        files.report(root, sums)
    printed = capsys.readouterr().err
    assert 'photos/019.x' in printed
    assert 'photos/020.x' not in printed
    assert 'and 10 others' in printed
