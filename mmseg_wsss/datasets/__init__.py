"""Data sets, readers and transforms."""

from . import _quiet  # noqa: F401
from .citypersons_dataset import CityPersonsDataset
from .class_mask_dataset import ClassMaskDataset
from .inria_dataset import InriaDataset
from .pseudo_label_dataset import PseudoLabelDataset
from .resumable import ResumableInfiniteSampler, SeededDataset
from .shapes_dataset import ShapesDataset
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
