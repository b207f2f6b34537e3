"""``wsss train``: run ``tools/train.py``, also without a checkout."""

from __future__ import annotations

import argparse

from ._tools import load_tool, run_tool


def add_parser(subparsers: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add the command to ``wsss``."""
    load_tool('train').add_arguments(subparsers.add_parser('train', help='check a config and its data, then train'))


def run(args: argparse.Namespace) -> None:
    """Run it."""
    run_tool('train', args)
