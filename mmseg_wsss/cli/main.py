"""The console command ``wsss``."""

from __future__ import annotations

import argparse
import importlib
import os
import sys
import tempfile
from collections.abc import Sequence

from .. import __version__
from ..files import FULL

# Each is a module with add_arguments(parser) and run(args), which returns an exit code or None.
COMMANDS = {
    'doctor': 'check the installation',
    'init': 'write labels, splits and a config for data of your own',
    'config': 'write a config, with all its bases, to one file, and the configs of its stages next to it',
    'convert': 'convert label files of other tools to weak_labels.json',
    'export-labels': 'write labels or predictions for an annotation tool, to correct them by hand',
    'simulate': 'make weak labels from full masks, as an annotator might have given them',
    'masks': 'make masks from boxes, clicks and scribbles',
    'check': 'check weak_labels.json against its images, or a config with all its data',
    'train': 'check a config and its data, then train',
    'test': 'evaluate a checkpoint on the test data of a config',
    'predict': 'write masks of photos, with overlays and confidences',
    'zoo': 'list the trained networks, or write one with its config',
    'export': 'write a network as ONNX, compared with PyTorch',
    'blots': 'compute the point blots of a config before its training',
    'browse': 'draw training batches as the losses receive them',
    'cams': 'write class activation maps and evaluate them',
    'pseudo-labels': 'write predictions as labels to train the next network on',
    'import-weights': "convert a checkpoint of the authors' code to one of this project",
    'voc-submission': 'predict images without masks and pack them for the evaluation server of PASCAL VOC',
    'report': 'show the checkpoint, the metrics and the pictures of a run',
}
INTERRUPTED = 130
"""The exit code of shells after Ctrl-C."""


def build_parser(command: str | None) -> argparse.ArgumentParser:
    """Return the parser, complete for one subcommand and with only the names of the others.

    Only that subcommand is imported, because ``wsss doctor`` must work where OpenMMLab does not.

    Args:
        command: The subcommand, or None.
    """
    parser = argparse.ArgumentParser(prog='wsss', description='Weakly supervised segmentation with MMSegmentation')
    parser.add_argument('--version', action='version', version=f'wsss {__version__}')
    subparsers = parser.add_subparsers(dest='command', required=True, metavar='COMMAND')
    for name, purpose in COMMANDS.items():
        own = subparsers.add_parser(name, help=purpose, description=f'{purpose[0].upper()}{purpose[1:]}.')
        if name == command:
            module = importlib.import_module(f'.{name.replace("-", "_")}', __package__)
            module.add_arguments(own)
            parser.set_defaults(run=module.run)
    return parser


def printable(text: str) -> str:
    r"""Return a text in one line: names of files may have line breaks, and codes that a terminal obeys.

    Example:
        >>> printable('a\nb')
        'a\\nb'
    """
    return ''.join(sign if sign.isprintable() else repr(sign)[1:-1] for sign in text)


def main(argv: Sequence[str] | None = None) -> int:
    """Run one subcommand.

    Args:
        argv: The arguments after ``wsss``; None means those of the process.

    Returns:
        The exit code: 0, the result of the subcommand, 2 for an error of the user, which is printed in one line, or
        130 after Ctrl-C.
    """
    argv = sys.argv[1:] if argv is None else list(argv)
    parser = build_parser(argv[0] if argv else None)
    args, rest = parser.parse_known_args(argv)
    if rest and ('paths' not in args or any(text.startswith('-') for text in rest)):
        parser.error(f'unrecognized arguments: {" ".join(rest)}')
    if rest:  # argparse does not take some of these before an option and some after it
        args.paths += rest
    try:
        code = args.run(args) or 0
        sys.stdout.flush()
        return code
    except BrokenPipeError:  # of a pipe such as "| head"
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 1
    except KeyboardInterrupt:
        print('wsss: interrupted', file=sys.stderr)
        return INTERRUPTED
    except (ValueError, TypeError, OSError, ImportError) as error:
        hint = ' ("wsss doctor" may know why)' if isinstance(error, ImportError) else ''
        if isinstance(error, OSError) and error.filename is None and error.errno in FULL:
            hint = f': the disk of the output or of {tempfile.gettempdir()}, or the limit of file sizes (ulimit -f)'
        print(f'wsss: error: {printable(f"{error}{hint}")}', file=sys.stderr)
        return 2


if __name__ == '__main__':
    sys.exit(main())
