"""The mathematics of the methods as pure functions of tensors, without a registry and without OpenMMLab.

Tensors come first, settings are keyword-only, and inputs are never changed in place. These are the readable reference
implementations; :mod:`mmseg_wsss.ops` has fast versions of the slow ones with the same signatures.
"""

from .affinity import (
    affinities,
    affinity_labels,
    affinity_loss,
    affinity_terms,
    pair_offsets,
)
from .boundary import boundary_matches, contour_scores, count_contours
from .box_maps import box_maps, merge_class_masks
from .cams import cam_label_probs, cam_seeds, normalised_cams
from .class_pruning import present_classes, prune_classes
from .distance_fields import distance_fields, expand_distance_fields, expansion_step
from .equivariance import equivariance_differences, pixel_correlation
from .feature_similarity import feature_similarity_loss
from .gated_crf import gated_crf_loss
from .gated_crf_kernels import gated_crf_kernel_map
from .importance_sampling import (
    average_pooling_loss,
    importance_sampling_loss,
    max_pooling_loss,
    probs_to_logits,
)
from .iou import ClassAreas, class_areas, class_ious, confusion_matrix, mean_iou
from .ngwp import focal_mask_penalty, ngwp
from .pac import pac_refine
from .pamr import pamr
from .partial_ce import inverse_log_class_weights, partial_cross_entropy
from .partial_dice import partial_dice_loss
from .point_blots import point_blots
from .pseudo_labels import balanced_cross_entropy, confident_labels
from .random_walk import random_walk
from .seam import min_pooling_loss, normalised_activations, seam_regularisation, winning_activations
from .stochastic_gate import stochastic_gate

__all__ = [
    'ClassAreas',
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
    'class_areas',
    'class_ious',
    'confident_labels',
    'confusion_matrix',
    'contour_scores',
    'count_contours',
    'distance_fields',
    'equivariance_differences',
    'expand_distance_fields',
    'expansion_step',
    'feature_similarity_loss',
    'focal_mask_penalty',
    'gated_crf_kernel_map',
    'gated_crf_loss',
    'importance_sampling_loss',
    'inverse_log_class_weights',
    'max_pooling_loss',
    'mean_iou',
    'merge_class_masks',
    'min_pooling_loss',
    'ngwp',
    'normalised_activations',
    'normalised_cams',
    'pac_refine',
    'pair_offsets',
    'pamr',
    'partial_cross_entropy',
    'partial_dice_loss',
    'pixel_correlation',
    'point_blots',
    'present_classes',
    'probs_to_logits',
    'prune_classes',
    'random_walk',
    'seam_regularisation',
    'stochastic_gate',
    'winning_activations',
]
