"""Measure what mixed precision saves in a training step.

For each config, this compares a step in float32 (forward pass, losses, backward pass, optimizer) with one in mixed
precision, and with one that also has ``channels_last=True``. The three run alternately in one process; batches, time
and memory are those of step.py.

Example:
    python tools/benchmark/precision.py configs/gated_crf/deeplabv3plus_r34_voc_clicks.py --batch-size 4
"""

from __future__ import annotations

import argparse
import json
import statistics
from pathlib import Path
from typing import Any

import torch
from _measuring import add_arguments, check_arguments, check_configs, clock, measure, measure_apart, report, table_row
from step import make_step

VARIANTS = {
    'float32': {'amp': False, 'channels_last': False},
    'mixed': {'amp': True, 'channels_last': False},
    'mixed, channels last': {'amp': True, 'channels_last': True},
}


def measure_here(what: str, args: argparse.Namespace) -> dict[str, Any]:
    """Run all variants of a config, named in JSON, in this process."""
    import mmseg_wsss.plugin  # noqa: F401

    torch.set_num_threads(args.threads)
    steps = [
        make_step(variant='recipe', device=args.device, **variant, **json.loads(what)) for variant in VARIANTS.values()
    ]
    for step in steps:
        step()  # allocates gradients and the state of the optimizer
    return dict(zip(VARIANTS, measure(steps, args.device, args.repeats), strict=True))


def share(result: dict[str, Any], base: dict[str, Any]) -> list[str]:
    """Return the time of a variant as a share of that in float32: the median over rounds of steps, and the range."""
    if 'failed' in result:
        return ['']
    key = f'{clock(result)}_each_s'
    shares = [own / alone for own, alone in zip(result[key], base[key], strict=True)]
    return [f'{statistics.median(shares):.2f} ({min(shares):.2f} to {max(shares):.2f})']


def markdown(results: list[dict[str, Any]]) -> str:
    """Return one row per config and variant."""
    lines = [
        '| config | precision | CPU s (spread) | wall s (spread) | extra MiB | time / float32 (range) |',
        '|---|---|---|---|---|---|',
    ]
    base = {r['config']: r for r in results if r['variant'] == 'float32'}
    for r in results:
        last = [''] if r['variant'] == 'float32' else share(r, base[r['config']])
        lines.append(table_row((Path(r['config']).stem, r['variant']), r, last))
    return '\n'.join(lines)


def main() -> None:
    """Measure every config."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument('configs', nargs='*', help='config files')
    parser.add_argument('--batch-size', type=int, help='batch size (default: that of the config)')
    add_arguments(parser)
    args = parser.parse_args()
    check_arguments(parser, args)
    if args.measure:
        print(json.dumps(measure_here(args.measure, args)))
        return
    check_configs(parser, args.configs)
    results = []
    for config in args.configs:
        what = {'config': config, 'batch_size': args.batch_size}
        done = measure_apart(__file__, json.dumps(what), args)
        for variant in VARIANTS:
            results.append({'variant': variant, **what, **(done if 'failed' in done else done[variant])})
            print(json.dumps(results[-1]), flush=True)
    report(args, results, markdown(results), {})


if __name__ == '__main__':
    main()
