"""Views, the additional inputs of a network for a batch, in training and at test time."""

from .base import Views
from .multi_scale import MultiScaleViews
from .siamese import SiameseViews

__all__ = ['MultiScaleViews', 'SiameseViews', 'Views']
