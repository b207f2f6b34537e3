"""One file per head."""

from .affinity_head import AffinityHead
from .deeplabv3plus_head import DeepLabV3PlusHead
from .global_cue_injection import GlobalCueInjection
from .large_fov_head import LargeFOVHead
from .ngwp_head import NGWPHead
from .stochastic_gate_head import StochasticGateHead

__all__ = [
    'AffinityHead',
    'DeepLabV3PlusHead',
    'GlobalCueInjection',
    'LargeFOVHead',
    'NGWPHead',
    'StochasticGateHead',
]
