"""Refiners, which align soft masks with the image."""

from .dense_crf import DenseCRF
from .pac_refiner import PACRefiner
from .pamr import PAMR

__all__ = [
    'PAMR',
    'DenseCRF',
    'PACRefiner',
]
