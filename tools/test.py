"""Evaluate a checkpoint: ``python tools/test.py CONFIG CHECKPOINT [--show-dir DIR] [--out DIR]``."""

import argparse
from collections.abc import Sequence
from pathlib import Path

from mmengine.config import Config
from mmengine.runner import Runner

from mmseg_wsss.checkpoints.loading import check_readable, trust_checkpoints
from mmseg_wsss.checkpoints.weights import check_weights, unwrapped
from mmseg_wsss.checkpoints.work_dir import best_checkpoint
from mmseg_wsss.cli._arguments import MODEL_HELP
from mmseg_wsss.cli.zoo import zoo_network
from mmseg_wsss.datasets.findings import ERROR
from mmseg_wsss.engine.command_line import add_run_arguments, read_run_config
from mmseg_wsss.engine.evaluation_checks import check_evaluated, class_findings
from mmseg_wsss.engine.processes import connect, disconnect
from mmseg_wsss.engine.short_console import short_console
from mmseg_wsss.engine.start_errors import NAMED, BeganHook, StartError, faults_of_run
from mmseg_wsss.labelling.photo_masks import PhotoSettings, switched


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the arguments, with mmengine's conventions."""
    parser.add_argument('config', nargs='?', help='config file')
    parser.add_argument('checkpoint', nargs='?', help='checkpoint file, or the folder of a run, whose best is taken')
    parser.add_argument('--model', metavar='NAME', help=MODEL_HELP)
    parser.add_argument('--out', help='folder to write the predicted label maps to, for offline evaluation')
    parser.add_argument('--show-dir', help='folder to write pictures of the predictions of all images to')
    parser.add_argument('--tta', action='store_true', help='test-time augmentation: tta_model and tta_pipeline')
    parser.add_argument('--crf', action='store_true', help='refine the masks by a dense CRF (needs the extra crf)')
    parser.add_argument(
        '--prune', type=float, metavar='T', help='leave out classes with a score for the image of at most T'
    )
    parser.add_argument(
        '--window', type=int, metavar='PIXELS', help='side of the windows in which images are predicted'
    )
    add_run_arguments(
        parser, work_dir='the metrics', trust='load the checkpoint even if it contains code, which is then run'
    )


def main() -> None:
    """Read the command line and run."""
    parser = argparse.ArgumentParser(description='Evaluate a segmentation model')
    add_arguments(parser)
    run(parser.parse_args())


def run(args: argparse.Namespace) -> None:
    """Build the runner and test."""
    began = BeganHook()
    try:
        trust_checkpoints(args.trust_checkpoint)
        args.config, args.checkpoint = network(args)
        cfg = with_arguments(read_run_config(args), args)
        with faults_of_run(cfg, 'the test could not begin', began):
            meta = {} if '://' in args.checkpoint else check_readable(args.checkpoint).get('meta') or {}
            connect(cfg)
            with short_console(cfg.get('log_level', 'INFO')):
                runner = Runner.from_cfg(cfg)
            check_weights(runner.model, args.checkpoint)
            check_data(runner, (meta.get('dataset_meta') or {}).get('classes'))
            runner.register_hook(began)
            runner.test()
        disconnect()
    except (StartError, *NAMED) as error:
        raise SystemExit(str(error)) from error


def check_data(runner: Runner, classes: Sequence[str] | None) -> None:
    """Check that the test data can be measured.

    Args:
        runner: The runner of the test.
        classes: The classes that the network has learned; None: not known.

    Raises:
        ValueError: If there are no masks, the images of a batch differ in their size, or the classes have other ids.
    """
    loader, metrics = runner.test_loop.dataloader, runner.test_evaluator.metrics
    found = check_evaluated(unwrapped(runner.model), loader, metrics, 'test')
    found += [finding for finding in class_findings(classes, loader.dataset, 'test') if finding.level == ERROR]
    if found:
        raise ValueError(str(found[0]))


def network(args: argparse.Namespace) -> tuple[str, str]:
    """Return the config and the checkpoint.

    Raises:
        SystemExit: If one of them is missing or is given in addition to ``--model``, or no model has this name.
    """
    given = [part for part in (args.config, args.checkpoint) if part is not None]
    if len(given) != (0 if args.model else 2):
        raise SystemExit(f'expected CONFIG CHECKPOINT, or --model NAME, got {" ".join(given) or "neither"}')
    if args.model:
        try:
            config, checkpoint = zoo_network(args.model)
        except ValueError as error:
            raise SystemExit(str(error)) from error
        return config, str(checkpoint)
    is_folder = Path(args.checkpoint).is_dir()
    return args.config, str(best_checkpoint(args.checkpoint)) if is_folder else args.checkpoint


def with_arguments(cfg: Config, args: argparse.Namespace) -> Config:
    """Return the config with the arguments in it."""
    if cfg.get('test_dataloader') is None:
        raise SystemExit(f'{args.config} has no test_dataloader: expected the config of a network with its test data')
    cfg.load_from = args.checkpoint
    try:
        cfg = switched(cfg, PhotoSettings(crf=args.crf, prune=args.prune, window=args.window))
    except ValueError as error:
        raise SystemExit(str(error)) from error
    if args.show_dir is not None:
        _draw_all(cfg, args.show_dir)
    if args.tta:
        if 'tta_model' not in cfg or 'tta_pipeline' not in cfg:
            raise SystemExit(f'--tta needs tta_model and tta_pipeline, which {args.config} does not set')
        cfg.test_dataloader.dataset.pipeline = cfg.tta_pipeline
        cfg.tta_model.module = cfg.model
        cfg.model = cfg.tta_model
    if args.out is not None:
        first = cfg.test_evaluator[0] if isinstance(cfg.test_evaluator, list) else cfg.test_evaluator
        first.output_dir = args.out
        first.keep_results = True
    return cfg


def _draw_all(cfg: Config, folder: str) -> None:
    """Draw the predictions of all images to a folder; a config without a hook or a visualizer gets those of mmseg."""
    hooks = cfg.get('default_hooks') or {}
    drawing = {'type': 'SegVisualizationHook', **(hooks.get('visualization') or {}), 'draw': True, 'interval': 1}
    cfg.default_hooks = {**hooks, 'visualization': drawing}
    local = {'type': 'SegLocalVisualizer', 'name': 'visualizer', 'vis_backends': [{'type': 'LocalVisBackend'}]}
    cfg.visualizer = {**local, **(cfg.get('visualizer') or {}), 'save_dir': folder}


if __name__ == '__main__':
    main()
