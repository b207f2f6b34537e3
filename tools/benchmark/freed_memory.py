"""Measure what keeping freed memory in the process saves in a training step on the CPU.

For each config, this compares a step (forward pass, losses, backward pass, optimizer) whose freed memory goes back to
the system, which is the default of glibc, with one after ``keep_freed_memory``, which every training on a CPU calls.
Both run in turns, each time in a new process, because the options of malloc belong to a process. The share is the
median over the rounds, with the range; batches, time and memory are those of step.py.

Example:
    python tools/benchmark/freed_memory.py configs/gated_crf/deeplabv3plus_mbv2_voc_aug_clicks_long.py --rounds 5
"""

from __future__ import annotations

import argparse
import json
import statistics
from pathlib import Path
from typing import Any

import torch
from _measuring import add_arguments, check_arguments, check_configs, measure, measure_apart, report, table_row
from step import make_step

VARIANTS = ('returned', 'kept')


def measure_here(what: str, args: argparse.Namespace) -> dict[str, Any]:
    """Measure one variant of a config, named in JSON, in this process."""
    import mmseg_wsss.plugin  # noqa: F401
    from mmseg_wsss.engine.freed_memory import keep_freed_memory

    settings = json.loads(what)
    if settings.pop('memory') == 'kept' and not keep_freed_memory():
        raise SystemExit('the options of malloc cannot be set: another C library, or MALLOC_*_ in the environment')
    torch.set_num_threads(args.threads)
    step = make_step(variant='recipe', device='cpu', **settings)
    for _ in range(3):  # the first steps place what the later ones use again
        step()
    result: dict[str, Any] = measure([step], 'cpu', args.repeats)[0]
    return result


def markdown(results: list[dict[str, Any]]) -> str:
    """Return one row per config and variant, with the time as a share of that without the options."""
    lines = [
        '| config | freed memory | CPU s (spread) | wall s (spread) | extra MiB | time / returned (range) |',
        '|---|---|---|---|---|---|',
    ]
    for r in results:
        last = ''
        if 'shares' in r:
            last = f'{statistics.median(r["shares"]):.2f} ({min(r["shares"]):.2f} to {max(r["shares"]):.2f})'
        lines.append(table_row((Path(r['config']).stem, r['memory']), r, [last]))
    return '\n'.join(lines)


def main() -> None:
    """Measure every config, in rounds."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument('configs', nargs='*', help='config files')
    parser.add_argument('--batch-size', type=int, help='batch size (default: that of the config)')
    parser.add_argument('--rounds', type=int, default=3, help='processes of each variant (default: %(default)s)')
    add_arguments(parser)
    args = parser.parse_args()
    check_arguments(parser, args)
    if args.measure:
        print(json.dumps(measure_here(args.measure, args)))
        return
    check_configs(parser, args.configs)
    if args.rounds < 1 or args.device != 'cpu':
        parser.error(f'expected at least one round on a CPU, got --rounds {args.rounds} --device {args.device}')
    results = []
    for config in args.configs:
        what = {'config': config, 'batch_size': args.batch_size, 'amp': False}
        rounds = [
            [measure_apart(__file__, json.dumps({**what, 'memory': memory}), args) for memory in VARIANTS]
            for _ in range(args.rounds)
        ]
        for index, memory in enumerate(VARIANTS):
            results.append({**what, 'memory': memory, **rounds[-1][index]})  # the figures of the last round
        if not any('failed' in result for pair in rounds for result in pair):
            results[-1]['shares'] = [kept['cpu_s'] / returned['cpu_s'] for returned, kept in rounds]
        print(json.dumps(results[-1]), flush=True)
    report(args, results, markdown(results), {'rounds': args.rounds})


if __name__ == '__main__':
    main()
