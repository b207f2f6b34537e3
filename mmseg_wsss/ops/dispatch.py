"""The choice of the backend of a fast op, and why a backend does not support a call."""

from __future__ import annotations

import importlib.util
import os
import shutil
import sysconfig
from functools import cache
from pathlib import Path

import torch
from torch import Tensor

BACKENDS = ('auto', 'torch', 'triton')
# The kernels are tested with 3.6 (of torch 2.11) and 3.7 (of torch 2.13); 3.2 cannot compile them.
_OLDEST_TRITON = (3, 6)


def why_not_supported(backend: str, *, tensor: Tensor | None = None, limit: str | None = None) -> str | None:
    """Return why a backend does not support a call, or None if it does.

    Args:
        backend: ``'auto'``, ``'torch'`` or ``'triton'``.
        tensor: The main input of the op, whose device and type matter. None for an op without a Triton kernel.
        limit: The limit of the op's Triton kernel that the call exceeds, such as ``'its largest radius is 10, got
            12'``.

    Raises:
        ValueError: If the backend is unknown.

    Example:
        >>> why_not_supported('torch', tensor=torch.rand(1, 2, 4, 4)) is None
        True
        >>> print(why_not_supported('triton'))
        backend 'triton' cannot serve: this op has no Triton kernel; use backend='auto' or backend='torch'
    """
    if backend not in BACKENDS:
        raise ValueError(f'unknown backend {backend!r}: choose from {", ".join(BACKENDS)}')
    if backend != 'triton':
        return None
    reason = 'this op has no Triton kernel' if tensor is None else limit or _why_not_triton(tensor)
    return reason and f"backend 'triton' cannot serve: {reason}; use backend='auto' or backend='torch'"


def choose_backend(backend: str, tensor: Tensor, limit: str | None = None) -> str:
    """Return the backend to use, ``'torch'`` or ``'triton'``; arguments as in :func:`why_not_supported`.

    ``'auto'`` is Triton on a GPU if it supports the call, otherwise torch.

    Raises:
        ValueError: If the backend is unknown, or does not support the call.
    """
    if backend == 'auto':
        serves = tensor.is_cuda and why_not_supported('triton', tensor=tensor, limit=limit) is None
        return 'triton' if serves and not _interpreted() else 'torch'
    reason = why_not_supported(backend, tensor=tensor, limit=limit)
    if reason is not None:
        raise ValueError(reason)
    return backend


def require_backend(backend: str) -> None:
    """Raise ValueError unless a backend supports an op without a Triton kernel."""
    reason = why_not_supported(backend)
    if reason is not None:
        raise ValueError(reason)


def _why_not_triton(tensor: Tensor) -> str | None:
    version = _triton_version()
    if version is None:
        return 'triton is not installed (pip install triton)'
    if version < _OLDEST_TRITON:
        return f'it needs triton {".".join(map(str, _OLDEST_TRITON))} or newer, found {".".join(map(str, version))}'
    if tensor.dtype == torch.float64:
        return 'its kernels compute in float32, but the input is float64'
    if _interpreted():
        return None
    if tensor.device.type != 'cuda':
        return (
            f'it needs a GPU, but the input is on {tensor.device.type} '
            '(TRITON_INTERPRET=1, set before Python starts, runs the kernels slowly without one)'
        )
    if torch.version.hip is None and torch.cuda.get_device_capability(tensor.device) < (8, 0):
        return 'it needs a GPU of compute capability 8.0 or newer'
    if not _finds_compiler():
        return 'it needs a C compiler (install gcc or clang, or set the variable CC to one, without options)'
    if not _finds_python_headers():
        return "it needs Python.h to compile its launcher (install your system's python3-dev or python3-devel)"
    return None


@cache
def _triton_version() -> tuple[int, int] | None:
    """Return the major and minor version, or None if Triton is not installed."""
    if importlib.util.find_spec('triton') is None:
        return None
    import triton

    major, minor = triton.__version__.split('.')[:2]
    return int(major), int(minor)


@cache
def _finds_compiler() -> bool:
    """Return whether Triton finds a compiler: that of CC, or gcc or clang."""
    named = os.environ.get('CC')
    return any(shutil.which(name) for name in (('gcc', 'clang') if named is None else (named,)))


@cache
def _finds_python_headers() -> bool:
    return Path(sysconfig.get_path('include', 'posix_prefix'), 'Python.h').exists()


def _interpreted() -> bool:
    """Return whether Triton, which must be installed, runs kernels in its interpreter."""
    from triton import knobs

    return bool(knobs.runtime.interpret)
