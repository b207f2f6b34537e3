"""Write the long names of the models into the metafiles, from the configs; ``--check`` only compares.

A name is ``{method}_{network}_{GPUs x batch}-{schedule}_{data}-{crop}``, as OpenMMLab has it:
``gated-crf_deeplabv3plus-r34_1xb48-90k_voc-clicks-256x256``. A training in stages has ``stages`` for the batch and the
schedule, and no crop, because these are those of its stages.
"""

import argparse
import re
from pathlib import Path

from mmengine.config import Config

ROOT = Path(__file__).parents[1]
DATA = ('acdc', 'cityscapes', 'coco60', 'craid', 'inria', 'shapes', 'voc')
"""Words with which the part of a short name begins that says data and labels."""
ENTRY = re.compile(r'  - Name: (\S+)\n(?:    Alias: \[\S+\]\n)?((?:    .*\n)*?)    Config: configs/(\S+)\.py\n')


def long_name(short, cfg):
    """Return the long name of a model.

    Args:
        short: The path of its config below ``configs``, without ``.py``.
        cfg: The config.
    """
    method, words = short.split('/')[0].replace('_', '-'), short.rpartition('/')[2].split('_')
    begin = next(number for number, word in enumerate(words) if word in DATA)
    network, data = '-'.join(words[:begin]), '-'.join(words[begin:])
    if 'stages' in cfg:
        return f'{method}_{network}_stages_{data}'
    height, width = cfg.model.data_preprocessor.size
    return f'{method}_{network}_1xb{cfg.train_dataloader.batch_size}-{schedule(cfg.train_cfg)}_{data}-{height}x{width}'


def schedule(train_cfg):
    """Return the length of a training: 40k iterations, 320 iterations or 20 epochs."""
    if 'max_epochs' in train_cfg:
        return f'{train_cfg.max_epochs}e'
    length = train_cfg.max_iters
    return f'{length // 1000}k' if length % 1000 == 0 else f'{length}iters'


def updated(text):
    """Return a metafile with the present names: long ones, and those of the configs as aliases."""

    def entry(match):
        short = match[3]
        name = long_name(short, Config.fromfile(ROOT / 'configs' / f'{short}.py', import_custom_modules=False))
        return f'  - Name: {name}\n    Alias: [{short.rpartition("/")[2]}]\n{match[2]}    Config: configs/{short}.py\n'

    return ENTRY.sub(entry, text)


def main():
    """Update the metafiles, or compare them."""
    parser = argparse.ArgumentParser(description=__doc__.partition('\n')[0])
    parser.add_argument('--check', action='store_true', help='exit with 1 if a metafile has other names')
    args = parser.parse_args()
    changed = False
    for path in sorted((ROOT / 'configs').glob('*/metafile.yml')):
        text = path.read_text(encoding='utf-8')
        changed |= updated(text) != text
        if not args.check:
            path.write_text(updated(text), encoding='utf-8')
    raise SystemExit(args.check and changed)


if __name__ == '__main__':
    main()
