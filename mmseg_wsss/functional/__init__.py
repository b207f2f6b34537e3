"""The maths of the methods as pure functions of tensors: no registry and no OpenMMLab import.

Tensors come first, settings are keyword-only, inputs are never changed in place. These are the readable references;
:mod:`mmseg_wsss.ops` has fast twins of the slow ones with the same signatures.
"""

from mmseg_wsss.functional.affinity import (
    affinities,
    affinity_labels,
    affinity_loss,
    affinity_terms,
    pair_offsets,
)
from mmseg_wsss.functional.boundary import boundary_matches
from mmseg_wsss.functional.box_maps import box_maps, merge_class_masks
from mmseg_wsss.functional.cams import cam_label_probs, cam_seeds, normalised_cams
from mmseg_wsss.functional.class_pruning import prune_classes
from mmseg_wsss.functional.distance_fields import distance_fields, expand_distance_fields, expansion_step
from mmseg_wsss.functional.equivariance import equivariance_differences, pixel_correlation
from mmseg_wsss.functional.feature_similarity import feature_similarity_loss
from mmseg_wsss.functional.gated_crf import gated_crf_loss
from mmseg_wsss.functional.importance_sampling import (
    average_pooling_loss,
    importance_sampling_loss,
    max_pooling_loss,
    probs_to_logits,
)
from mmseg_wsss.functional.ngwp import focal_mask_penalty, ngwp
from mmseg_wsss.functional.pac import pac_refine
from mmseg_wsss.functional.pamr import pamr
from mmseg_wsss.functional.partial_ce import inverse_log_class_weights, partial_cross_entropy
from mmseg_wsss.functional.point_blots import point_blots
from mmseg_wsss.functional.pseudo_labels import balanced_cross_entropy, confident_labels
from mmseg_wsss.functional.random_walk import random_walk
from mmseg_wsss.functional.stochastic_gate import stochastic_gate

__all__ = [
    'affinities',
    'affinity_labels',
    'affinity_loss',
    'affinity_terms',
    'average_pooling_loss',
    'balanced_cross_entropy',
    'boundary_matches',
    'box_maps',
    'cam_label_probs',
    'cam_seeds',
    'confident_labels',
    'distance_fields',
    'equivariance_differences',
    'expand_distance_fields',
    'expansion_step',
    'feature_similarity_loss',
    'focal_mask_penalty',
    'gated_crf_loss',
    'importance_sampling_loss',
    'inverse_log_class_weights',
    'max_pooling_loss',
    'merge_class_masks',
    'ngwp',
    'normalised_cams',
    'pac_refine',
    'pair_offsets',
    'pamr',
    'partial_cross_entropy',
    'pixel_correlation',
    'point_blots',
    'probs_to_logits',
    'prune_classes',
    'random_walk',
    'stochastic_gate',
]
