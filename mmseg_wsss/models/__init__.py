"""Registered heads, segmentors and losses, and the parts that losses consist of."""
