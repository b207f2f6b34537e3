"""Files that are there whole or not at all."""

import pytest

from mmseg_wsss.files import temporary_path, whole_file


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
