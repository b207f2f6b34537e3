"""Fast twins of the slow functions of :mod:`mmseg_wsss.functional`: same names, signatures and values.

Each takes a ``backend`` in addition: ``'auto'`` picks the fastest one that can serve the tensors at hand;
``why_not_supported`` says why another one cannot.
"""

from .dispatch import BACKENDS, why_not_supported
from .feature_similarity import feature_similarity_loss
from .gated_crf import gated_crf_loss
from .pamr import pamr

__all__ = ['BACKENDS', 'feature_similarity_loss', 'gated_crf_loss', 'pamr', 'why_not_supported']
