"""One file per head."""

from .deeplabv3plus_head import DeepLabV3PlusHead
from .global_cue_injection import GlobalCueInjection
from .ngwp_head import NGWPHead
from .stochastic_gate_head import StochasticGateHead

__all__ = ['DeepLabV3PlusHead', 'GlobalCueInjection', 'NGWPHead', 'StochasticGateHead']
