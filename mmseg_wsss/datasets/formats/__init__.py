"""Readers of weak-label files, one per format; all end in a :class:`~mmseg_wsss.structures.WeakLabelSet`."""

from .registry import READERS, normalise_source, read_labels, read_source_classes

__all__ = ['READERS', 'normalise_source', 'read_labels', 'read_source_classes']
