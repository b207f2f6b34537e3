"""Refiners: soft masks that follow the image."""

from .pamr import PAMR

__all__ = ['PAMR']
