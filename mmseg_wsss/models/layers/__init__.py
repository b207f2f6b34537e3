"""Layers that are not in mmcv."""

from .global_cue_injection import GlobalCueInjection
from .group_size_norm import GroupSizeNorm
from .pixel_correlation import PixelCorrelation

__all__ = ['GlobalCueInjection', 'GroupSizeNorm', 'PixelCorrelation']
