"""A data set of one's own: what it holds, and which recipe with which sizes suits it."""

from .fingerprint import Fingerprint, Pictures
from .plan import Machine, Plan, make_plan

__all__ = ['Fingerprint', 'Machine', 'Pictures', 'Plan', 'make_plan']
