"""``wsss test``: run ``tools/test.py``, also without a checkout."""

from __future__ import annotations

import argparse

from ._tools import load_tool, run_tool


def add_parser(subparsers: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add the command to ``wsss``."""
    load_tool('test').add_arguments(
        subparsers.add_parser('test', help='evaluate a checkpoint on the test data of a config')
    )


def run(args: argparse.Namespace) -> None:
    """Run it."""
    run_tool('test', args)
