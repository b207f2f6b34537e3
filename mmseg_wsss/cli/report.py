"""``wsss report WORK_DIR``: show the checkpoint, the metrics and the pictures of a finished run."""

from __future__ import annotations

import argparse
from pathlib import Path

from ..checkpoints.loading import UntrustedCheckpointError
from ..checkpoints.work_dir import MARKER, logged_rows, newest_loadable_checkpoint, read_marker


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the arguments of the command."""
    parser.add_argument('work_dir', type=Path, help='the work dir of the run')
    parser.add_argument('--html', type=Path, metavar='FILE', help='write a page with curves, classes and pictures')
    parser.add_argument(
        '--compare', type=Path, nargs='+', default=[], metavar='RUN', help='other work dirs to show on the page'
    )
    parser.add_argument('--force', action='store_true', help='overwrite the page if it exists')


def last_metrics(work_dir: Path) -> dict[str, float]:
    """Return the newest evaluation among the scalars that mmengine logged.

    Raises:
        FileNotFoundError: If the folder has no logged evaluation.
    """
    rows = logged_rows(work_dir)
    evaluations = [row for row in rows if any(key.endswith(('mIoU', 'mDice')) for key in row)]
    if not evaluations:
        raise FileNotFoundError(f'{work_dir} contains no evaluation (*/vis_data/scalars.json): has the run ended?')
    return {key: value for key, value in evaluations[-1].items() if isinstance(value, float)}


def stage_lines(work_dir: Path) -> list[str]:
    """Return one line per stage with its last metrics, or an empty list if the training does not have stages."""
    lines = []
    folders = sorted(path.parent for path in work_dir.glob(f'*/{MARKER}'))
    for folder in folders:
        marker = read_marker(folder)
        if marker is None:  # deleted meanwhile
            continue
        result = marker.get('result', {})
        if not marker['done']:
            text = 'not finished'
        elif 'checkpoint' in result:
            text = f'{result["checkpoint"]}  {_evaluation(folder)}'
        else:
            text = '  '.join(
                f'{key} {value}' for key, value in (result.get('returned') or {}).items() if '.' not in key
            )
        lines.append(f'{folder.name:<24}  {text}'.rstrip())
    return lines


def write_page(folders: list[Path], path: Path, *, force: bool = False) -> None:
    """Write a page about runs.

    Raises:
        ValueError: If the file exists and ``force`` is not set.
    """
    from .. import plugin  # noqa: F401  (registers the data sets)
    from ..engine.run_facts import read_run
    from ..files import whole_file
    from ..visualization.run_page import run_page

    if path.exists() and not force:
        raise ValueError(f'{path} exists; choose another --html, or overwrite it with --force')
    runs = [read_run(folder) for folder in folders]
    with whole_file(path) as file:
        file.write(run_page(runs, ' and '.join(run.name for run in runs)).encode())
    print(f'wrote {path}: {len(runs)} run{"" if len(runs) == 1 else "s"}')


def _evaluation(folder: Path) -> str:
    try:
        return _numbers(last_metrics(folder))
    except FileNotFoundError:
        return ''


def _numbers(metrics: dict[str, float]) -> str:
    return '  '.join(f'{key} {value:.2f}' for key, value in metrics.items() if 'time' not in key)


def _checkpoint(work_dir: Path) -> object:
    try:
        return newest_loadable_checkpoint(work_dir)
    except UntrustedCheckpointError as error:
        return error  # names the checkpoint


def run(args: argparse.Namespace) -> int:
    """Print the report, with one line per stage for a training in stages, or write a page."""
    if args.html is not None:
        write_page([args.work_dir, *args.compare], args.html, force=args.force)
        return 0
    if args.compare:
        raise ValueError('--compare needs --html FILE, the page to write')
    lines = stage_lines(args.work_dir)
    if lines:
        print('\n'.join(lines))
        return 0
    checkpoint = _checkpoint(args.work_dir)
    try:
        metrics = _numbers(last_metrics(args.work_dir))
    except FileNotFoundError:
        if checkpoint is None:
            raise
        metrics = 'no evaluation: the config has no validation, or the run has not come to it'
    sheet = args.work_dir / 'result_sheet.png'
    print(f'metrics     {metrics}')
    print(f'checkpoint  {checkpoint}')
    print(f'pictures    {sheet if sheet.exists() else "none (ResultSheetHook is not in the config)"}')
    return 0
