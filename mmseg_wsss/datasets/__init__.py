"""Data sets, readers and transforms."""

from .citypersons import CityPersonsDataset
from .resumable import ResumableInfiniteSampler, SeededDataset
from .shapes import ShapesDataset
from .weak_seg_dataset import WeakSegDataset

__all__ = ['CityPersonsDataset', 'ResumableInfiniteSampler', 'SeededDataset', 'ShapesDataset', 'WeakSegDataset']
