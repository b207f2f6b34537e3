"""One file per head."""

from .cam_head import CAMHead
from .deeplabv3plus_head import DeepLabV3PlusHead
from .global_cue_injection import GlobalCueInjection
from .ngwp_head import NGWPHead
from .pixel_correlation import PixelCorrelation
from .stochastic_gate_head import StochasticGateHead

__all__ = [
    'CAMHead',
    'DeepLabV3PlusHead',
    'GlobalCueInjection',
    'NGWPHead',
    'PixelCorrelation',
    'StochasticGateHead',
]
