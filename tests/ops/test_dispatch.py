import subprocess
import sys
import sysconfig
from types import SimpleNamespace

import pytest
import torch

from mmseg_wsss.ops import dispatch
from mmseg_wsss.ops.dispatch import choose_backend, require_backend, why_not_supported

CPU = torch.zeros(1)


@pytest.fixture
def gpu(monkeypatch):
    """What the dispatch asks of a tensor on a GPU that Triton can use."""
    monkeypatch.delenv('TRITON_INTERPRET', raising=False)
    monkeypatch.setattr(torch.cuda, 'get_device_capability', lambda device: (9, 0))
    monkeypatch.setattr(dispatch, '_triton_version', lambda: (3, 7))
    monkeypatch.setattr(dispatch, '_finds_compiler', lambda: True)
    monkeypatch.setattr(dispatch, '_finds_python_headers', lambda: True)
    return SimpleNamespace(device=torch.device('cuda', 0), dtype=torch.bfloat16, is_cuda=True)


def test_auto_is_triton_on_a_gpu_where_it_can_serve(gpu):
    assert why_not_supported('triton', tensor=gpu) is None
    assert choose_backend('auto', gpu) == 'triton'
    assert choose_backend('torch', gpu) == 'torch'
    assert choose_backend('auto', gpu, 'too large') == 'torch'
    gpu.dtype = torch.float64
    assert choose_backend('auto', gpu) == 'torch'


@pytest.mark.parametrize('value', ['1', 'true', 'YES', 'on', 'y'])  # all that Triton takes for yes
def test_auto_is_never_the_interpreter(gpu, monkeypatch, value):
    monkeypatch.setenv('TRITON_INTERPRET', value)
    assert why_not_supported('triton', tensor=CPU) is None
    assert choose_backend('triton', CPU) == 'triton'
    assert choose_backend('auto', CPU) == 'torch'
    assert choose_backend('auto', gpu) == 'torch'


def test_reasons(gpu, monkeypatch):
    def refused(tensor, **settings):
        with pytest.raises(ValueError, match="^backend 'triton' cannot serve: .*; use backend='auto'") as error:
            choose_backend('triton', tensor, **settings)
        return str(error.value)

    assert 'needs a GPU, but the input is on cpu (TRITON_INTERPRET=1' in refused(CPU)
    assert 'input is float64' in refused(CPU.double())
    assert 'no more than 3 colours' in refused(gpu, limit='no more than 3 colours')
    monkeypatch.setattr(dispatch, '_finds_python_headers', lambda: False)
    assert 'needs Python.h to compile its launcher (install' in refused(gpu)
    monkeypatch.setattr(dispatch, '_finds_compiler', lambda: False)
    assert 'needs a C compiler' in refused(gpu)
    monkeypatch.setattr(torch.cuda, 'get_device_capability', lambda device: (7, 5))
    assert 'compute capability 8.0' in refused(gpu)
    monkeypatch.setattr(dispatch, '_triton_version', lambda: (3, 2))
    assert 'needs triton 3.6 or newer, found 3.2' in refused(gpu)
    monkeypatch.setattr(dispatch, '_triton_version', lambda: None)
    assert 'triton is not installed (pip install triton)' in refused(gpu)


@pytest.mark.parametrize(
    ('named', 'there', 'found'),
    [
        (None, ['gcc'], True),
        (None, ['clang'], True),
        (None, [], False),
        ('mycc', ['mycc'], True),
        ('missing', ['gcc'], False),
        ('', ['gcc'], False),
    ],
)
def test_compiler_is_looked_for_as_triton_does(monkeypatch, tmp_path, named, there, found):
    for name in there:
        (tmp_path / name).touch(mode=0o755)
    monkeypatch.setenv('PATH', str(tmp_path))
    monkeypatch.delenv('CC', raising=False)
    if named is not None:
        monkeypatch.setenv('CC', named)
    assert dispatch._finds_compiler.__wrapped__() == found


def test_python_headers_are_looked_for(monkeypatch, tmp_path):
    monkeypatch.setattr(sysconfig, 'get_path', lambda name, scheme: tmp_path / name / scheme)
    assert not dispatch._finds_python_headers.__wrapped__()
    (tmp_path / 'include/posix_prefix').mkdir(parents=True)
    (tmp_path / 'include/posix_prefix/Python.h').touch()
    assert dispatch._finds_python_headers.__wrapped__()


def test_ops_without_a_kernel():
    for backend in ('auto', 'torch'):
        assert why_not_supported(backend) is None
        require_backend(backend)
    with pytest.raises(ValueError, match='this op has no Triton kernel'):
        require_backend('triton')
    with pytest.raises(ValueError, match="unknown backend 'cuda': choose from auto, torch, triton"):
        require_backend('cuda')


def test_triton_need_not_be_installed():
    script = """
import sys
sys.modules['triton'] = None
import torch
from mmseg_wsss import ops
probs, image = torch.rand(1, 2, 4, 4).softmax(1), torch.rand(1, 3, 4, 4)
assert ops.gated_crf_loss(probs, image, kernels=[dict(weight=1, xy=6)]).isfinite()
try:
    ops.gated_crf_loss(probs, image, kernels=[dict(weight=1, xy=6)], backend='triton')
except ValueError as error:
    print(error)
"""
    done = subprocess.run([sys.executable, '-c', script], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert 'triton is not installed' in done.stdout
