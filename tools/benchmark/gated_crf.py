"""Measure time and memory of the Gated CRF loss: the textbook reference against the fast twin.

A case is B x C x H x W probabilities, one kernel over position and colour (6 cells, 0.1), a window of 11 x 11 cells, an
image and a source mask four times larger. What is measured: softmax, loss and backward to the logits. Every case and
implementation runs in a process of its own:

- CPU and wall seconds: median over the repeats after the first call, and the spread (largest minus smallest);
- extra memory: largest resident size since just before the first call minus the resident size then, so without the
  inputs and what a first tiny call loads. Freed memory is given back to the system first. It needs Linux.

Example:
    python tools/benchmark/gated_crf.py --threads 1 --cases 8x21x64x64 --output gated_crf.json
"""

from __future__ import annotations

import argparse
import ctypes
import gc
import json
import os
import platform
import statistics
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

CASES = ('8x21x64x64', '48x21x64x64', '8x19x192x192')
IMPLEMENTATIONS = ('reference', 'op')
MIB = 2**20


def parse_args() -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument('--cases', nargs='+', default=CASES, metavar='BxCxHxW', help='default: %(default)s')
    parser.add_argument('--implementations', nargs='+', default=IMPLEMENTATIONS, choices=IMPLEMENTATIONS)
    parser.add_argument('--threads', type=int, default=1, help='CPU threads of torch, default: %(default)s')
    parser.add_argument('--repeats', type=int, default=5, help='timed calls after the first, default: %(default)s')
    parser.add_argument('--radius', type=int, default=5, help='half the window in cells, default: %(default)s')
    parser.add_argument('--output', type=Path, help='write all figures to this JSON file')
    parser.add_argument('--measure', choices=IMPLEMENTATIONS, help='measure in this process and print JSON')
    args = parser.parse_args()
    if args.threads < 1 or args.repeats < 1:
        parser.error('--threads and --repeats must be at least 1')
    for case in args.cases:
        if len(case.split('x')) != 4 or not all(part.isdigit() and int(part) for part in case.split('x')):
            parser.error(f'a case must be four sizes such as {CASES[0]}, got {case}')
    return args


def measure(implementation: str, case: str, radius: int, repeats: int, threads: int) -> dict[str, Any]:
    """Run one case in this process."""
    import torch

    from mmseg_wsss import functional, ops

    torch.set_num_threads(threads)
    loss_fn = functional.gated_crf_loss if implementation == 'reference' else ops.gated_crf_loss

    def step(logits: torch.Tensor, image: torch.Tensor, mask: torch.Tensor) -> float:
        logits.grad = None
        kernels = [{'weight': 1.0, 'xy': 6.0, 'rgb': 0.1}]
        loss = loss_fn(logits.softmax(dim=1), image, kernels=kernels, radius=radius, source_mask=mask)
        loss.backward()
        return loss.item()

    step(*make_inputs('1x2x8x8'))
    inputs = make_inputs(case)
    before = restart_peak_memory()
    loss = step(*inputs)
    cpu, wall = [], []
    for _ in range(repeats):
        cpu_start, wall_start = time.process_time(), time.perf_counter()
        step(*inputs)
        cpu.append(time.process_time() - cpu_start)
        wall.append(time.perf_counter() - wall_start)
    return {
        'case': case,
        'implementation': implementation,
        'loss': loss,
        'gradient_norm': inputs[0].grad.norm().item(),
        'cpu_s': statistics.median(cpu),
        'cpu_spread_s': max(cpu) - min(cpu),
        'wall_s': statistics.median(wall),
        'wall_spread_s': max(wall) - min(wall),
        'extra_mib': (status_bytes('VmHWM') - before) / MIB,
        'torch': torch.__version__,
    }


def make_inputs(case: str) -> Any:
    """Return logits, a standardised image of smooth patches with a little noise, and a mask with a blank border."""
    import torch

    batch, classes, height, width = (int(part) for part in case.split('x'))
    generator = torch.Generator().manual_seed(0)
    logits = torch.randn(batch, classes, height, width, generator=generator).requires_grad_()
    image = torch.randn(batch, 3, height // 4 or 1, width // 4 or 1, generator=generator)
    image = torch.nn.functional.interpolate(image, (4 * height, 4 * width), mode='bilinear')
    image += 0.05 * torch.randn(image.shape, generator=generator)
    mask = torch.ones(batch, 1, 4 * height, 4 * width)
    mask[..., : width // 2] = 0
    return logits, image, mask


def restart_peak_memory() -> int:
    """Return the memory that this process holds now, and count its largest one from here."""
    gc.collect()
    ctypes.CDLL('libc.so.6').malloc_trim(0)
    Path('/proc/self/clear_refs').write_text('5')
    return status_bytes('VmRSS')


def status_bytes(key: str) -> int:
    """Return a size in /proc/self/status: VmRSS is the memory now, VmHWM the largest one."""
    lines = Path('/proc/self/status').read_text().splitlines()
    return next(int(line.split()[1]) * 1024 for line in lines if line.startswith(f'{key}:'))


def measure_apart(implementation: str, case: str, args: argparse.Namespace) -> dict[str, Any]:
    """Run one case in a process of its own; a process that dies, say for memory, is a result too."""
    command = [sys.executable, __file__, '--measure', implementation, '--cases', case]
    command += ['--threads', str(args.threads), '--repeats', str(args.repeats), '--radius', str(args.radius)]
    threads = str(args.threads)
    environment = {**os.environ, 'OMP_NUM_THREADS': threads, 'MKL_NUM_THREADS': threads}
    done = subprocess.run(command, capture_output=True, text=True, env=environment, check=False)
    if done.returncode != 0:
        reason = done.stderr.strip().splitlines()[-1:] or ['killed, probably for memory']
        return {'case': case, 'implementation': implementation, 'failed': f'exit {done.returncode}: {reason[0]}'}
    result: dict[str, Any] = json.loads(done.stdout)
    return result


def environment_record(args: argparse.Namespace) -> dict[str, Any]:
    """Say what was measured on what."""
    here = Path(__file__).parent
    git = [
        subprocess.run(['git', '-C', str(here), *words], capture_output=True, text=True, check=False).stdout.strip()
        for words in (['rev-parse', 'HEAD'], ['status', '--porcelain', '--untracked-files=no'])
    ]
    cpuinfo = Path('/proc/cpuinfo').read_text().splitlines()
    names = [line.split(':', 1)[1].strip() for line in cpuinfo if line.startswith('model name')]
    return {
        'commit': (git[0] or 'unknown') + (' with changes' if git[1] else ''),
        'cpu': names[0] if names else platform.processor(),
        'cores': os.cpu_count(),
        'memory_gib': os.sysconf('SC_PHYS_PAGES') * os.sysconf('SC_PAGE_SIZE') / 2**30,
        'load_average': os.getloadavg()[0],
        'python': platform.python_version(),
        'threads': args.threads,
        'repeats': args.repeats,
        'radius': args.radius,
    }


def markdown(results: list[dict[str, Any]]) -> str:
    """Return one row per case and implementation, with ratios to the reference where there is one."""
    lines = [
        '| B x C x H x W | implementation | CPU s (spread) | wall s (spread) | extra MiB | CPU time | memory | loss |',
        '|---|---|---|---|---|---|---|---|',
    ]
    reference = {r['case']: r for r in results if r['implementation'] == 'reference' and 'failed' not in r}
    for r in results:
        start = f'| {r["case"]} | {r["implementation"]} '
        if 'failed' in r:
            lines.append(start + f'| {r["failed"]} | | | | | |')
            continue
        ratios = ['', '']
        if r['implementation'] != 'reference' and r['case'] in reference:
            base = reference[r['case']]
            ratios = [f'{base[key] / max(r[key], 1e-9):.1f}x less' for key in ('cpu_s', 'extra_mib')]
        lines.append(
            start + f'| {r["cpu_s"]:.3f} ({r["cpu_spread_s"]:.3f}) | {r["wall_s"]:.3f} ({r["wall_spread_s"]:.3f}) '
            f'| {r["extra_mib"]:.1f} | {ratios[0]} | {ratios[1]} | {r["loss"]:.6f} |'
        )
    return '\n'.join(lines)


def main() -> None:
    """Measure every case, each in a process of its own, and print the table."""
    args = parse_args()
    if args.measure:
        result = measure(args.measure, args.cases[0], args.radius, args.repeats, args.threads)
        print(json.dumps(result))
        return
    environment = environment_record(args)
    results = [
        measure_apart(implementation, case, args) for case in args.cases for implementation in args.implementations
    ]
    environment['torch'] = next((r['torch'] for r in results if 'torch' in r), 'unknown')
    print(', '.join(f'{key} {value}' for key, value in environment.items()), end='\n\n')
    print(markdown(results))
    if args.output:
        args.output.write_text(json.dumps({'environment': environment, 'results': results}, indent=2) + '\n')


if __name__ == '__main__':
    main()
