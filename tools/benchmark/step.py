"""Measure what weak supervision adds to a training step.

For each config, this compares the forward pass, losses, backward pass and optimizer step of its model with those of the
same network with only partial cross-entropy. A batch consists of random images of the crop size with a few clicks, tags
and boxes; no data set and no pretrained weights are needed. Both run alternately in one process, so that a slow machine
slows both. The added time is the median over these pairs of steps, with the range; see _measuring.py for the definition
of time and memory.

Example:
    python tools/benchmark/step.py configs/gated_crf/deeplabv3plus_r34_voc_clicks.py --batch-size 2
    python tools/benchmark/step.py configs/gated_crf/deeplabv3plus_r34_voc_clicks.py --device cuda --amp
"""

from __future__ import annotations

import argparse
import json
import statistics
from collections.abc import Callable
from pathlib import Path
from typing import Any

import torch
from _measuring import add_arguments, check_arguments, check_configs, clock, measure, measure_apart, report, table_row

VARIANTS = ('partial cross-entropy', 'recipe')


def make_step(
    config: str, variant: str, batch_size: int | None, amp: bool, device: str, channels_last: bool = False
) -> Callable[[], None]:
    """Return a call that trains one step."""
    from mmengine.config import Config
    from mmengine.optim import build_optim_wrapper
    from mmengine.registry import init_default_scope
    from mmseg.registry import MODELS

    cfg = Config.fromfile(config)
    init_default_scope('mmseg')
    if variant == VARIANTS[0]:
        cfg.model.losses = {'loss_ce': {'type': 'PartialCrossEntropyLoss', 'loss_weight': 1.0}}
        cfg.model.pop('auxiliary_losses', None)
    if channels_last:
        cfg.model.channels_last = True
    torch.manual_seed(0)
    model = MODELS.build(cfg.model).to(device).train()
    wrapper = build_optim_wrapper(model, cfg.optim_wrapper)
    size = cfg.model.data_preprocessor.size
    channels = len(cfg.model.data_preprocessor.mean)
    batch = random_batch(batch_size or cfg.train_dataloader.batch_size, size, model.num_classes, channels)

    def step() -> None:
        with torch.autocast(device, torch.bfloat16 if device == 'cpu' else torch.float16, enabled=amp):
            data = model.data_preprocessor(batch, training=True)
            losses = model(**data, mode='loss')
        total, _ = model.parse_losses(losses)
        wrapper.update_params(total)

    return step


def random_batch(batch_size: int, size: tuple[int, int], num_classes: int, channels: int = 3) -> dict[str, list[Any]]:
    """Return images of patches with three clicks of different classes and a box each, packed as a pipeline does."""
    import numpy as np

    from mmseg_wsss.datasets.transforms import PackWeakSegInputs

    generator = np.random.default_rng(0)
    height, width = size
    packed = []
    for _ in range(batch_size):
        patches = generator.uniform(0, 255, (height // 16 + 1, width // 16 + 1, 3)).repeat(16, 0).repeat(16, 1)
        image = (patches[:height, :width] + generator.normal(0, 5, (height, width, 3))).clip(0, 255)
        labels, blots = np.full((2, *size), 255, dtype=np.uint8)
        classes = [0, *generator.choice(np.arange(1, num_classes), min(2, num_classes - 1), replace=False)]
        points = np.column_stack([generator.uniform(0, (width, height), (len(classes), 2)), classes])
        for x, y, label in points.astype(int):
            labels[y, x] = blots[max(0, y - 8) : y + 8, max(0, x - 8) : x + 8] = label
        sample = {
            'img': image[..., :channels].astype(np.uint8),
            'gt_seg_map': labels,
            'gt_valid_map': np.ones(size, dtype=np.uint8),
            'gt_points': points.astype(np.float32),
            'gt_boxes': np.array([[width // 4, height // 4, width, height, classes[-1]]], dtype=np.float32),
            'gt_tags': np.array(classes[1:], dtype=np.int64),
            'point_blots': blots,
            'seg_fields': ['gt_seg_map'],
        }
        packed.append(PackWeakSegInputs(meta_keys=(), maps=['point_blots']).transform(sample))
    return {key: [sample[key] for sample in packed] for key in packed[0]}


def measure_here(what: str, args: argparse.Namespace) -> dict[str, Any]:
    """Run both variants of a config, named in JSON, in this process."""
    import mmseg_wsss.plugin  # noqa: F401

    torch.set_num_threads(args.threads)
    steps = [make_step(variant=variant, device=args.device, **json.loads(what)) for variant in VARIANTS]
    for step in steps:
        step()  # allocates gradients and the state of the optimizer, the same for both
    return dict(zip(VARIANTS, measure(steps, args.device, args.repeats), strict=True))


def added(result: dict[str, Any], base: dict[str, Any]) -> list[str]:
    """Say how much more time, of pairs of steps with the range, and memory a recipe takes; nothing if it failed."""
    if 'failed' in result:
        return ['', '']
    key = f'{clock(result)}_each_s'
    more = [100 * (own / alone - 1) for own, alone in zip(result[key], base[key], strict=True)]
    time = f'{statistics.median(more):+.1f} % ({min(more):+.1f} to {max(more):+.1f})'
    if min(more) <= 0 <= max(more):
        time += ', within the noise'
    return [time, f'{100 * (result["extra_mib"] / max(base["extra_mib"], 1e-3) - 1):+.1f} %']


def markdown(results: list[dict[str, Any]]) -> str:
    """Return one row per config and variant, with what the recipe adds."""
    lines = [
        '| config | losses | CPU s (spread) | wall s (spread) | extra MiB | more time (range) | more memory |',
        '|---|---|---|---|---|---|---|',
    ]
    base = {r['config']: r for r in results if r['variant'] == VARIANTS[0]}
    for r in results:
        last = ['', ''] if r['variant'] == VARIANTS[0] else added(r, base[r['config']])
        lines.append(table_row((Path(r['config']).stem, r['variant']), r, last))
    return '\n'.join(lines)


def main() -> None:
    """Measure every config with and without its weak losses."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument('configs', nargs='*', help='config files')
    parser.add_argument('--batch-size', type=int, help='batch size (default: that of the config)')
    parser.add_argument('--amp', action='store_true', help='autocast: bfloat16 on a CPU, float16 on a GPU')
    add_arguments(parser)
    args = parser.parse_args()
    check_arguments(parser, args)
    if args.batch_size is not None and args.batch_size < 1:
        parser.error(f'--batch-size must be at least 1, got {args.batch_size}')
    if args.measure:
        print(json.dumps(measure_here(args.measure, args)))
        return
    check_configs(parser, args.configs)
    results = []
    for config in args.configs:
        what = {'config': config, 'batch_size': args.batch_size, 'amp': args.amp}
        done = measure_apart(__file__, json.dumps(what), args)
        for variant in VARIANTS:
            results.append({'variant': variant, **what, **(done if 'failed' in done else done[variant])})
            print(json.dumps(results[-1]), flush=True)
    report(args, results, markdown(results), {'amp': args.amp})


if __name__ == '__main__':
    main()
