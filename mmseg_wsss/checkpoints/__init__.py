"""Checkpoints: what is in them, whether it fits, and whom it belongs to."""
