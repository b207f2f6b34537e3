"""Pseudo-masks: labels that the model makes from its own predictions."""

from .confidence import CONFIDENCE_KEY, confidence_scores
from .expanding_pseudo_masks import ExpandingMaps, ExpandingPseudoMasks

__all__ = ['CONFIDENCE_KEY', 'ExpandingMaps', 'ExpandingPseudoMasks', 'confidence_scores']
