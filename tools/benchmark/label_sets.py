"""Time and memory of a data set whose labels are Arrow files, with data workers that read its rows.

Label sets of several sizes are written to a temporary folder, ``--clicks`` clicks per image. Each is measured in a
separate process: the time until ``WeakSegDataset`` is ready, and the memory of that process and its workers together
while all of them have read rows, without what a set of 100 images needs. Memory of several processes is counted once
where they share it (``Pss`` of Linux). *Anonymous* memory belongs to the processes; *mapped* memory is the part of the
label files that was read, which the system takes back when it needs it.

With ``--pictures`` the image files exist (links to a few pictures), and their check is measured as well: the first
one, and that of a later process, which finds the result of the first.
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import numpy as np
from _measuring import MIB, add_arguments, check_arguments, measure_apart, report

PART_ROWS = 250_000
LINKS = 20_000
"""Number of links to one file, of which file systems allow a limited number."""
BASE = 100
MOST_JSON = 100_000
"""Number of images up to which the same labels are measured as ``weak_labels.json``."""
SIZE = (64, 48)


def main() -> None:
    """Measure label sets of several sizes and print a table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    add_arguments(parser)
    parser.add_argument('--images', type=int, nargs='+', default=[100_000, 1_000_000], help='sizes of the label sets')
    parser.add_argument('--clicks', type=int, default=6, help='clicks per image (default: %(default)s)')
    parser.add_argument('--workers', type=int, default=2, help='data workers (default: %(default)s)')
    parser.add_argument('--rows', type=int, default=20_000, help='rows that are read (default: %(default)s)')
    parser.add_argument('--pictures', action='store_true', help='make image files, and measure their check')
    parser.add_argument('--folder', type=Path, help='folder for temporary files')
    args = parser.parse_args()
    check_arguments(parser, args)
    if args.measure:
        print(json.dumps(measure_here(json.loads(args.measure))))
        return
    results = []
    with tempfile.TemporaryDirectory(dir=args.folder) as name:
        for count in [BASE, *args.images]:
            results.append(measure_set(count, Path(name), args))
    settings = {'clicks': args.clicks, 'workers': args.workers, 'rows': args.rows}
    report(args, results, table(results), settings)


def measure_set(count: int, folder: Path, args: argparse.Namespace) -> dict[str, Any]:
    """Write a label set and measure it."""
    root = folder / str(count)
    first = write_set(root / 'labels', count, args.clicks)
    result: dict[str, Any] = {'images': count, 'file_mib': sum(f.stat().st_size for f in first.parent.iterdir()) / MIB}
    if args.pictures:
        make_pictures(root / 'img', count)
    os.environ['XDG_CACHE_HOME'] = str(folder / 'cache')
    settings = {'labels': str(first), 'img': str(root / 'img'), 'workers': args.workers, 'rows': args.rows}
    if count <= MOST_JSON:
        from mmseg_wsss.datasets.formats import read_labels

        read_labels(str(first)).write(root / 'weak_labels.json')
        what = json.dumps({**settings, 'labels': str(root / 'weak_labels.json'), 'check': False})
        result['json'] = measure_apart(__file__, what, args)
    for name, check in (('unchecked', False), *((('first', True), ('later', True)) if args.pictures else ())):
        what = json.dumps({**settings, 'check': check})
        result[name] = measure_apart(__file__, what, args)
    shutil.rmtree(root)
    return result


def write_set(folder: Path, count: int, clicks: int) -> Path:
    """Write a label set in parts, made of columns, and return its first file."""
    import pyarrow as pa
    import pyarrow.ipc

    from mmseg_wsss.datasets.formats.arrow_table import BATCH_ROWS, with_classes
    from mmseg_wsss.structures import WeakLabelSet

    folder.mkdir(parents=True)
    labels = WeakLabelSet(('background', 'cat', 'dog'))
    parts = -(-count // PART_ROWS)
    rng = np.random.default_rng(0)
    for part in range(parts):
        known = with_classes(labels, count, part, parts)
        stop = min((part + 1) * PART_ROWS, count)
        with pa.ipc.new_file(str(folder / f'part-{part:05d}.arrow'), known) as writer:
            for start in range(part * PART_ROWS, stop, BATCH_ROWS):
                writer.write_batch(rows(start, min(start + BATCH_ROWS, stop), clicks, known, rng))
    return folder / 'part-00000.arrow'


def rows(start: int, stop: int, clicks: int, known: Any, rng: np.random.Generator) -> Any:
    """Return some rows as a record batch."""
    import pyarrow as pa

    number = stop - start
    xy = rng.integers(0, min(SIZE), (number * clicks, 2)).astype(float)
    ids = rng.integers(0, 3, number * clicks).astype(np.int32)
    items = pa.StructArray.from_arrays(
        [xy[:, 0].copy(), xy[:, 1].copy(), ids], fields=list(known.field('points').type.value_type)
    )
    columns = {
        'file_name': pa.array([name_of(index) for index in range(start, stop)]),
        'width': pa.array(np.full(number, SIZE[0], dtype=np.int32)),
        'height': pa.array(np.full(number, SIZE[1], dtype=np.int32)),
        'points': pa.ListArray.from_arrays(pa.array(np.arange(number + 1, dtype=np.int32) * clicks), items),
    }
    return pa.RecordBatch.from_arrays(
        [columns.get(field.name, pa.nulls(number, field.type)) for field in known], schema=known
    )


def name_of(index: int) -> str:
    """Return the file name of an image, in folders of 1,000."""
    return f'{index // 1000:06d}/{index:09d}.png'


def make_pictures(folder: Path, count: int) -> None:
    """Make the image files: links to a few pictures."""
    from PIL import Image

    for index in range(count):
        path = folder / name_of(index)
        if index % 1000 == 0:
            path.parent.mkdir(parents=True)
        if index % LINKS == 0:
            Image.new('RGB', SIZE).save(path)
            source = path
        else:
            os.link(source, path)


def measure_here(settings: dict[str, Any]) -> dict[str, Any]:
    """Build a data set, read rows in its workers, and return times and memory."""
    from mmengine.logging import MMLogger
    from torch.utils.data import DataLoader

    from mmseg_wsss.datasets.weak_seg_dataset import WeakSegDataset

    MMLogger.get_instance('mmengine', log_level='ERROR')
    cpu, wall = cpu_seconds(), time.perf_counter()
    dataset = WeakSegDataset(
        weak_labels=settings['labels'],
        data_prefix={'img_path': settings['img']},
        img_suffix='.png',
        check_images=settings['check'],
        pipeline=[],
    )
    result = {'ready_cpu_s': cpu_seconds() - cpu, 'ready_wall_s': time.perf_counter() - wall}
    chosen = np.random.default_rng(1).integers(0, len(dataset), settings['rows']).tolist()
    loader = DataLoader(
        dataset,
        batch_size=100,
        sampler=chosen,
        num_workers=settings['workers'],
        collate_fn=len,
        persistent_workers=True,
    )
    start = time.perf_counter()
    read = sum(loader)
    result['rows_per_s'] = read / (time.perf_counter() - start)
    return {**result, **memory()}


def cpu_seconds() -> float:
    """Return the CPU time of this process and of those that it has waited for."""
    return sum(os.times()[:4])


def memory() -> dict[str, float]:
    """Return the memory of this process and its children in MiB."""
    found = subprocess.run(['pgrep', '-P', str(os.getpid())], capture_output=True, text=True, check=False).stdout
    totals = {'Pss_Anon': 0, 'Pss_File': 0}
    for process in [os.getpid(), *map(int, found.split())]:
        try:
            lines = Path(f'/proc/{process}/smaps_rollup').read_text().splitlines()
        except OSError:  # pgrep itself
            continue
        for line in lines:
            key = line.split(':')[0]
            if key in totals:
                totals[key] += int(line.split()[1])
    return {'anonymous_mib': totals['Pss_Anon'] / 1024, 'mapped_mib': totals['Pss_File'] / 1024}


def table(results: list[dict[str, Any]]) -> str:
    """Return a Markdown table."""
    lines = [
        '| images | files, MiB | pictures | ready, wall s (CPU s) | anonymous, MiB | mapped, MiB | rows per s |',
        '|---|---|---|---|---|---|---|',
    ]
    base = results[0]
    for result in results[1:]:
        for name in ('json', 'unchecked', 'first', 'later'):
            if name not in result:
                continue
            found, small = result[name], base[name]
            if 'failed' in found:
                lines.append(f'| {result["images"]:,} | {result["file_mib"]:.0f} | {name} | {found["failed"]} | | | |')
                continue
            ready = f'{found["ready_wall_s"]:.1f} ({found["ready_cpu_s"]:.1f})'
            more = [f'{found[key] - small[key]:.0f}' for key in ('anonymous_mib', 'mapped_mib')]
            cells = [f'{result["images"]:,}', f'{result["file_mib"]:.0f}', name, ready, *more]
            lines.append(f'| {" | ".join(cells)} | {found["rows_per_s"]:.0f} |')
    return '\n'.join(lines)


if __name__ == '__main__':
    sys.exit(main())
