"""Layers that mmcv does not have."""

from .group_size_norm import GroupSizeNorm

__all__ = ['GroupSizeNorm']
