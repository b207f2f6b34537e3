"""``wsss test``: run ``tools/test.py``, also without a checkout."""

from __future__ import annotations

import argparse

from ._tools import load_tool, run_tool


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the arguments of the command."""
    load_tool('test').add_arguments(parser)


def run(args: argparse.Namespace) -> None:
    """Run it."""
    run_tool('test', args)
