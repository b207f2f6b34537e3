import json
import os
import threading
import time

import numpy as np
import pytest

from mmseg_wsss.datasets.findings import NOTE, Finding
from mmseg_wsss.datasets.remembered import cache_folder, content_hash, remembered

FOUND = Finding(NOTE, 'it is so', 'do that')


@pytest.fixture(autouse=True)
def folder(tmp_path, monkeypatch):
    monkeypatch.setenv('XDG_CACHE_HOME', str(tmp_path))
    return tmp_path / 'mmseg_wsss/checks'


class Check:
    def __init__(self, value=1, wait=0.0):
        self.calls, self.value, self.wait = 0, value, wait

    def __call__(self):
        self.calls += 1
        time.sleep(self.wait)
        return np.full((3, 2), self.value, dtype=np.int32), [FOUND]


def test_a_check_is_made_once_for_each_key(folder):
    first, second, other = Check(1), Check(2), Check(3)
    assert cache_folder() == folder
    for check, key, expected in ((first, 'a', 1), (second, 'a', 1), (other, 'b', 3)):
        sizes, findings = remembered(key, check)
        assert sizes.tolist() == [[expected] * 2] * 3
        assert findings == [FOUND]
    assert (first.calls, second.calls, other.calls) == (1, 0, 1)


def test_a_check_is_made_again_if_asked_for():
    remembered('a', Check(1))
    assert remembered('a', Check(2), again=True)[0].max() == 2
    assert remembered('a', Check(3))[0].max() == 2


def test_what_is_remembered_is_shared_by_processes():
    remembered('a', Check())
    assert isinstance(remembered('a', Check())[0], np.memmap)


@pytest.mark.parametrize('name', ['a.npy', 'a.json'])
@pytest.mark.parametrize('content', [None, b'', b'[1]', b'{"'])
def test_a_damaged_result_is_made_again(folder, name, content):
    remembered('a', Check(1))
    if content is None:
        (folder / name).unlink()
    else:
        (folder / name).write_bytes(content)
    assert remembered('a', Check(2))[0].max() == 2
    assert remembered('a', Check(3))[0].max() == 2


def test_an_array_of_objects_is_not_loaded(folder):
    remembered('a', Check(1))
    np.save(folder / 'a.npy', np.array([print], dtype=object), allow_pickle=True)
    assert remembered('a', Check(2))[0].max() == 2


def test_an_error_is_not_remembered():
    def fails():
        raise ValueError('wrong')

    for _ in range(2):
        with pytest.raises(ValueError, match='wrong'):
            remembered('a', fails)
    assert remembered('a', Check(4))[0].max() == 4


def test_others_wait_for_the_one_that_checks():
    check, results = Check(wait=0.3), []
    threads = [threading.Thread(target=lambda: results.append(remembered('a', check)[0].max())) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert check.calls == 1
    assert results == [1] * 4


def test_without_a_cache_folder_the_check_is_made_each_time(tmp_path, monkeypatch):
    (tmp_path / 'file').write_text('')
    monkeypatch.setenv('XDG_CACHE_HOME', str(tmp_path / 'file'))
    check = Check()
    assert remembered('a', check)[0].max() == remembered('a', check)[0].max() == 1
    assert check.calls == 2


@pytest.mark.parametrize('bound', ['number', 'bytes'])
def test_what_was_not_used_for_the_longest_time_is_forgotten(folder, monkeypatch, bound):
    monkeypatch.setattr(f'mmseg_wsss.datasets.remembered.MAX_{"RESULTS" if bound == "number" else "BYTES"}', 3)
    if bound == 'bytes':
        remembered('a', Check(1))
        size = sum((folder / name).stat().st_size for name in ('a.npy', 'a.json'))
        monkeypatch.setattr('mmseg_wsss.datasets.remembered.MAX_BYTES', 3 * size)
    for time_ns, key in enumerate('abc'):
        remembered(key, Check(1))
        os.utime(folder / f'{key}.json', ns=(time_ns, time_ns))
    remembered('a', Check(2))  # is used
    remembered('d', Check(1))
    left = {path.name for path in folder.iterdir()}
    assert left == {f'{key}.{kind}' for key in 'acd' for kind in ('json', 'npy', 'lock')}
    assert remembered('b', Check(3))[0].max() == 3
    monkeypatch.setattr('mmseg_wsss.datasets.remembered.MAX_RESULTS', 0)
    remembered('e', Check(1))  # the newest result is kept, however large it is
    assert {path.stem for path in folder.iterdir()} == {'e'}


def test_the_hash_depends_on_content_and_settings_alone(tmp_path):
    (tmp_path / 'a').write_bytes(b'1' * (2**20 + 1))
    (tmp_path / 'b').write_bytes(b'1' * (2**20 + 1))
    assert content_hash([tmp_path / 'a'], 1, 'x') == content_hash([tmp_path / 'b'], 1, 'x')
    (tmp_path / 'b').write_bytes(b'1' * 2**20 + b'2')
    assert content_hash([tmp_path / 'a'], 1, 'x') != content_hash([tmp_path / 'b'], 1, 'x')
    assert content_hash([], 'a', 'b') != content_hash([], 'ab', '')
    assert json.dumps([content_hash([])])
