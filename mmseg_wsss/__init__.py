"""Weakly supervised semantic segmentation parts for MMSegmentation."""

__version__ = '0.1.0'
