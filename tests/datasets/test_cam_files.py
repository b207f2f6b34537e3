"""Class activation maps on disk."""

import numpy as np
import pytest

from mmseg_wsss.datasets.cam_files import ImageCAMs, grid_size, read_cam_index, read_cams, write_cam_index, write_cams
from mmseg_wsss.datasets.index_file import FolderIndex


def maps(classes=(3, 20), size=(33, 50), seed=0):
    scores = np.random.default_rng(seed).uniform(0, 1, (len(classes), *grid_size(size)))
    return ImageCAMs(np.array(classes, dtype=np.int64), scores.astype(np.float16), size)


@pytest.mark.parametrize('classes', [(3, 20), (1,), (), tuple(range(1, 150))])
@pytest.mark.parametrize('size', [(33, 50), (4, 1), (64, 64)])
def test_round_trip(tmp_path, classes, size):
    cams = maps(classes, size)
    write_cams(tmp_path, 'city/a.1', cams)
    assert (tmp_path / 'cams/city/a.1.npz').is_file()
    found = read_cams(tmp_path, 'city/a.1')
    assert found.classes.tolist() == list(classes)
    assert found.size == size
    assert (found.classes.dtype, found.scores.dtype) == (np.int64, np.float16)
    assert np.array_equal(found.scores, cams.scores)


def test_grid_is_a_quarter_rounded_up():
    assert [grid_size(size) for size in [(1, 4), (5, 8), (375, 500)]] == [(1, 1), (2, 2), (94, 125)]


def test_index_round_trip(tmp_path):
    images = {'a': {'file_name': 'a.jpg', 'width': 50, 'height': 33}}
    index = FolderIndex(('background', 'cat'), ((0, 0, 0), (64, 0, 0)), images, {'known_tags': True})
    write_cam_index(tmp_path, index)
    assert read_cam_index(tmp_path) == index
    assert not (tmp_path / 'pseudo_labels.json').exists()


def test_missing_files_are_named_with_the_command(tmp_path):
    with pytest.raises(FileNotFoundError, match=r'a\.npz is missing: "wsss cams CONFIG CHECKPOINT -o .*writes it'):
        read_cams(tmp_path, 'a')
    with pytest.raises(FileNotFoundError, match=r'cams\.json is missing.*: "wsss cams CONFIG CHECKPOINT -o'):
        read_cam_index(tmp_path)


@pytest.mark.parametrize('before', [False, True])
def test_a_kill_while_maps_are_written_leaves_no_half_file(tmp_path, monkeypatch, before):
    if before:
        write_cams(tmp_path, 'a', maps(seed=1))

    def killed(file, **arrays):
        file.write(b'PK half')
        raise KeyboardInterrupt

    monkeypatch.setattr('numpy.savez_compressed', killed)
    with pytest.raises(KeyboardInterrupt):
        write_cams(tmp_path, 'a', maps())
    monkeypatch.undo()
    assert [path.name for path in tmp_path.glob('cams/*.npz')] == (['a.npz'] if before else [])
    if before:
        assert np.array_equal(read_cams(tmp_path, 'a').scores, maps(seed=1).scores)
    write_cams(tmp_path, 'a', maps())
    assert np.array_equal(read_cams(tmp_path, 'a').scores, maps().scores)
    assert [path.name for path in tmp_path.rglob('*.*')] == ['a.npz']


def cut(content):
    return content[:-30]


def flip(content):
    place = len(content) // 2
    return content[:place] + bytes(255 - byte for byte in content[place : place + 8]) + content[place + 8 :]


@pytest.mark.parametrize('damage', [cut, flip, lambda content: b'', lambda content: b'no zip'])
def test_damaged_files_are_named_with_the_command(tmp_path, damage):
    write_cams(tmp_path, 'a', maps())
    path = tmp_path / 'cams/a.npz'
    path.write_bytes(damage(path.read_bytes()))
    with pytest.raises(ValueError, match=r'a\.npz is damaged .*wsss cams CONFIG CHECKPOINT'):
        read_cams(tmp_path, 'a')
    (tmp_path / 'cams.json').write_text('{"classes": []')
    with pytest.raises(ValueError, match=r'cams\.json is damaged .*wsss cams CONFIG CHECKPOINT'):
        read_cam_index(tmp_path)


def test_files_of_others_are_refused(tmp_path):
    (tmp_path / 'cams').mkdir()
    np.savez(tmp_path / 'cams/a.npz', cam=np.zeros((1, 3, 3)))
    with pytest.raises(ValueError, match=r'a\.npz is damaged'):
        read_cams(tmp_path, 'a')
    np.savez(tmp_path / 'cams/b.npz', classes=[1], scores=np.zeros((1, 3, 3), np.float16), size=[400, 10])
    with pytest.raises(ValueError, match=r'b\.npz is damaged \(scores must be float16 \(1, 100, 3\)'):
        read_cams(tmp_path, 'b')


@pytest.mark.parametrize(
    ('changes', 'message'),
    [
        ({'size': (40, 50)}, r'scores must be float16 \(2, 10, 13\).*\(40, 50\), got float16 \(2, 9, 13\)'),
        ({'scores': np.zeros((2, 9, 13))}, 'got float64'),
        ({'classes': np.array([0, 3])}, r'ascending int64 ids from 1, got int64 \[0, 3\]'),
        ({'classes': np.array([3, 3])}, r'got int64 \[3, 3\]'),
        ({'classes': np.array([1.0, 3.0])}, 'got float64'),
        ({'scores': np.full((2, 9, 13), 1.5, np.float16)}, r'scores must be in \[0, 1\], got 1.5..1.5'),
        ({'scores': np.full((2, 9, 13), np.nan, np.float16)}, r'scores must be in \[0, 1\], got nan'),
    ],
)
def test_maps_that_do_not_fit(changes, message):
    good = maps()
    parts = {'classes': good.classes, 'scores': good.scores, 'size': good.size, **changes}
    with pytest.raises(ValueError, match=message):
        ImageCAMs(**parts)


@pytest.mark.parametrize('key', ['../a', '/a', 'b/../../a', '../cams/../../a'])
def test_files_stay_below_their_folder(tmp_path, key):
    folder = tmp_path / 'deep/er/maps'
    for call in (lambda: write_cams(folder, key, maps()), lambda: read_cams(folder, key)):
        with pytest.raises(ValueError, match='expected the name of'):
            call()
    assert list(tmp_path.iterdir()) == []
