"""Segmentors that pass the image to their losses."""

from ...checkpoints.weights import check_generator_checkpoint
from . import renamed  # noqa: F401  registers the old names
from .affinity_network import AffinityNetwork
from .mask_generator import MaskGenerator
from .weak_encoder_decoder import WeakEncoderDecoder
from .weak_seg_tta_model import WeakSegTTAModel

__all__ = [
    'AffinityNetwork',
    'MaskGenerator',
    'WeakEncoderDecoder',
    'WeakSegTTAModel',
    'check_generator_checkpoint',
]
