"""Fast versions of the slow functions of :mod:`mmseg_wsss.functional`, with the same names, signatures and values.

Each has an additional argument ``backend``: ``'auto'`` selects the fastest one that supports the given tensors;
``why_not_supported`` returns why another one does not.
"""

from .dispatch import BACKENDS, why_not_supported
from .distance_fields import distance_fields
from .feature_similarity import feature_similarity_loss
from .gated_crf import gated_crf_loss
from .pac import pac_refine
from .pamr import pamr
from .pseudo_labels import balanced_cross_entropy

__all__ = [
    'BACKENDS',
    'balanced_cross_entropy',
    'distance_fields',
    'feature_similarity_loss',
    'gated_crf_loss',
    'pac_refine',
    'pamr',
    'why_not_supported',
]
