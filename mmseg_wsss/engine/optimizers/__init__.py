"""How parameters are grouped."""

from .weight_bias_constructor import WeightBiasConstructor

__all__ = ['WeightBiasConstructor']
