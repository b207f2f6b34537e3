"""Data that travels between the layers."""

from .loss_inputs import LossInputs
from .weak_annotations import WeakAnnotations
from .weak_label_set import ImageEntry, WeakLabelSet, image_id

__all__ = ['ImageEntry', 'LossInputs', 'WeakAnnotations', 'WeakLabelSet', 'image_id']
