"""One file per backbone."""

from .deeplab_resnet import DeepLabResNet
from .hourglass import Hourglass
from .large_fov_vgg16 import LargeFOVVGG16
from .wide_resnet38 import WideResNet38
from .widened_input import WidenedInput

__all__ = ['DeepLabResNet', 'Hourglass', 'LargeFOVVGG16', 'WideResNet38', 'WidenedInput']
