"""Fast twins of the slow functions of :mod:`mmseg_wsss.functional`: same names, signatures and values.

Each takes a ``backend`` in addition: ``'auto'`` picks the fastest one that can serve the tensors at hand.
"""

from mmseg_wsss.ops.feature_similarity import feature_similarity_loss
from mmseg_wsss.ops.gated_crf import gated_crf_loss
from mmseg_wsss.ops.pamr import pamr

__all__ = ['feature_similarity_loss', 'gated_crf_loss', 'pamr']
