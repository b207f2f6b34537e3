"""Readers of weak-label files, one per format; all end in a :class:`~mmseg_wsss.structures.WeakLabelSet`."""

from .label_format import LabelFormat, ReadReport
from .registry import (
    FORMATS,
    READERS,
    normalise_source,
    read_labels,
    read_named_labels,
    read_source_classes,
    recognise_format,
)

__all__ = [
    'FORMATS',
    'READERS',
    'LabelFormat',
    'ReadReport',
    'normalise_source',
    'read_labels',
    'read_named_labels',
    'read_source_classes',
    'recognise_format',
]
