"""``wsss report WORK_DIR``: show the checkpoint, the metrics and the pictures of a finished run, or compare runs."""

from __future__ import annotations

import argparse
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from ..checkpoints.loading import UntrustedCheckpointError
from ..checkpoints.work_dir import MARKER, logged_rows, newest_loadable_checkpoint, read_marker

if TYPE_CHECKING:
    from ..engine.run_facts import RunFacts


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the arguments of the command."""
    parser.add_argument('work_dir', type=Path, help='the work dir of the run')
    parser.add_argument('--html', type=Path, metavar='FILE', help='write a page with curves, classes and pictures')
    parser.add_argument(
        '--compare', type=Path, nargs='+', default=[], metavar='RUN', help='other work dirs to show beside it'
    )
    parser.add_argument(
        '--full',
        type=Path,
        metavar='RUN',
        help='work dir of a run on full masks, which the scores of the others are shares of (default: that among the '
        'runs whose data has use_dense_masks)',
    )
    parser.add_argument('--force', action='store_true', help='overwrite the page if it exists')


def last_metrics(work_dir: Path) -> dict[str, float]:
    """Return the newest evaluation among the scalars that mmengine logged.

    Raises:
        FileNotFoundError: If the folder has no logged evaluation.
    """
    if not work_dir.is_dir():
        raise FileNotFoundError(f'{work_dir} is not a folder: expected the work dir of a training')
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


def read_runs(folders: list[Path], full: Path | None) -> list[RunFacts]:
    """Read runs, and the one on full masks as the last.

    Args:
        folders: The work dirs; one that comes twice is read once. Runs whose work dirs have the same name are named by
            the paths.
        full: The work dir of the run on full masks; None: one that is on full masks by its config, if any.
    """
    from .. import plugin  # noqa: F401  (registers the data sets)
    from ..engine.run_facts import read_run

    places = {folder.resolve(): folder for folder in folders}
    if full is not None:
        places.pop(full.resolve(), None)
        places[full.resolve()] = full
    runs = [read_run(folder) for folder in places.values()]
    if full is not None:
        runs = [replace(run, full=run is runs[-1]) for run in runs]
    names = [run.name for run in runs]
    return [
        run if names.count(run.name) == 1 else replace(run, name=folder.as_posix())
        for run, folder in zip(runs, places.values(), strict=True)
    ]


def comparison_text(runs: list[RunFacts]) -> str:
    """Return a table of the scores and classes of runs, and the shares of those of the run on full masks."""
    from prettytable import PrettyTable

    from ..visualization.run_comparison import compare_runs, percent, two_digits

    compared = compare_runs(runs)
    weak = compared.weak(runs)
    full = None if compared.full is None else runs[compared.full].name
    table = PrettyTable(['', *(run.name for run in runs), *(f'{run.name} / {full}' for run in weak)], align='r')
    table.align[''] = 'l'
    for rows in (compared.scores, compared.classes):
        for row in rows:
            table.add_row([row.name, *map(two_digits, row.values), *map(percent, row.shares)], divider=row is rows[-1])
    if full is None:
        hint = 'no run was trained on full masks (use_dense_masks): --full RUN names one, for weak / full'
        return f'{table.get_string()}\n{hint}'
    first = next((row for row in compared.scores if any(row.shares)), None)
    shares = [] if first is None else zip(weak, first.shares, strict=True)
    lines = [
        f'weak / full {percent(share)} ({first.name}, {run.name} / {full})' for run, share in shares if share and first
    ]
    return '\n'.join([table.get_string(), *lines])


def write_page(runs: list[RunFacts], path: Path, *, force: bool = False) -> None:
    """Write a page about runs.

    Raises:
        ValueError: If the file exists and ``force`` is not set.
    """
    from ..files import whole_file
    from ..visualization.run_page import run_page

    if path.exists() and not force:
        raise ValueError(f'{path} exists; choose another --html, or overwrite it with --force')
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
    if args.html is not None or args.compare or args.full:
        runs = read_runs([args.work_dir, *args.compare], args.full)
        if len(runs) > 1:
            print(comparison_text(runs))
        if args.html is not None:
            write_page(runs, args.html, force=args.force)
        if len(runs) > 1 or args.html is not None:
            return 0
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
