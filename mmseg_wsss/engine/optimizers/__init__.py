"""Groups of parameters and mixed precision for optimizers."""

from .bfloat16_optim_wrapper import BFloat16OptimWrapper, check_precision, with_mixed_precision
from .weight_bias_constructor import WeightBiasConstructor

__all__ = ['BFloat16OptimWrapper', 'WeightBiasConstructor', 'check_precision', 'with_mixed_precision']
