"""Data sets, readers and transforms."""
