"""``wsss voc-submission``: pack predictions on the test images of PASCAL VOC for its evaluation server."""

from __future__ import annotations

import argparse

from ._arguments import add_network_arguments, add_worker_arguments, check_paths, launched, load_config, tell


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the arguments of the command."""
    add_network_arguments(parser, output='the folder to write results and results.tgz to')
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


def run(args: argparse.Namespace) -> None:
    """Write the predictions and print the path of the archive."""
    from ..engine.start_errors import faults_of_parts
    from ..labelling.voc_submission import SubmissionSettings, write_voc_submission

    with launched(args):
        check_paths(args)
        settings = SubmissionSettings(ids=args.ids, tta=args.tta, competition=args.competition, workers=args.workers)
        cfg = load_config(args.config, args.cfg_options)
        with faults_of_parts(cfg):
            summary = write_voc_submission(cfg, args.checkpoint, args.output, settings)
        tell(f'{summary["archive"]}: {summary["images"]} images')
