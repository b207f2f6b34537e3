"""Refiners: soft masks that follow the image."""

from .pac_refiner import PACRefiner

__all__ = ['PACRefiner']
