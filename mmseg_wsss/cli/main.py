"""The console command ``wsss``: everything but training and testing."""

from __future__ import annotations

import argparse
import importlib
import sys
from collections.abc import Sequence

from .. import __version__

# Each module has add_parser(subparsers) and run(args) -> exit code or None, and imports heavy things in run alone:
# "wsss doctor" must work where OpenMMLab does not.
COMMANDS = ('doctor', 'config', 'browse', 'report')


def build_parser() -> argparse.ArgumentParser:
    """Return the parser of all subcommands."""
    parser = argparse.ArgumentParser(prog='wsss', description='Weakly supervised segmentation with MMSegmentation')
    parser.add_argument('--version', action='version', version=f'wsss {__version__}')
    subparsers = parser.add_subparsers(dest='command', required=True, metavar='COMMAND')
    for name in COMMANDS:
        module = importlib.import_module(f'.{name}', __package__)
        known = set(subparsers.choices)
        module.add_parser(subparsers)
        for added in set(subparsers.choices) - known:
            subparsers.choices[added].set_defaults(run=module.run)
    return parser


def main(argv: Sequence[str] | None = None) -> int:
    """Run one subcommand.

    Args:
        argv: The arguments after ``wsss``; those of the process by default.

    Returns:
        The exit code: 0, what the subcommand returns, or 2 for a fault of the user, which is told in one line.
    """
    args = build_parser().parse_args(argv)
    try:
        return args.run(args) or 0
    except (ValueError, OSError) as error:
        print(f'wsss: error: {error}', file=sys.stderr)
        return 2


if __name__ == '__main__':
    sys.exit(main())
