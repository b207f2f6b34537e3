"""Views: what a network sees of a batch beside the images as they are, in training and at test time."""

from .base import Views
from .multi_scale import MultiScaleViews
from .siamese import SiameseViews

__all__ = ['MultiScaleViews', 'SiameseViews', 'Views']
