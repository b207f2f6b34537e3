"""Registered networks and losses."""
