"""Decisions: how the probabilities and image scores of a network become labels."""

from .argmax_decision import ArgmaxDecision, ClassProbs, mean_of_views
from .tag_decision import TagDecision

__all__ = ['ArgmaxDecision', 'ClassProbs', 'TagDecision', 'mean_of_views']
