"""Measure the time of point blots per image, in comparison with a training step.

For drawn pictures with simulated clicks, 4:3, at several sizes, this measures the seconds per image to compute the
blots (once per image, in a data worker) and to load them from the cache (in every later epoch). The training step is
that of a config, on random images of its crop size, divided by its batch size; _measuring.py defines the times.

Example:
    python tools/benchmark/blots.py --sizes 160 320 500 --config configs/pmp/mbv2_voc_points.py
"""

from __future__ import annotations

import argparse
import json
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import torch
from _measuring import add_arguments, check_arguments, clock, measure, measure_apart, report
from step import make_step

CACHES = ('made', 'cached')


def make_loads(size: int, num_images: int, max_side: int | None, folder: str) -> list[Callable[[], None]]:
    """Return calls that make the blots of all images, and that load them from a cache in the folder."""
    from mmseg.registry import TRANSFORMS

    from mmseg_wsss.datasets import ShapesDataset
    from mmseg_wsss.datasets.transforms import LoadPointBlots

    dataset = ShapesDataset(num_images=num_images, size=(size * 3 // 4, size), pipeline=[])
    steps = [TRANSFORMS.build({'type': kind}) for kind in ('LoadShapesImage', 'LoadWeakAnnotations')]
    samples = []
    for index in range(num_images):
        sample = dataset.get_data_info(index)
        for step in steps:
            sample = step(sample)
        samples.append(sample)

    def load_all(transform: LoadPointBlots) -> Callable[[], None]:
        def load() -> None:
            for sample in samples:
                transform.load(sample)

        return load

    return [load_all(LoadPointBlots(cache, {'max_side': max_side})) for cache in (None, folder)]


def measure_here(what: str, args: argparse.Namespace) -> dict[str, Any]:
    """Measure a size of images, or the step of a config, named in JSON, in this process."""
    import mmseg_wsss.plugin  # noqa: F401

    torch.set_num_threads(args.threads)
    settings = json.loads(what)
    if 'config' in settings:
        step = make_step(variant='recipe', amp=False, device=args.device, **settings)
        return measure([step], args.device, args.repeats)[0]
    with tempfile.TemporaryDirectory() as folder:
        loads = make_loads(folder=folder, **settings)
        return dict(zip(CACHES, measure(loads, 'cpu', args.repeats), strict=True))


def seconds(result: dict[str, Any], count: int) -> float:
    """Return the seconds of one of ``count`` images."""
    return float(result[f'{clock(result)}_s']) / count


def markdown(results: list[dict[str, Any]], step: float | None) -> str:
    """Return one row per size: seconds per image, and how many training steps of an image they are worth."""
    lines = ['| image | made, s | cached, s | made / step | cached / step |', '|---|---|---|---|---|']
    for r in results:
        size = f'{r["size"]} x {r["size"] * 3 // 4}'
        if 'failed' in r:
            lines.append(f'| {size} | failed: {r["failed"]} | | | |')
            continue
        costs = [seconds(r[cache], r['num_images']) for cache in CACHES]
        shares = ['' if step is None else f'{cost / step:.3f}' for cost in costs]
        lines.append(f'| {size} | {costs[0]:.4f} | {costs[1]:.5f} | {shares[0]} | {shares[1]} |')
    return '\n'.join(lines)


def main() -> None:
    """Measure all sizes and the step."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument('--sizes', type=int, nargs='+', default=[160, 320, 500], help='longer sides, in pixels')
    parser.add_argument('--num-images', type=int, default=8, help='number of images (default: %(default)s)')
    parser.add_argument(
        '--max-side', type=int, default=160, help='size at which blots are computed; 0 means that of the image'
    )
    parser.add_argument('--config', help='config of the training whose step to compare with')
    parser.add_argument('--batch-size', type=int, help='batch size (default: that of the config)')
    add_arguments(parser)
    args = parser.parse_args()
    check_arguments(parser, args)
    if min(args.sizes) < 48 or args.num_images < 1 or args.max_side < 0:
        parser.error('--sizes start at 48, --num-images at 1 and --max-side at 0')
    if args.config and not Path(args.config).is_file():
        parser.error(f'no such config: {args.config}')
    if args.measure:
        print(json.dumps(measure_here(args.measure, args)))
        return
    step = None
    settings = {'num_images': args.num_images, 'max_side': args.max_side or None}
    if args.config:
        step = step_seconds(args)
    results = []
    for size in args.sizes:
        what = {'size': size, **settings}
        results.append({**what, **measure_apart(__file__, json.dumps(what), args)})
        print(json.dumps(results[-1]), flush=True)
    more = {'config': args.config, 'step_s_per_image': None if step is None else round(step, 5)}
    report(args, results, markdown(results, step), {**settings, **more})


def step_seconds(args: argparse.Namespace) -> float:
    """Return the seconds of a training step per image; exit if it cannot be measured."""
    from mmengine.config import Config

    batch_size = args.batch_size or Config.fromfile(args.config).train_dataloader.batch_size
    done = measure_apart(__file__, json.dumps({'config': args.config, 'batch_size': batch_size}), args)
    if 'failed' in done:
        raise SystemExit(f'the step of {args.config} {done["failed"]}')
    return seconds(done, batch_size)


if __name__ == '__main__':
    main()
