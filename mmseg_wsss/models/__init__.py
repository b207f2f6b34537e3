"""Registered heads, segmentors and losses, and the parts that losses consist of."""

from . import _quiet  # noqa: F401
