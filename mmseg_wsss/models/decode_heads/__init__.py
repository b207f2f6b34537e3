"""One file per head."""

from .deeplabv2_head import DeepLabV2Head
from .deeplabv3plus_head import DeepLabV3PlusHead
from .global_cue_injection import GlobalCueInjection
from .ngwp_head import NGWPHead
from .stochastic_gate_head import StochasticGateHead

__all__ = ['DeepLabV2Head', 'DeepLabV3PlusHead', 'GlobalCueInjection', 'NGWPHead', 'StochasticGateHead']
