"""Segmentors that hand the image to their losses."""

from ...checkpoints.generator import check_generator_checkpoint
from .affinity_encoder_decoder import AffinityEncoderDecoder
from .mask_generator import MaskGenerator
from .multi_scale_encoder_decoder import MultiScaleEncoderDecoder
from .seam_encoder_decoder import SEAMEncoderDecoder
from .siamese_encoder_decoder import SiameseEncoderDecoder
from .tag_encoder_decoder import TagEncoderDecoder
from .weak_encoder_decoder import WeakEncoderDecoder
from .weak_seg_tta_model import WeakSegTTAModel

__all__ = [
    'AffinityEncoderDecoder',
    'MaskGenerator',
    'MultiScaleEncoderDecoder',
    'SEAMEncoderDecoder',
    'SiameseEncoderDecoder',
    'TagEncoderDecoder',
    'WeakEncoderDecoder',
    'WeakSegTTAModel',
    'check_generator_checkpoint',
]
