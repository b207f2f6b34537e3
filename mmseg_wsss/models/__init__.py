"""Registered heads, segmentors and losses."""
