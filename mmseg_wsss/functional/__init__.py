"""The maths of the methods as pure functions of tensors: no registry and no OpenMMLab import.

Tensors come first, settings are keyword-only, inputs are never changed in place. These are the readable references;
:mod:`mmseg_wsss.ops` has fast twins of the slow ones with the same signatures.
"""

from mmseg_wsss.functional.boundary import boundary_matches
from mmseg_wsss.functional.box_maps import box_maps, merge_class_masks
from mmseg_wsss.functional.class_pruning import prune_classes
from mmseg_wsss.functional.feature_similarity import feature_similarity_loss
from mmseg_wsss.functional.gated_crf import gated_crf_loss
from mmseg_wsss.functional.importance_sampling import (
    average_pooling_loss,
    importance_sampling_loss,
    max_pooling_loss,
    probs_to_logits,
)
from mmseg_wsss.functional.ngwp import focal_mask_penalty, ngwp
from mmseg_wsss.functional.pamr import pamr
from mmseg_wsss.functional.partial_ce import inverse_log_class_weights, partial_cross_entropy
from mmseg_wsss.functional.pseudo_labels import balanced_cross_entropy, confident_labels
from mmseg_wsss.functional.stochastic_gate import stochastic_gate

__all__ = [
    'average_pooling_loss',
    'balanced_cross_entropy',
    'boundary_matches',
    'box_maps',
    'confident_labels',
    'feature_similarity_loss',
    'focal_mask_penalty',
    'gated_crf_loss',
    'importance_sampling_loss',
    'inverse_log_class_weights',
    'max_pooling_loss',
    'merge_class_masks',
    'ngwp',
    'pamr',
    'partial_cross_entropy',
    'probs_to_logits',
    'prune_classes',
    'stochastic_gate',
]
