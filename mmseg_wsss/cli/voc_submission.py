"""``wsss voc-submission``: pack predictions on the test images of PASCAL VOC for its evaluation server."""

from __future__ import annotations

import argparse
from pathlib import Path

from ._arguments import add_checkpoint_arguments, add_worker_arguments, check_paths, launched, load_config, tell


def add_parser(subparsers: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add the subcommand."""
    parser = subparsers.add_parser(
        'voc-submission', help='predict images without masks and pack them for the evaluation server of PASCAL VOC'
    )
    parser.add_argument('config', help='the config file of the network')
    add_checkpoint_arguments(parser)
    parser.add_argument(
        '-o', '--output', required=True, type=Path, help='the folder to write results and results.tgz to'
    )
    parser.add_argument(
        '--ids',
        default='ImageSets/Segmentation/test.txt',
        help='text file with one image id per line, below the data_root of the test data',
    )
    parser.add_argument('--tta', action='store_true', help='average the views of tta_pipeline')
    parser.add_argument(
        '--competition',
        choices=['comp5_test_cls', 'comp6_test_cls'],
        default='comp6_test_cls',
        help="comp5: trained only on VOC's own images; comp6: also trained on other images (ImageNet weights)",
    )
    add_worker_arguments(parser)
    parser.add_argument('--force', action='store_true', help='write into a folder that already contains files')
    parser.add_argument('--cfg-options', nargs='+', default=[], metavar='KEY=VALUE', help='settings to override')


def run(args: argparse.Namespace) -> None:
    """Write the predictions and print the path of the archive."""
    from ..labelling.voc_submission import SubmissionSettings, write_voc_submission

    with launched(args):
        check_paths(args)
        settings = SubmissionSettings(ids=args.ids, tta=args.tta, competition=args.competition, workers=args.workers)
        cfg = load_config(args.config, args.cfg_options)
        summary = write_voc_submission(cfg, args.checkpoint, args.output, settings)
        tell(f'{summary["archive"]}: {summary["images"]} images')
