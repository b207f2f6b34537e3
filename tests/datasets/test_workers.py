import multiprocessing
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest
import torch

from mmseg_wsss.datasets import workers
from mmseg_wsss.datasets.workers import Total, WorkerSettings, each, progress

ROOT = Path(__file__).parents[2]


def test_results_are_in_order_and_made_by_other_processes():
    made = list(each(lambda item: (item, os.getpid()), list(range(9)), workers=3, title='numbers'))
    assert [item for item, _ in made] == list(range(9))
    assert len({process for _, process in made}) == 3
    assert os.getpid() not in {process for _, process in made}


@pytest.mark.parametrize(('items', 'count'), [([], 2), ([4], 2), ([4, 5], 1)])
def test_one_worker_or_one_item_need_no_process(items, count):
    assert list(each(lambda item: (item, os.getpid()), items, workers=count)) == [(item, os.getpid()) for item in items]


def test_0_is_one_worker_for_each_core(monkeypatch):
    monkeypatch.setattr(workers, '_cores', lambda: 2)
    assert len(set(each(lambda item: os.getpid(), list(range(8)), workers=0))) == 2
    for wrong in (-1, 1.5, True):
        with pytest.raises(ValueError, match=f'workers must be a non-negative integer, got {wrong}'):
            WorkerSettings(workers=wrong)


@pytest.mark.parametrize('count', [1, 2])
def test_what_is_counted_is_counted_once(count):
    total = Total(100)  # of images that were finished earlier

    def call(item):
        total.value += item
        return item

    assert sum(each(call, [1, 2, 3, 4], workers=count, tally=total)) == 10
    assert total.value == 110


def test_errors_keep_their_message():
    def call(item):
        if item == 3:
            raise FileNotFoundError(f'no photo {item}')
        return item

    made = each(call, list(range(6)), workers=2)
    with pytest.raises(FileNotFoundError, match=r'^no photo 3$'):
        list(made)
    assert multiprocessing.active_children() == []


def test_an_error_that_cannot_be_sent_is_told():
    class OddError(Exception):
        pass

    def call(item):
        raise OddError('odd')

    with pytest.raises(RuntimeError, match=r'^OddError: odd$'):
        list(each(call, [1, 2], workers=2))


def test_the_random_state_stays_and_gradients_are_off_where_they_were():
    before = torch.random.get_rng_state()
    with torch.no_grad():
        assert list(each(lambda item: torch.is_grad_enabled(), [1, 2], workers=2)) == [False, False]
    np.testing.assert_array_equal(before, torch.random.get_rng_state())


def test_a_gpu_is_refused(monkeypatch):
    monkeypatch.setattr(torch.cuda, 'is_initialized', lambda: True)
    with pytest.raises(
        ValueError, match='workers=2: worker processes cannot use the GPU of this process: use 1, and a'
    ):
        list(each(abs, [1, 2], workers=2))
    assert list(each(abs, [-1, 2], workers=1)) == [1, 2]


def test_progress_is_not_needed():
    assert list(progress([4, 0, 2], 'labels')) == [4, 0, 2]


SLEEP = """
import os, signal, time
from mmseg_wsss.datasets.workers import each
signal.signal(signal.SIGINT, signal.default_int_handler)  # a shell ignores it in what it starts in the background
def call(item):
    os.write(1, f'{os.getpid()}\\n'.encode())  # in one piece, for both write to one pipe
    time.sleep(0.2)
list(each(call, list(range(10_000)), workers=2))
"""


@pytest.mark.parametrize('number', [signal.SIGKILL, signal.SIGTERM, signal.SIGINT])
def test_no_worker_is_left_behind(number):
    process = subprocess.Popen(
        [sys.executable, '-c', SLEEP], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True, cwd=ROOT
    )
    found = set()
    while len(found) < 2:
        found.add(int(process.stdout.readline()))
    process.send_signal(number)
    process.wait(60)
    limit = time.monotonic() + 60
    while time.monotonic() < limit and any(map(_lives, found)):
        time.sleep(0.1)
    assert not any(map(_lives, found))


def _lives(process):
    try:
        return Path(f'/proc/{process}/stat').read_text().rpartition(')')[2].split()[0] != 'Z'
    except OSError:
        return False
