"""Data classes that are passed between the layers."""

from .loss_inputs import LossInputs
from .sample import ImageDataset, Sample
from .weak_annotations import WeakAnnotations
from .weak_label_set import ImageEntry, WeakLabelSet, image_id

__all__ = ['ImageDataset', 'ImageEntry', 'LossInputs', 'Sample', 'WeakAnnotations', 'WeakLabelSet', 'image_id']
