"""The memory of tensors that a training on the CPU has freed."""

from __future__ import annotations

import ctypes
import os
import sys

M_TRIM_THRESHOLD, M_MMAP_MAX = -1, -4
"""Options of mallopt(3)."""


def keep_freed_memory() -> bool:
    """Let the C library keep freed memory for the next step instead of returning it to the system.

    By default, glibc maps a new range of memory for every large tensor and unmaps it when the tensor is freed, so that
    the system fills all activations and gradients with zeros again in every step. What that costs depends on the
    machine and its load (docs/performance.md). No result changes. The process keeps its largest size until it ends.

    Nothing is changed on other systems and C libraries, or if ``MALLOC_*_`` or ``GLIBC_TUNABLES`` in the environment
    already set options of malloc.

    Returns:
        Whether freed memory is kept by this call.

    Example:
        >>> keep_freed_memory() in (True, False)
        True
    """
    chosen = any(name.startswith('MALLOC_') and name.endswith('_') for name in os.environ)
    if chosen or 'glibc.malloc' in os.environ.get('GLIBC_TUNABLES', '') or sys.platform != 'linux':
        return False
    mallopt = getattr(ctypes.CDLL(None), 'mallopt', None)
    return mallopt is not None and bool(mallopt(M_MMAP_MAX, 0)) and bool(mallopt(M_TRIM_THRESHOLD, -1))
