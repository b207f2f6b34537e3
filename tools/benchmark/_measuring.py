"""Time and memory of steps, in a separate process, with a record of the machine and the versions.

- CPU and wall-clock seconds: median over the repeats after the first call, and the spread (largest minus smallest). On
  a GPU the clock is read when the device has finished. Steps to be compared run alternately, so that a machine that is
  slow for a while slows all of them.
- Extra memory: the largest size since just before the first call minus the size at that time, so without the inputs. On
  a CPU it is the resident size of the process, after freed memory is returned to the system, which needs Linux; on a
  GPU it is the memory that torch has allocated.
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
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import torch

MIB = 2**20


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the options that all benchmarks share."""
    parser.add_argument('--device', default='cpu', choices=('cpu', 'cuda'), help='device (default: %(default)s)')
    parser.add_argument('--threads', type=int, default=1, help='number of CPU threads of torch (default: %(default)s)')
    parser.add_argument(
        '--repeats', type=int, default=5, help='number of timed calls after the first (default: %(default)s)'
    )
    parser.add_argument('--output', type=Path, help='write all figures to this JSON file')
    parser.add_argument('--measure', help=argparse.SUPPRESS)  # what a process started by measure_apart measures


def check_arguments(parser: argparse.ArgumentParser, args: argparse.Namespace) -> None:
    """Refuse options that cannot be measured."""
    if args.threads < 1 or args.repeats < 1:
        parser.error('--threads and --repeats must be at least 1')
    for option in ('output', 'plot'):
        path: Path | None = getattr(args, option, None)
        if path and not path.absolute().parent.is_dir():
            parser.error(f'--{option} {path}: there is no folder {path.parent}, create it first')
    if args.device == 'cuda' and not torch.cuda.is_available():
        parser.error('--device cuda: torch finds no GPU here')


def check_configs(parser: argparse.ArgumentParser, configs: Sequence[str]) -> None:
    """Refuse to measure no config, or one that does not exist."""
    if not configs:
        parser.error('name at least one config')
    missing = [config for config in configs if not Path(config).is_file()]
    if missing:
        parser.error(f'no such config: {", ".join(missing)}')


def measure(steps: Sequence[Callable[[], Any]], device: str, repeats: int) -> list[dict[str, Any]]:
    """Call each step once for its memory and ``repeats`` times, in turns, for its time."""
    extras = []
    for step in steps:
        before = _restart_peak(device)
        step()
        extras.append(_peak(device) - before)
    rounds = [[_seconds(step, device) for step in steps] for _ in range(repeats)]
    results = []
    for extra, times in zip(extras, zip(*rounds, strict=True), strict=True):
        cpu, wall = zip(*times, strict=True)
        results.append({'device': device, 'extra_mib': extra / MIB})
        for kind, seconds in (('cpu', cpu), ('wall', wall)):
            results[-1][f'{kind}_s'] = statistics.median(seconds)
            results[-1][f'{kind}_spread_s'] = max(seconds) - min(seconds)
            results[-1][f'{kind}_each_s'] = seconds
    return results


def _seconds(step: Callable[[], Any], device: str) -> tuple[float, float]:
    """Return CPU and wall seconds of a call."""
    cpu_start, wall_start = time.process_time(), time.perf_counter()
    step()
    if device == 'cuda':
        torch.cuda.synchronize()
    return time.process_time() - cpu_start, time.perf_counter() - wall_start


def measure_apart(script: str, what: str, args: argparse.Namespace) -> dict[str, Any]:
    """Run ``script --measure what`` in a process of its own; one that dies, say for memory, is a result too."""
    command = [sys.executable, script, '--measure', what, '--device', args.device]
    command += ['--threads', str(args.threads), '--repeats', str(args.repeats)]
    threads = str(args.threads)
    environment = {**os.environ, 'OMP_NUM_THREADS': threads, 'MKL_NUM_THREADS': threads}
    done = subprocess.run(command, capture_output=True, text=True, env=environment, check=False)
    if done.returncode != 0:
        reason = done.stderr.strip().splitlines()[-1:] or ['killed, probably for memory']
        return {'failed': f'exit {done.returncode}: {reason[0]}'}
    result: dict[str, Any] = json.loads(done.stdout.strip().splitlines()[-1])
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
    cpu = names[0] if names else platform.processor()
    return {
        'commit': (git[0] or 'unknown') + (' with changes' if git[1] else ''),
        'device': torch.cuda.get_device_name() if args.device == 'cuda' else cpu,
        'cores': os.cpu_count(),
        'memory_gib': round(os.sysconf('SC_PHYS_PAGES') * os.sysconf('SC_PAGE_SIZE') / 2**30, 1),
        'load_average': os.getloadavg()[0],
        'python': platform.python_version(),
        'torch': torch.__version__,
        'threads': args.threads,
        'repeats': args.repeats,
    }


def report(
    args: argparse.Namespace, results: Sequence[dict[str, Any]], table: str, settings: Mapping[str, Any]
) -> None:
    """Print the record, with more settings, and the table, and write both with all figures to ``--output``."""
    environment = {**environment_record(args), **settings}
    print(', '.join(f'{key} {value}' for key, value in environment.items()), end='\n\n')
    print(table)
    if args.output:
        args.output.write_text(json.dumps({'environment': environment, 'results': list(results)}, indent=2) + '\n')


def table_row(first: Sequence[str], result: dict[str, Any], last: Sequence[str]) -> str:
    """Return a row of a Markdown table: its first cells, times and memory, its last cells."""
    if 'failed' in result:
        figures = [f'failed: {result["failed"]}', '', '']
    else:
        times = [f'{result[f"{kind}_s"]:.4f} ({result[f"{kind}_spread_s"]:.4f})' for kind in ('cpu', 'wall')]
        figures = [*times, f'{result["extra_mib"]:.1f}']
    return f'| {" | ".join([*first, *figures, *last])} |'


def clock(result: dict[str, Any]) -> str:
    """Return which seconds count: ``'wall'`` on a GPU, else ``'cpu'``, as a busy machine adds to wall seconds."""
    return 'wall' if result['device'] == 'cuda' else 'cpu'


def _restart_peak(device: str) -> int:
    """Return the memory that is held now, and count its largest size from here."""
    gc.collect()
    if device == 'cuda':
        torch.cuda.reset_peak_memory_stats()
        return torch.cuda.memory_allocated()
    ctypes.CDLL('libc.so.6').malloc_trim(0)
    Path('/proc/self/clear_refs').write_text('5')
    return _status_bytes('VmRSS')


def _peak(device: str) -> int:
    if device == 'cuda':
        torch.cuda.synchronize()
        return torch.cuda.max_memory_allocated()
    return _status_bytes('VmHWM')


def _status_bytes(key: str) -> int:
    """Return a size in /proc/self/status: VmRSS is the memory now, VmHWM the largest one."""
    lines = Path('/proc/self/status').read_text().splitlines()
    return next(int(line.split()[1]) * 1024 for line in lines if line.startswith(f'{key}:'))
