"""Checkpoints: their content, whether it fits a network, and the run that they belong to."""
