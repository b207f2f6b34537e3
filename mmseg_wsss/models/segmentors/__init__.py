"""Segmentors that hand the image to their losses."""

from .multi_scale_encoder_decoder import MultiScaleEncoderDecoder
from .tag_encoder_decoder import TagEncoderDecoder
from .weak_encoder_decoder import WeakEncoderDecoder
from .weak_seg_tta_model import WeakSegTTAModel

__all__ = ['MultiScaleEncoderDecoder', 'TagEncoderDecoder', 'WeakEncoderDecoder', 'WeakSegTTAModel']
