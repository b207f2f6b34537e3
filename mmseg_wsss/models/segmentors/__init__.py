"""Segmentors that hand the image to their losses."""

from .weak_encoder_decoder import WeakEncoderDecoder

__all__ = ['WeakEncoderDecoder']
