"""The maths of the methods as pure functions of tensors: no registry and no OpenMMLab import.

Tensors come first, settings are keyword-only, inputs are never changed in place. These are the readable references;
:mod:`mmseg_wsss.ops` has fast twins of the slow ones with the same signatures.
"""

from mmseg_wsss.functional.distance_fields import distance_fields, expand_distance_fields, expansion_step
from mmseg_wsss.functional.feature_similarity import feature_similarity_loss
from mmseg_wsss.functional.gated_crf import gated_crf_loss
from mmseg_wsss.functional.pac import pac_refine
from mmseg_wsss.functional.pamr import pamr
from mmseg_wsss.functional.partial_ce import inverse_log_class_weights, partial_cross_entropy
from mmseg_wsss.functional.point_blots import point_blots

__all__ = [
    'distance_fields',
    'expand_distance_fields',
    'expansion_step',
    'feature_similarity_loss',
    'gated_crf_loss',
    'inverse_log_class_weights',
    'pac_refine',
    'pamr',
    'partial_cross_entropy',
    'point_blots',
]
