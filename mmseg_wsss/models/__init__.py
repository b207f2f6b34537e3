"""Registered heads, segmentors, losses, and the parts that losses are made of."""
