"""Pseudo-masks, the labels that a model makes from its own predictions."""

from .confident_pseudo_masks import ConfidentLabels, PseudoMasks, make_pseudo_masks
from .expanding_pseudo_masks import CONFIDENCE_KEY, ExpandingMaps, ExpandingPseudoMasks, confidence_scores

__all__ = [
    'CONFIDENCE_KEY',
    'ConfidentLabels',
    'ExpandingMaps',
    'ExpandingPseudoMasks',
    'PseudoMasks',
    'confidence_scores',
    'make_pseudo_masks',
]
