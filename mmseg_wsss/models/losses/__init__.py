"""Weak losses: each takes one :class:`~mmseg_wsss.structures.LossInputs` and returns a scalar."""

from .base_weak_loss import BaseWeakLoss
from .gated_crf_loss import GatedCRFLoss
from .partial_cross_entropy_loss import PartialCrossEntropyLoss
from .pmp_loss import PMPLoss

__all__ = ['BaseWeakLoss', 'GatedCRFLoss', 'PMPLoss', 'PartialCrossEntropyLoss']
