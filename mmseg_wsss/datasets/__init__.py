"""Data sets, readers and transforms."""

from .citypersons import CityPersonsDataset
from .class_masks import ClassMaskDataset
from .inria import InriaDataset
from .pseudo_label_dataset import PseudoLabelDataset
from .resumable import ResumableInfiniteSampler, SeededDataset
from .shapes import ShapesDataset
from .weak_seg_dataset import WeakSegDataset

__all__ = [
    'CityPersonsDataset',
    'ClassMaskDataset',
    'InriaDataset',
    'PseudoLabelDataset',
    'ResumableInfiniteSampler',
    'SeededDataset',
    'ShapesDataset',
    'WeakSegDataset',
]
