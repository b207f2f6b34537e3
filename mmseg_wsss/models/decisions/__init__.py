"""Decisions, which turn the probabilities and image scores of a network into labels."""

from .argmax_decision import ArgmaxDecision, ClassProbs, mean_of_views
from .cam_decision import CAMDecision
from .tag_decision import TagDecision

__all__ = ['ArgmaxDecision', 'CAMDecision', 'ClassProbs', 'TagDecision', 'mean_of_views']
