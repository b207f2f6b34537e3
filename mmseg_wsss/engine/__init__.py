"""Hooks, optimizers and training in stages."""
