"""One file per head."""

from .affinity_head import AffinityHead
from .cam_head import CAMHead
from .deeplabv2_head import DeepLabV2Head
from .deeplabv3plus_head import DeepLabV3PlusHead
from .large_fov_head import LargeFOVHead
from .ngwp_head import NGWPHead
from .stochastic_gate_head import StochasticGateHead

__all__ = [
    'AffinityHead',
    'CAMHead',
    'DeepLabV2Head',
    'DeepLabV3PlusHead',
    'LargeFOVHead',
    'NGWPHead',
    'StochasticGateHead',
]
