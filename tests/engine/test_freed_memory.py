"""Freed memory stays in the process, unless the user has chosen the options of malloc."""

import platform
import subprocess
import sys

import pytest
from mmengine.config import Config

from mmseg_wsss.engine import freed_memory, training
from mmseg_wsss.engine.start_errors import StartError

FILL = """
import resource, sys
from mmseg_wsss.engine.freed_memory import keep_freed_memory
kept = sys.argv[1] == 'keep' and keep_freed_memory()
import torch
def faults():
    return resource.getrusage(resource.RUSAGE_SELF).ru_minflt
for _ in range(20):  # the first ones leave gaps, because memory for tensors is aligned
    torch.ones(1 << 24)  # 64 MiB
before = faults()
for _ in range(5):
    torch.ones(1 << 24)
print(int(kept), faults() - before)
"""

glibc = pytest.mark.skipif(platform.libc_ver()[0] != 'glibc', reason='only glibc has these options')


def fill(variant: str, **environment: str) -> tuple[bool, int]:
    """Return whether freed memory is kept, and the page faults of filling 64 MiB five more times, in a new process."""
    command = [sys.executable, '-c', FILL, variant]
    done = subprocess.run(command, capture_output=True, text=True, check=True, env=environment)
    kept, faults = done.stdout.split()
    return bool(int(kept)), int(faults)


@glibc
def test_memory_that_was_freed_is_used_again():
    plain, kept = fill('plain'), fill('keep')
    assert (plain[0], kept[0]) == (False, True)
    assert plain[1] >= 5 * 32  # a page of 2 MiB at most
    assert kept[1] < plain[1] / 10


@glibc
@pytest.mark.parametrize(
    'environment', [{'MALLOC_MMAP_MAX_': '65536'}, {'GLIBC_TUNABLES': 'glibc.malloc.mmap_max=65536'}]
)
def test_options_of_the_user_are_left_alone(environment):
    kept, faults = fill('keep', **environment)
    assert not kept
    assert faults >= 5 * 32


def test_another_system_is_left_alone(monkeypatch):
    monkeypatch.setattr(freed_memory.sys, 'platform', 'darwin')
    monkeypatch.setattr(freed_memory.ctypes, 'CDLL', None)  # a call would fail
    assert freed_memory.keep_freed_memory() is False


@pytest.mark.parametrize(('device', 'calls'), [('cpu', 1), ('cuda', 0)])
def test_a_training_on_the_cpu_keeps_it(monkeypatch, device, calls):
    counted = []
    monkeypatch.setattr(training, 'get_device', lambda: device)
    monkeypatch.setattr(training, 'keep_freed_memory', lambda: counted.append(1))
    with pytest.raises(StartError):
        training.run_training(Config({}))
    assert len(counted) == calls
