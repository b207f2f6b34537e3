"""Checks of arguments that several functionals need. They read only metadata, so they never wait for a GPU."""

from __future__ import annotations

import math
from collections.abc import Mapping
from numbers import Real
from typing import Any

import torch
from torch import Tensor


def check_float_map(value: Any, name: str, channels: str = 'C') -> None:
    """Raise unless ``value`` is a floating-point tensor of shape (B, channels, H, W)."""
    if not isinstance(value, Tensor) or not value.is_floating_point():
        raise TypeError(f'{name} must be a floating-point tensor (B, {channels}, H, W), got {describe(value)}')
    check_shape(value, name, f'(B, {channels}, H, W)')


def check_shape(value: Tensor, name: str, expected: str) -> None:
    """Raise unless ``value`` has four axes, none of which is empty."""
    if value.ndim != 4 or 0 in value.shape:
        raise ValueError(f'{name} must have the shape {expected} with no empty axis, got {tuple(value.shape)}')


def check_views(maps: Mapping[str, Tensor]) -> None:
    """Raise unless all maps, by the names of their arguments, have the shape of ``second``."""
    expected = tuple(maps['second'].shape)
    for name, value in maps.items():
        if value.shape != expected:
            raise ValueError(
                f'all maps must have the shape of second, {expected}, got {name} of {tuple(value.shape)}: resize the '
                'maps of the first view'
            )


def check_mask(value: Any, name: str, batch: int) -> None:
    """Raise unless ``value`` is a tensor of shape (batch, 1, h, w) of any real type."""
    if not isinstance(value, Tensor) or value.is_complex():
        raise TypeError(f'{name} must be a tensor of zeros and ones, got {describe(value)}')
    if value.ndim != 4 or value.shape[:2] != (batch, 1) or 0 in value.shape:
        raise ValueError(f'{name} must have the shape ({batch}, 1, h, w), got {tuple(value.shape)}')


def check_mask_of(value: Any, field: Tensor, name: str) -> None:
    """Raise unless ``value`` is a mask (B, 1, H, W) for the pixels of ``field``, the argument called ``name``."""
    check_mask(value, 'mask', len(field))
    if value.shape[2:] != field.shape[2:]:
        raise ValueError(
            f'mask must have the size of {name}, {tuple(field.shape[2:])}, got {tuple(value.shape[2:])}; '
            'reduce it so that a cell counts only if all its pixels do'
        )


def check_share(value: Any, name: str) -> float:
    """Return ``value`` as a float; raise unless it is a number in [0, 1]."""
    if isinstance(value, bool) or not isinstance(value, Real):
        raise TypeError(f'{name} must be a number in [0, 1], got {describe(value)}')
    number = float(value)
    if not 0 <= number <= 1:
        raise ValueError(f'{name} must be in [0, 1], got {value}')
    return number


def check_positive(value: Any, name: str) -> float:
    """Return ``value`` as a float; raise unless it is a finite number above zero."""
    if isinstance(value, bool) or not isinstance(value, Real):
        raise TypeError(f'{name} must be a number above 0, got {describe(value)}')
    number = float(value)
    if not math.isfinite(number) or number <= 0:
        raise ValueError(f'{name} must be a finite number above 0, got {value}')
    return number


def is_integer(value: Any, least: int = 1) -> bool:
    """Return whether ``value`` is an integer, and not a bool, of at least ``least``."""
    return isinstance(value, int) and not isinstance(value, bool) and value >= least


def check_integer(value: Any, name: str, least: int = 1) -> int:
    """Return ``value``; raise ``ValueError`` unless it is an integer of at least ``least``."""
    if not is_integer(value, least):
        kinds = {0: 'a non-negative integer', 1: 'a positive integer'}
        raise ValueError(f'{name} must be {kinds.get(least, f"an integer of at least {least}")}, got {value!r}')
    return int(value)


def describe(value: Any) -> str:
    """Describe a wrong argument in a few words."""
    if isinstance(value, Tensor):
        return f'a tensor of {value.dtype} and shape {tuple(value.shape)}'
    return f'{type(value).__name__} {value!r}'


def compute_dtype(value: Tensor) -> torch.dtype:
    """Return the type to compute in: float64 for float64, float32 for all narrower types."""
    return torch.float64 if value.dtype == torch.float64 else torch.float32
