"""Data that travels between the layers."""

from .loss_inputs import LossInputs
from .weak_annotations import WeakAnnotations

__all__ = ['LossInputs', 'WeakAnnotations']
