"""Weak losses, which take a :class:`~mmseg_wsss.structures.LossInputs` and return a scalar."""

from .affinity_loss import AffinityLoss
from .base_tag_loss import BaseTagLoss
from .base_weak_loss import BaseWeakLoss
from .equivariant_regularization_loss import EquivariantRegularizationLoss
from .feature_similarity_loss import FeatureSimilarityLoss
from .gated_crf_loss import GatedCRFLoss
from .image_tag_loss import ImageTagLoss
from .importance_sampling_loss import ImportanceSamplingLoss
from .multi_view_loss import MultiViewLoss
from .partial_cross_entropy_loss import PartialCrossEntropyLoss
from .partial_dice_loss import PartialDiceLoss
from .pmp_loss import PMPLoss
from .pseudo_mask_loss import PseudoMaskLoss
from .seam_loss import SEAMLoss

__all__ = [
    'AffinityLoss',
    'BaseTagLoss',
    'BaseWeakLoss',
    'EquivariantRegularizationLoss',
    'FeatureSimilarityLoss',
    'GatedCRFLoss',
    'ImageTagLoss',
    'ImportanceSamplingLoss',
    'MultiViewLoss',
    'PMPLoss',
    'PartialCrossEntropyLoss',
    'PartialDiceLoss',
    'PseudoMaskLoss',
    'SEAMLoss',
]
