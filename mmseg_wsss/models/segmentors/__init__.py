"""Segmentors that hand the image to their losses."""

from .siamese_encoder_decoder import SiameseEncoderDecoder
from .tag_encoder_decoder import TagEncoderDecoder
from .weak_encoder_decoder import WeakEncoderDecoder
from .weak_seg_tta_model import WeakSegTTAModel

__all__ = ['SiameseEncoderDecoder', 'TagEncoderDecoder', 'WeakEncoderDecoder', 'WeakSegTTAModel']
