"""``wsss report WORK_DIR``: where a finished run left its checkpoint, its numbers and its pictures."""

import argparse
import json
from pathlib import Path

from ..engine.checkpoints import newest_loadable_checkpoint


def add_parser(subparsers: argparse._SubParsersAction) -> None:
    """Add the command."""
    parser = subparsers.add_parser('report', help='where a run left checkpoint, metrics and pictures')
    parser.add_argument('work_dir', type=Path, help='work dir of the run')


def last_metrics(work_dir: Path) -> dict[str, float]:
    """Return the newest evaluation among the scalars that mmengine logged.

    Raises:
        FileNotFoundError: If no run logged an evaluation there.
    """
    logs = sorted(work_dir.glob('*/vis_data/scalars.json'))
    rows = [json.loads(line) for log in logs for line in log.read_text().splitlines()]
    evaluations = [row for row in rows if any(key.endswith(('mIoU', 'mDice')) for key in row)]
    if not evaluations:
        raise FileNotFoundError(f'{work_dir} holds no evaluation (*/vis_data/scalars.json): has the run ended?')
    return {key: value for key, value in evaluations[-1].items() if isinstance(value, float)}


def run(args: argparse.Namespace) -> int:
    """Print the report."""
    metrics = last_metrics(args.work_dir)
    numbers = '  '.join(f'{key} {value:.2f}' for key, value in metrics.items() if 'time' not in key)
    sheet = args.work_dir / 'result_sheet.png'
    print(f'metrics     {numbers}')
    print(f'checkpoint  {newest_loadable_checkpoint(args.work_dir)}')
    print(f'pictures    {sheet if sheet.exists() else "none (ResultSheetHook is not in the config)"}')
    return 0
