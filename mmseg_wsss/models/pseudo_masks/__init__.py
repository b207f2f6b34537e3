"""Pseudo-masks: labels that the model makes from its own predictions."""

from .confidence import CONFIDENCE_KEY, confidence_scores
from .confident_labels import ConfidentLabels
from .expanding_pseudo_masks import ExpandingMaps, ExpandingPseudoMasks
from .pseudo_masks import PseudoMasks, make_pseudo_masks

__all__ = [
    'CONFIDENCE_KEY',
    'ConfidentLabels',
    'ExpandingMaps',
    'ExpandingPseudoMasks',
    'PseudoMasks',
    'confidence_scores',
    'make_pseudo_masks',
]
