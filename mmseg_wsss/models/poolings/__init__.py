"""Poolings: from maps of class scores to one score per image and foreground class."""

from .average_pooling import AveragePooling
from .max_pooling import MaxPooling
from .max_prob_pooling import MaxProbPooling
from .ngwp_pooling import NGWPPooling

__all__ = ['AveragePooling', 'MaxPooling', 'MaxProbPooling', 'NGWPPooling']
