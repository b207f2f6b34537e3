"""Data sets, readers and transforms."""

from .resumable import ResumableInfiniteSampler, SeededDataset
from .shapes import ShapesDataset
from .weak_seg_dataset import WeakSegDataset

__all__ = ['ResumableInfiniteSampler', 'SeededDataset', 'ShapesDataset', 'WeakSegDataset']
