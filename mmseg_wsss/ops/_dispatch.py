"""Which backend serves a fast op, and why another one cannot."""

from __future__ import annotations

import importlib.util
import os
import shutil
from functools import cache

import torch
from torch import Tensor

BACKENDS = ('auto', 'torch', 'triton')
# The kernels are tested with 3.6 (of torch 2.11) and 3.7 (of torch 2.13); 3.2 cannot compile them.
_OLDEST_TRITON = (3, 6)


def why_not_supported(backend: str, tensor: Tensor | None = None, limit: str | None = None) -> str | None:
    """Say why a backend cannot serve, None if it can.

    Args:
        backend: ``'auto'``, ``'torch'`` or ``'triton'``.
        tensor: The main input of the op, which decides by its device and type. None for an op that has no Triton
            kernel.
        limit: What the caller asks for beyond the op's Triton kernel, such as ``'its largest radius is 10, got 12'``.

    Raises:
        ValueError: If no backend has that name.
    """
    if backend not in BACKENDS:
        raise ValueError(f'unknown backend {backend!r}: choose from {", ".join(BACKENDS)}')
    if backend != 'triton':
        return None
    reason = 'this op has no Triton kernel' if tensor is None else limit or _why_not_triton(tensor)
    return reason and f"backend 'triton' cannot serve: {reason}; use backend='auto' or backend='torch'"


def choose_backend(backend: str, tensor: Tensor, limit: str | None = None) -> str:
    """Return the backend that is to serve, ``'torch'`` or ``'triton'``; the arguments of :func:`why_not_supported`.

    ``'auto'`` is Triton on a GPU where it can serve, torch elsewhere.

    Raises:
        ValueError: If no backend has that name, or the one that was named cannot serve.
    """
    if backend == 'auto':
        fast = tensor.is_cuda and not _interpreted() and why_not_supported('triton', tensor, limit) is None
        return 'triton' if fast else 'torch'
    reason = why_not_supported(backend, tensor, limit)
    if reason is not None:
        raise ValueError(reason)
    return backend


def require_backend(backend: str) -> None:
    """Raise ValueError unless a backend can serve an op that has no Triton kernel."""
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
        return 'its kernels compute in float32 and the input is float64'
    if _interpreted():
        return None
    if tensor.device.type != 'cuda':
        return (
            f'it needs a GPU and the input is on {tensor.device.type} '
            '(TRITON_INTERPRET=1, set before Python starts, runs the kernels slowly without one)'
        )
    if torch.version.hip is None and torch.cuda.get_device_capability(tensor.device) < (8, 0):
        return 'it needs a GPU of compute capability 8.0 or newer'
    if not _finds_compiler():
        return 'it needs a C compiler (install gcc or clang, or name one in the environment variable CC)'
    return None


@cache
def _triton_version() -> tuple[int, int] | None:
    """Return major and minor version, None if it is not installed."""
    if importlib.util.find_spec('triton') is None:
        return None
    import triton

    major, minor = triton.__version__.split('.')[:2]
    return int(major), int(minor)


@cache
def _finds_compiler() -> bool:
    return bool(os.environ.get('CC') or shutil.which('gcc') or shutil.which('clang'))


def _interpreted() -> bool:
    return os.environ.get('TRITON_INTERPRET') == '1'
