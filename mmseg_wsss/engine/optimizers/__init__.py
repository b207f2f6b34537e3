"""Groups of parameters for optimizers."""

from .weight_bias_constructor import WeightBiasConstructor

__all__ = ['WeightBiasConstructor']
