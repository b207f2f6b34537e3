"""Pseudo-masks: labels that the model makes from its own predictions."""

from .confident_labels import ConfidentLabels
from .pseudo_masks import PseudoMasks, make_pseudo_masks

__all__ = ['ConfidentLabels', 'PseudoMasks', 'make_pseudo_masks']
