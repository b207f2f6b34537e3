"""Measure the fast ops against their textbook references.

A case is OP:BxCxHxW:REACH or pamr:BxCxHxW:REACH:PRESENT, its reach being

- gated_crf: the radius of the window in cells; one kernel over position and colour (6 cells, 0.1), an image and a
  source mask four times larger; softmax, loss and backward to the logits;
- pamr: how many of the dilations 1, 2, 4, 8, 12, 24 there are; 10 iterations, an image of the masks' size; with
  PRESENT, only so many channels of each image are not 0, and the op is told which;
- feature_similarity: the radius in cells, or all (pairs); softmax, loss and backward to the logits.

Every case and implementation runs in a process of its own; a ratio is the reference's figure over the op's in the same
run, so above 1 the op wins and below 1 it loses. On a GPU, the roofline is the least time for the work of the case, see
_cases.py, at the machine's peaks, as a fraction of the measured one. See _measuring.py for what time and memory mean.

Example:
    python tools/benchmark/ops.py --output ops.json
    python tools/benchmark/ops.py --grow --plot growth.png     # how cost grows with pixels, classes and reach
    python tools/benchmark/ops.py --device cuda                # with the Triton kernels
    python tools/benchmark/ops.py --device cuda --dtype bfloat16
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import torch
from _cases import DILATIONS, PAMR_ITERATIONS, Case, roofline, work
from _measuring import add_arguments, check_arguments, clock, measure, measure_apart, report, table_row

CASES = (
    'gated_crf:8x21x64x64:5',
    'gated_crf:48x21x64x64:5',
    'gated_crf:8x19x192x192:5',
    'pamr:2x21x81x81:6',
    'pamr:16x21x81x81:6',
    'pamr:16x21x81x81:6:3',
    'feature_similarity:4x21x56x56:all',
    'feature_similarity:8x21x56x56:all',
    'feature_similarity:8x21x56x56:15',
)
# Per op: where the others start from, sides of the grid, classes, and reach.
GROWTH: dict[str, tuple[str, Sequence[int], Sequence[int], Sequence[str]]] = {
    'gated_crf': ('2x21x64x64:5', (8, 16, 32, 64, 128), (2, 5, 21, 60, 150), ('1', '2', '3', '5', '7', '10')),
    'pamr': ('1x21x81x81:6', (11, 21, 41, 81, 161), (2, 5, 21, 60, 150), ('1', '2', '4', '6')),
    'feature_similarity': ('1x21x56x56:all', (7, 14, 28, 56, 84), (2, 5, 21, 60, 150), ('5', '10', '20', '40', 'all')),
}
IMPLEMENTATIONS = ('reference', 'torch', 'triton')
WITH_TRITON = ('gated_crf', 'pamr')
DTYPES = ('float32', 'bfloat16', 'float16')


def make_step(case: Case, implementation: str, device: str, dtype: torch.dtype) -> Callable[[], torch.Tensor]:
    """Return a call that runs the case once, and returns the loss or, for PAMR, the refined masks."""
    from mmseg_wsss import functional, ops

    module: Any = functional if implementation == 'reference' else ops
    settings: dict[str, Any] = {} if implementation == 'reference' else {'backend': implementation}
    generator = torch.Generator().manual_seed(0)
    logits = torch.randn(case.shape, generator=generator).to(device)
    batch, _, height, width = case.shape
    factor = 4 if case.op == 'gated_crf' else 1
    image = torch.randn(batch, 3, height // 4 or 1, width // 4 or 1, generator=generator)
    image = torch.nn.functional.interpolate(image, (factor * height, factor * width), mode='bilinear')
    image = (image + 0.05 * torch.randn(image.shape, generator=generator)).to(device, dtype)
    mask = torch.ones(batch, 1, factor * height, factor * width, device=device)
    mask[..., : width // 2] = 0
    unit = image.sigmoid()
    if case.present is not None:
        logits[:, case.present :] = -torch.inf
        if implementation != 'reference':
            settings['present'] = logits[:, :, 0, 0].isfinite()
    logits.requires_grad_()
    kernels = [{'weight': 1.0, 'xy': 6.0, 'rgb': 0.1}]

    def step() -> torch.Tensor:
        if case.op == 'pamr':
            masks = logits.detach().softmax(dim=1).to(dtype)
            dilations = DILATIONS[: case.reach]
            result: torch.Tensor = module.pamr(masks, unit, num_iters=PAMR_ITERATIONS, dilations=dilations, **settings)
            return result
        logits.grad = None
        probs = logits.softmax(dim=1).to(dtype)
        if case.op == 'gated_crf':
            loss = module.gated_crf_loss(probs, image, kernels=kernels, radius=case.reach, source_mask=mask, **settings)
        else:
            loss = module.feature_similarity_loss(probs, unit, radius=case.reach, **settings)
        loss.backward()
        result = loss.detach()
        return result

    return step


def measure_here(text: str, device: str, repeats: int, threads: int) -> dict[str, Any]:
    """Run CASE@IMPLEMENTATION@DTYPE in this process."""
    case, implementation, name = text.split('@')
    torch.set_num_threads(threads)
    parsed, dtype = Case.parse(case), getattr(torch, name)
    make_step(parsed._replace(shape=(1, 2, 8, 8)), implementation, device, dtype)()  # what only a first call loads
    step = make_step(parsed, implementation, device, dtype)
    (figures,) = measure([step], device, repeats)
    return {**figures, 'value': step().double().square().mean().sqrt().item()}


def measure_all(
    cases: Sequence[Case], implementations: Sequence[str] | None, args: argparse.Namespace
) -> list[dict[str, Any]]:
    """Measure every case with every implementation, by default those that it can have, in a process of its own."""
    results = []
    for case in cases:
        triton = args.device == 'cuda' and case.op in WITH_TRITON
        for implementation in implementations or IMPLEMENTATIONS[: 3 if triton else 2]:
            done = measure_apart(__file__, f'{case}@{implementation}@{args.dtype}', args)
            results.append({'case': str(case), 'implementation': implementation, **done})
            results[-1].update(zip(('flops', 'bytes'), work(case), strict=True))
            if args.device == 'cuda' and 'failed' not in done:
                results[-1]['roofline'] = roofline(case, done['wall_s'], args.peak_tflops, args.peak_tbps)
            print(json.dumps(results[-1]), flush=True)
    return results


def growing_cases() -> dict[tuple[str, str], list[Case]]:
    """Return per op and axis (pixels, classes, reach) the cases along it."""
    grown = {}
    for op, (base, sides, classes, reaches) in GROWTH.items():
        start = Case.parse(f'{op}:{base}')
        batch, channels, height, width = start.shape
        grown[op, 'pixels'] = [start._replace(shape=(batch, channels, side, side)) for side in sides]
        grown[op, 'classes'] = [start._replace(shape=(batch, count, height, width)) for count in classes]
        grown[op, 'reach'] = [Case.parse(f'{op}:{base.rpartition(":")[0]}:{reach}') for reach in reaches]
    return grown


def plot_growth(grown: dict[tuple[str, str], list[Case]], results: Sequence[dict[str, Any]], path: Path) -> None:
    """Draw time (of the CPU, or on a GPU of the wall) and memory of each implementation along each axis."""
    import matplotlib as mpl

    mpl.use('Agg')
    from matplotlib import pyplot as plt

    by_case = {(r['case'], r['implementation']): r for r in results if 'failed' not in r}
    implementations = [name for name in IMPLEMENTATIONS if any(key[1] == name for key in by_case)]
    seconds = 'wall_s' if any(r['device'] == 'cuda' for r in by_case.values()) else 'cpu_s'
    figure, axes = plt.subplots(6, 3, figsize=(11, 17), squeeze=False)
    for (op, axis), cases in grown.items():
        column = ('pixels', 'classes', 'reach').index(axis)
        for extra, (key, label) in enumerate(((seconds, 'seconds'), ('extra_mib', 'extra MiB'))):
            plot = axes[2 * list(GROWTH).index(op) + extra, column]
            for name in implementations:
                shown = [case for case in cases if (str(case), name) in by_case]
                values = [max(by_case[str(case), name][key], 1e-3 if extra else 1e-6) for case in shown]
                plot.plot([position(case, axis) for case in shown], values, marker='o', label=name)
            scale = 'linear' if axis == 'reach' else 'log'
            plot.set(xscale=scale, yscale='log', title=f'{op}: {label}', xlabel=axis)
            plot.grid(alpha=0.3)
    axes[0, 0].legend()
    figure.tight_layout()
    figure.savefig(path, dpi=70)


def position(case: Case, axis: str) -> int:
    """Return where a case lies on an axis."""
    if axis == 'reach':
        return case.reach or case.shape[2]
    return case.shape[1] if axis == 'classes' else case.shape[2] * case.shape[3]


def markdown(results: Sequence[dict[str, Any]]) -> str:
    """Return one row per case and implementation, with ratios to the reference and to the roofline where there are."""
    on_gpu = any('roofline' in r for r in results)
    columns = ['case', 'implementation', 'CPU s (spread)', 'wall s (spread)', 'extra MiB', 'time ratio', 'memory ratio']
    columns += ['roofline'] if on_gpu else []
    lines = [f'| {" | ".join(columns)} |', '|---' * len(columns) + '|']
    reference = {r['case']: r for r in results if r['implementation'] == 'reference'}
    for r in results:
        base = None if r['implementation'] == 'reference' else reference.get(r['case'])
        last = ['', '']
        if base is not None and 'failed' not in base and 'failed' not in r:
            pairs = [(base[key], max(r[key], least)) for key, least in ((f'{clock(r)}_s', 1e-9), ('extra_mib', 1e-3))]
            last = [f'{of_base / own:.1f}' for of_base, own in pairs]
        if on_gpu:
            last.append(f'{r["roofline"]:.1%}' if 'roofline' in r else '')
        lines.append(table_row((r['case'], r['implementation']), r, last))
    return '\n'.join(lines)


def main() -> None:
    """Measure every case and print the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument('--cases', nargs='+', default=CASES, metavar='CASE', help='default: %(default)s')
    parser.add_argument(
        '--implementations', nargs='+', choices=IMPLEMENTATIONS, help='default: all that support the case'
    )
    parser.add_argument('--dtype', choices=DTYPES, default='float32', help='type of probabilities and image')
    parser.add_argument(
        '--peak-tflops', type=float, default=67.0, help='float32 peak of the GPU (default: %(default)s, an H200)'
    )
    parser.add_argument(
        '--peak-tbps', type=float, default=4.8, help='memory peak of the GPU (default: %(default)s, an H200)'
    )
    parser.add_argument('--grow', action='store_true', help='measure how the cost grows, instead of the cases')
    parser.add_argument('--plot', type=Path, help='draw the results of --grow to this picture')
    add_arguments(parser)
    args = parser.parse_args()
    check_arguments(parser, args)
    if args.peak_tflops <= 0 or args.peak_tbps <= 0:
        parser.error('--peak-tflops and --peak-tbps must be above 0')
    if args.plot and not args.grow:
        parser.error('--plot draws what --grow measures: set both')
    if args.measure:
        print(json.dumps(measure_here(args.measure, args.device, args.repeats, args.threads)))
        return
    try:
        cases = [Case.parse(text) for text in args.cases]
    except ValueError as error:
        parser.error(str(error))
    grown = growing_cases()
    if args.grow:
        cases = list(dict.fromkeys(case for along in grown.values() for case in along))
    results = measure_all(cases, args.implementations, args)
    settings = {'dtype': args.dtype, 'peak_tflops': args.peak_tflops, 'peak_tbps': args.peak_tbps}
    report(args, results, markdown(results), settings)
    if args.plot:
        plot_growth(grown, results, args.plot)


if __name__ == '__main__':
    main()
