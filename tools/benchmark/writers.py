"""Measure how much faster the writers of labels are with several worker processes.

Each writer labels the same drawn pictures with one process and with ``--workers`` processes, in turns, into folders of
its own; the networks have random weights. The ratio is the median over the rounds, with the range, of wall-clock
seconds, which include the start of the workers and, for networks, the time to build them. Every round compares the
files of both byte for byte.

Example:
    python tools/benchmark/writers.py --workers 2 --num-images 48 --size 256
"""

from __future__ import annotations

import argparse
import contextlib
import io
import json
import os
import statistics
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import torch
from _measuring import environment_record
from mmengine.config import Config

CONFIGS = Path(__file__).parents[2] / 'configs'
Write = Callable[[Path, int], None]


def make_writers(root: Path, num_images: int, size: int) -> dict[str, Write]:
    """Draw pictures, save random weights, and return the writers by name: each takes a folder and the workers."""
    from mmengine.registry import init_default_scope
    from mmseg.registry import MODELS

    import mmseg_wsss.plugin  # noqa: F401
    from mmseg_wsss.cli.main import main
    from mmseg_wsss.datasets.shapes_dataset import write_shapes
    from mmseg_wsss.labelling.box_masks import BoxSettings, write_box_labels
    from mmseg_wsss.labelling.cam_export import write_cam_folder
    from mmseg_wsss.labelling.cam_seeds import SeedSettings, write_seeds
    from mmseg_wsss.labelling.cam_threshold_sweep import CAMSettings
    from mmseg_wsss.labelling.predictions import PredictionSettings, write_pseudo_labels
    from mmseg_wsss.labelling.random_walk_labels import RandomWalkSettings, write_random_walk

    init_default_scope('mmseg')
    write_shapes(root / 'shapes', num_images=num_images, size=(size, size))
    boxes = {
        'type': 'WeakSegDataset',
        'data_root': str(root / 'shapes'),
        'weak_labels': 'weak_labels.json',
        'data_prefix': {'img_path': 'images'},
        'img_suffix': '.png',
    }

    def trained(name: str) -> tuple[Config, Path]:
        cfg = Config.fromfile(CONFIGS / name)
        data = cfg.train_dataloader.dataset
        while 'dataset' in data:
            data = data.dataset
        data.num_images, data.size = num_images, (size, size)
        for key in ('label_root',):
            data.pop(key, None)
        torch.manual_seed(0)
        torch.save({'state_dict': MODELS.build(cfg.model).state_dict()}, root / f'{Path(name).stem}.pth')
        return cfg, root / f'{Path(name).stem}.pth'

    clicks, tags, affinity = map(
        trained,
        (
            'gated_crf/unet_shapes_clicks.py',
            'importance_sampling/cam_shapes_tags.py',
            'importance_sampling/affinity_shapes_tags.py',
        ),
    )
    maps = CAMSettings(scales=(0.5, 1.0, 1.5, 2.0), known_tags=True)
    write_cam_folder(*tags, root / 'maps', maps)
    pamr = {'type': 'PAMR'}

    def command(*words: str) -> Write:
        def write(folder: Path, workers: int) -> None:
            folder.mkdir(parents=True)
            options = [word.replace('FOLDER', str(folder)) for word in words]
            if main([*options, '--workers', str(workers)]):
                raise SystemExit(f'wsss {words[0]} failed')

        return write

    masks, photos = str(root / 'shapes/masks'), str(root / 'shapes/images')
    classes = ','.join(('background', *(f'class {index}' for index in range(1, 7))))
    kinds = ('--kinds', 'points,scribbles,boxes,tags', '--classes', classes, '--img-suffix', '.png')
    blots = (
        'train_dataloader.dataset.pipeline.2.cache_dir=FOLDER',
        f'train_dataloader.dataset.num_images={num_images}',
    )
    return {
        'pseudo-labels': lambda folder, n: write_pseudo_labels(*clicks, folder, PredictionSettings(workers=n)),
        'CAMs of 8 views': lambda folder, n: write_cam_folder(
            *tags, folder, CAMSettings(scales=maps.scales, known_tags=True, workers=n)
        ),
        'seeds, two refinements by PAMR': lambda folder, n: write_seeds(
            tags[0], root / 'maps', folder, SeedSettings(refiner=pamr, workers=n)
        ),
        'random walk and PAMR': lambda folder, n: write_random_walk(
            *affinity, root / 'maps', folder, RandomWalkSettings(refiner=pamr, workers=n)
        ),
        'boxes by GrabCut': lambda folder, n: write_box_labels(
            boxes, folder, BoxSettings(method='grabcut', empty_images=True, workers=n)
        ),
        'wsss blots': command('blots', str(CONFIGS / 'pmp/fcn_r18gn_shapes_points.py'), '--cfg-options', *blots),
        'wsss simulate': command('simulate', '--masks', masks, '--images', photos, *kinds, '-o', 'FOLDER/w.json'),
        'wsss convert index_png': command(
            'convert', 'index_png', masks, '--classes', classes, '--masks', 'FOLDER/masks', '-o', 'FOLDER/w.json'
        ),
    }


def measure(write: Write, folder: Path, workers: int, repeats: int) -> list[tuple[float, float]]:
    """Return the seconds of one process and of several, in turns.

    Raises:
        RuntimeError: If their files differ.
    """
    rounds = []
    for number in range(repeats):
        times, files = [], []
        for count in (1, workers):
            place = folder / f'{number}' / f'{count}'
            start = time.perf_counter()
            with contextlib.redirect_stdout(io.StringIO()):
                write(place, count)
            times.append(time.perf_counter() - start)
            files.append(
                {
                    str(path.relative_to(place)): path.read_bytes().replace(str(place).encode(), b'')
                    for path in place.rglob('*')
                    if path.is_file()
                }
            )
        if files[0] != files[1]:
            raise RuntimeError(f'{folder}: the files of 1 and of {workers} workers differ')
        rounds.append((times[0], times[1]))
    return rounds


def markdown(results: list[dict[str, Any]], workers: int) -> str:
    """Return one row per writer."""
    lines = [f'| writer | 1 process, s | {workers} workers, s | ratio (range) |', '|---|---|---|---|']
    for result in results:
        rounds = result['seconds']
        ratios = [alone / shared for alone, shared in rounds]
        alone, shared = (statistics.median(times) for times in zip(*rounds, strict=True))
        ratio = f'{statistics.median(ratios):.2f} ({min(ratios):.2f} to {max(ratios):.2f})'
        lines.append(f'| {result["writer"]} | {alone:.2f} | {shared:.2f} | {ratio} |')
    return '\n'.join(lines)


def main() -> None:
    """Measure all writers."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument('--workers', type=int, default=2, help='number of processes (default: %(default)s)')
    parser.add_argument('--num-images', type=int, default=48, help='number of pictures (default: %(default)s)')
    parser.add_argument('--size', type=int, default=192, help='side of the pictures in pixels (default: %(default)s)')
    parser.add_argument('--repeats', type=int, default=3, help='number of rounds (default: %(default)s)')
    parser.add_argument('--only', help='only the writers whose name has this text')
    parser.add_argument('--output', type=Path, help='write all figures to this JSON file')
    args = parser.parse_args()
    if args.workers < 2 or args.num_images < 2 or args.size < 32 or args.repeats < 1:
        parser.error('--workers and --num-images start at 2, --size at 32, --repeats at 1')
    args.device, args.threads = 'cpu', 1
    torch.set_num_threads(1)
    results = []
    with tempfile.TemporaryDirectory() as folder:
        with contextlib.redirect_stdout(io.StringIO()):
            writers = make_writers(Path(folder), args.num_images, args.size)
        for name, write in writers.items():
            if args.only and args.only not in name:
                continue
            seconds = measure(write, Path(folder) / name.replace(' ', '_'), args.workers, args.repeats)
            results.append({'writer': name, 'seconds': seconds})
            print(json.dumps(results[-1]), flush=True)
    environment = {**environment_record(args), 'workers': args.workers, 'images': args.num_images, 'size': args.size}
    print(', '.join(f'{key} {value}' for key, value in environment.items()), end='\n\n')
    print(markdown(results, args.workers))
    if args.output:
        args.output.write_text(json.dumps({'environment': environment, 'results': results}, indent=2) + '\n')


if __name__ == '__main__':
    os.environ.setdefault('OMP_NUM_THREADS', '1')
    main()
