"""Measure the fast ops against their textbook references.

A case is OP:BxCxHxW:REACH, its reach being

- gated_crf: the radius of the window in cells; one kernel over position and colour (6 cells, 0.1), an image and a
  source mask four times larger; softmax, loss and backward to the logits;
- pamr: how many of the dilations 1, 2, 4, 8, 12, 24 there are; 10 iterations, an image of the masks' size;
- feature_similarity: the radius in cells, or all (pairs); softmax, loss and backward to the logits.

Every case and implementation runs in a process of its own; a ratio is the reference's figure over the op's in the same
run, so above 1 the op wins and below 1 it loses. See _measuring.py for what time and memory mean.

Example:
    python tools/benchmark/ops.py --output ops.json
    python tools/benchmark/ops.py --grow --plot growth.png     # how cost grows with pixels, classes and reach
    python tools/benchmark/ops.py --device cuda                # with the Triton kernels
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import torch
from _measuring import add_arguments, check_arguments, measure, measure_apart, ratios, report, table_row

CASES = (
    'gated_crf:8x21x64x64:5',
    'gated_crf:48x21x64x64:5',
    'gated_crf:8x19x192x192:5',
    'pamr:2x21x81x81:6',
    'pamr:16x21x81x81:6',
    'feature_similarity:4x21x56x56:all',
    'feature_similarity:8x21x56x56:all',
    'feature_similarity:8x21x56x56:15',
)
DILATIONS = (1, 2, 4, 8, 12, 24)
# Per op: where the others start from, sides of the grid, classes, and reach.
GROWTH: dict[str, tuple[str, Sequence[int], Sequence[int], Sequence[str]]] = {
    'gated_crf': ('2x21x64x64:5', (8, 16, 32, 64, 128), (2, 5, 21, 60, 150), ('1', '2', '3', '5', '7', '10')),
    'pamr': ('1x21x81x81:6', (11, 21, 41, 81, 161), (2, 5, 21, 60, 150), ('1', '2', '4', '6')),
    'feature_similarity': ('1x21x56x56:all', (7, 14, 28, 56, 84), (2, 5, 21, 60, 150), ('5', '10', '20', '40', 'all')),
}
IMPLEMENTATIONS = ('reference', 'torch', 'triton')


class Case(NamedTuple):
    """What is measured."""

    op: str
    shape: tuple[int, int, int, int]
    reach: str

    @classmethod
    def parse(cls, text: str) -> Case:
        """Read OP:BxCxHxW:REACH.

        Raises:
            ValueError: If it is not of that form.
        """
        op, _, rest = text.partition(':')
        shape, _, reach = rest.partition(':')
        sizes = shape.split('x')
        fits = op in GROWTH and len(sizes) == 4 and all(size.isdigit() and int(size) for size in sizes)
        if not fits or not (reach.isdigit() or (reach == 'all' and op == 'feature_similarity')):
            raise ValueError(f'a case is OP:BxCxHxW:REACH, such as {CASES[0]}, got {text}')
        batch, channels, height, width = map(int, sizes)
        return cls(op, (batch, channels, height, width), reach)

    def __str__(self) -> str:
        return f'{self.op}:{"x".join(map(str, self.shape))}:{self.reach}'


def make_step(case: Case, implementation: str, device: str) -> Callable[[], torch.Tensor]:
    """Return a call that runs the case once, and returns the loss or, for PAMR, the refined masks."""
    from mmseg_wsss import functional, ops

    module: Any = functional if implementation == 'reference' else ops
    backend = {} if implementation == 'reference' else {'backend': implementation}
    generator = torch.Generator().manual_seed(0)
    logits = torch.randn(case.shape, generator=generator).to(device).requires_grad_()
    batch, _, height, width = case.shape
    factor = 4 if case.op == 'gated_crf' else 1
    image = torch.randn(batch, 3, height // 4 or 1, width // 4 or 1, generator=generator)
    image = torch.nn.functional.interpolate(image, (factor * height, factor * width), mode='bilinear')
    image = (image + 0.05 * torch.randn(image.shape, generator=generator)).to(device)
    mask = torch.ones(batch, 1, factor * height, factor * width, device=device)
    mask[..., : width // 2] = 0
    unit = image.sigmoid()
    reach = None if case.reach == 'all' else int(case.reach)
    kernels = [{'weight': 1.0, 'xy': 6.0, 'rgb': 0.1}]

    def step() -> torch.Tensor:
        if case.op == 'pamr':
            masks = logits.detach().softmax(dim=1)
            result: torch.Tensor = module.pamr(masks, unit, dilations=DILATIONS[:reach], **backend)
            return result
        logits.grad = None
        probs = logits.softmax(dim=1)
        if case.op == 'gated_crf':
            loss = module.gated_crf_loss(probs, image, kernels=kernels, radius=reach, source_mask=mask, **backend)
        else:
            loss = module.feature_similarity_loss(probs, unit, radius=reach, **backend)
        loss.backward()
        result = loss.detach()
        return result

    return step


def measure_here(text: str, device: str, repeats: int, threads: int) -> dict[str, Any]:
    """Run CASE@IMPLEMENTATION in this process."""
    case, implementation = text.split('@')
    torch.set_num_threads(threads)
    parsed = Case.parse(case)
    make_step(parsed._replace(shape=(1, 2, 8, 8)), implementation, device)()  # what only a first call loads
    step = make_step(parsed, implementation, device)
    figures = measure(step, device, repeats)
    return {**figures, 'value': step().double().square().mean().sqrt().item()}


def measure_all(
    cases: Sequence[Case], implementations: Sequence[str], args: argparse.Namespace
) -> list[dict[str, Any]]:
    """Measure every case with every implementation that can serve, each in a process of its own."""
    results = []
    for case in cases:
        for implementation in implementations:
            done = measure_apart(__file__, f'{case}@{implementation}', args)
            results.append({'case': str(case), 'implementation': implementation, **done})
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
        grown[op, 'reach'] = [start._replace(reach=reach) for reach in reaches]
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
        return case.shape[2] if case.reach == 'all' else int(case.reach)
    return case.shape[1] if axis == 'classes' else case.shape[2] * case.shape[3]


def markdown(results: Sequence[dict[str, Any]]) -> str:
    """Return one row per case and implementation, with ratios to the reference where there is one."""
    lines = [
        '| case | implementation | CPU s (spread) | wall s (spread) | extra MiB | time ratio | memory ratio |',
        '|---|---|---|---|---|---|---|',
    ]
    reference = {r['case']: r for r in results if r['implementation'] == 'reference'}
    for r in results:
        base = None if r['implementation'] == 'reference' else reference.get(r['case'])
        compared = ratios(r, base)
        last = ['', ''] if compared is None else [f'{1 / max(ratio, 1e-9):.1f}' for ratio in compared]
        lines.append(table_row((r['case'], r['implementation']), r, last))
    return '\n'.join(lines)


def main() -> None:
    """Measure every case and print the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument('--cases', nargs='+', default=CASES, metavar='OP:BxCxHxW:REACH', help='default: %(default)s')
    parser.add_argument('--implementations', nargs='+', choices=IMPLEMENTATIONS, help='default: all that can serve')
    parser.add_argument('--grow', action='store_true', help='measure how cost grows instead of the cases')
    parser.add_argument('--plot', type=Path, help='with --grow: draw it to this picture')
    add_arguments(parser)
    args = parser.parse_args()
    check_arguments(parser, args)
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
    implementations = args.implementations or IMPLEMENTATIONS[: 3 if args.device == 'cuda' else 2]
    results = measure_all(cases, implementations, args)
    if args.plot:
        plot_growth(grown, results, args.plot)
    report(args, results, markdown(results))


if __name__ == '__main__':
    main()
