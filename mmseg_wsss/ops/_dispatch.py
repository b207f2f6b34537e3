"""Which backend serves a fast op, and why another one cannot."""

from __future__ import annotations

BACKENDS = ('auto', 'torch', 'triton')


def why_not_supported(backend: str) -> str | None:
    """Say why a backend cannot serve, None if it can.

    Raises:
        ValueError: If no backend has that name.
    """
    if backend not in BACKENDS:
        raise ValueError(f'unknown backend {backend!r}: choose from {", ".join(BACKENDS)}')
    if backend == 'triton':
        return "backend 'triton' is not in this release: use backend='auto' or backend='torch'"
    return None


def require_backend(backend: str) -> None:
    """Raise ValueError with the reason if a backend cannot serve."""
    reason = why_not_supported(backend)
    if reason is not None:
        raise ValueError(reason)
