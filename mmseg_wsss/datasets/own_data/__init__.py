"""Your own data set: its contents, and a recipe with suitable sizes."""

from .fingerprint import Fingerprint, Pictures
from .plan import Machine, Plan, make_plan

__all__ = ['Fingerprint', 'Machine', 'Pictures', 'Plan', 'make_plan']
