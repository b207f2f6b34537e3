"""Weak losses: each takes one :class:`~mmseg_wsss.structures.LossInputs` and returns a scalar."""

from .base_weak_loss import BaseWeakLoss
from .feature_similarity_loss import FeatureSimilarityLoss
from .gated_crf_loss import GatedCRFLoss
from .importance_sampling_loss import ImportanceSamplingLoss
from .partial_cross_entropy_loss import PartialCrossEntropyLoss

__all__ = [
    'BaseWeakLoss',
    'FeatureSimilarityLoss',
    'GatedCRFLoss',
    'ImportanceSamplingLoss',
    'PartialCrossEntropyLoss',
]
