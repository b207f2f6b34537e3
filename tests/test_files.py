"""Files that are there whole or not at all, and names that cannot leave their folder."""

import errno

import pytest

from mmseg_wsss.files import path_inside, relative_name, temporary_path, whole_file, whole_folder


def killed(path):
    with whole_file(path) as file:
        file.write(b'ne')
        raise KeyboardInterrupt


def test_a_kill_leaves_the_older_file(tmp_path):
    path = tmp_path / 'new' / 'file.json'
    with whole_file(path) as file:
        file.write(b'older')
    with pytest.raises(KeyboardInterrupt):
        killed(path)
    assert path.read_bytes() == b'older'
    with whole_file(path) as file:
        file.write(b'newer')
    assert path.read_bytes() == b'newer'
    assert not temporary_path(path).exists()
    assert temporary_path(path).name.startswith('.')


def test_many_writers_of_one_file_do_not_meet(tmp_path):
    path = tmp_path / 'file.png'
    with whole_file(path, many_writers=True) as first, whole_file(path, many_writers=True) as second:
        first.write(b'first')
        second.write(b'second')
        assert not path.exists()
        assert len(list(tmp_path.glob('.file*.tmp'))) == 2
    assert path.read_bytes() == b'first'  # the last one to finish
    assert list(tmp_path.iterdir()) == [path]


def test_a_planted_link_is_not_followed(tmp_path):
    victim, path = tmp_path / 'victim', tmp_path / 'out' / 'labels.json'
    victim.write_text('mine')
    path.parent.mkdir()
    temporary_path(path).symlink_to(victim)
    with whole_file(path) as file:
        file.write(b'new')
    assert victim.read_text() == 'mine'
    assert path.read_bytes() == b'new'
    assert not path.is_symlink()


def test_an_error_leaves_no_hidden_file(tmp_path):
    path = tmp_path / 'file.json'
    with pytest.raises(OSError, match='full'), whole_file(path):
        raise OSError('the disk is full')
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ('name', 'relative'),
    [
        ('1.jpg', '1.jpg'),
        ('field/1.jpg', 'field/1.jpg'),
        ('./field//1.jpg', 'field/1.jpg'),
        ('/data/photos/1.jpg', 'data/photos/1.jpg'),
        ('//data/1.jpg', 'data/1.jpg'),
        ('2021.03.04..jpg', '2021.03.04..jpg'),
    ],
)
def test_names_stay_below_a_folder(name, relative):
    assert relative_name(name) == relative


@pytest.mark.parametrize('name', ['', '.', '/', '..', '../1.jpg', 'a/../../1.jpg', '/../etc/1.jpg', 'a\0.jpg'])
def test_names_that_lead_out_of_a_folder_are_refused(tmp_path, name):
    with pytest.raises(ValueError, match='below the image folder'):
        relative_name(name)
    with pytest.raises(ValueError, match='below'):
        path_inside(tmp_path, name)


def test_paths_of_written_files_stay_below_their_folder(tmp_path):
    assert path_inside(tmp_path, 'a/1.png') == tmp_path / 'a/1.png'
    with pytest.raises(ValueError, match='which lies outside'):
        path_inside(tmp_path, '/etc/1.png')


def content(folder):
    return {path.relative_to(folder).as_posix(): path.read_text() for path in folder.rglob('*') if path.is_file()}


def test_the_files_of_a_folder_appear_together(tmp_path):
    folder = tmp_path / 'new/folder'
    with whole_folder(folder) as hidden:
        (hidden / 'sub').mkdir()
        (hidden / 'sub/a.txt').write_text('a')
        (hidden / 'b.txt').write_text('b')
        assert not (folder / 'b.txt').exists()
    assert content(tmp_path) == {'new/folder/sub/a.txt': 'a', 'new/folder/b.txt': 'b'}
    with whole_folder(folder) as hidden:
        (hidden / 'b.txt').write_text('newer')
    assert content(folder) == {'sub/a.txt': 'a', 'b.txt': 'newer'}
    assert sorted(path.name for path in folder.iterdir()) == ['b.txt', 'sub']


def write_files(folder, *names, error=None):
    with whole_folder(folder) as hidden:
        for name in names:
            (hidden / name).parent.mkdir(exist_ok=True)
            (hidden / name).write_text('newer')
        if error is not None:
            raise error


@pytest.mark.parametrize('error', [ValueError, KeyboardInterrupt])
def test_an_error_leaves_a_folder_as_it_was(tmp_path, error):
    (tmp_path / 'a.txt').write_text('older')
    for folder in (tmp_path, tmp_path / 'new/folder'):
        with pytest.raises(error):
            write_files(folder, 'a.txt', error=error)
    assert content(tmp_path) == {'a.txt': 'older'}
    assert [path.name for path in tmp_path.iterdir()] == ['a.txt']


def test_no_file_is_moved_if_one_of_them_would_replace_a_folder(tmp_path):
    (tmp_path / 'b').mkdir()
    with pytest.raises(IsADirectoryError, match='b is a folder, and a file of this name'):
        write_files(tmp_path, 'a', 'b')
    assert [path.name for path in tmp_path.iterdir()] == ['b']


def test_no_file_is_moved_if_a_folder_of_one_of_them_is_a_file(tmp_path):
    (tmp_path / 'b').write_text('older')
    with pytest.raises(NotADirectoryError, match='b is a file, and a folder of this name'):
        write_files(tmp_path, 'a', 'b/c')
    assert content(tmp_path) == {'b': 'older'}


@pytest.mark.parametrize(
    'error',
    [OSError(errno.EFBIG, 'File too large'), OSError('encoder error -2'), PermissionError(errno.EACCES, 'no', '')],
)
def test_an_error_of_writing_names_the_file(tmp_path, error):
    path = tmp_path / 'file.png'
    if error.errno == errno.EACCES:
        error.filename = str(temporary_path(path))
    with pytest.raises(OSError, match=f"'{path}'") as caught, whole_file(path):
        raise error
    assert caught.value.errno == error.errno
    with pytest.raises(OSError, match="'other.png'"), whole_file(path):
        raise FileNotFoundError(errno.ENOENT, 'missing', 'other.png')
