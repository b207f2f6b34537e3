"""``wsss init``: from a folder of images and labels to a config that is ready to train."""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from pathlib import Path

from ..datasets.own_data import Fingerprint, Machine, Plan, make_plan
from ..datasets.own_data.fingerprint import measure_labels, measure_pictures
from ..datasets.own_data.folders import Folders, find_folders
from ..datasets.own_data.gathering import gather
from ..datasets.own_data.nnunet import read_dataset
from ..datasets.own_data.pairing import paired
from ..datasets.own_data.splitting import split_images
from ._labels import parse_classes
from ._own_data_files import CONFIG, LABELS, OUTLINES, all_or_nothing, place_of, write_configs, write_labels


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the arguments of the command."""
    parser.description = 'Look at images and labels, choose a recipe and its sizes, and write the files for a training.'
    parser.add_argument('data', nargs='?', type=Path, help='folder of the data')
    parser.add_argument('--images', type=Path, help='folder of the images')
    parser.add_argument('--labels', type=Path, help='file or folder of the labels')
    parser.add_argument('--masks', type=Path, help='folder of index PNGs, for validation and training')
    parser.add_argument(
        '--classes', help='class names, id 0 first: a text file with one per line, or separated by commas'
    )
    parser.add_argument(
        '--background',
        action=argparse.BooleanOptionalAction,
        help='whether class 0 is the background; default: decided by its name',
    )
    parser.add_argument('--unlabelled', type=int, help='value of unlabelled mask pixels (default: found in the masks)')
    parser.add_argument('--seed', type=int, default=0, help='seed of the choice of validation images')
    parser.add_argument(
        '--group', metavar='REGEX', help='keep images together if it matches the same text in their ids'
    )
    parser.add_argument(
        '-o', '--output', type=Path, default=Path('.'), help='folder to write to (default: the current folder)'
    )
    parser.add_argument(
        '--show', type=Path, metavar='CONFIG', help='print what would be chosen for the data of an existing config'
    )


def run(args: argparse.Namespace) -> None:
    """Write the files, or compare a config with what would be chosen."""
    if args.show is not None:
        show(args.show)
        return
    if args.data is None and args.images is None:
        raise ValueError('where is the data? wsss init DATA, or --images and --labels')
    with all_or_nothing(args.output):
        write(args)


def write(args: argparse.Namespace) -> None:
    """Write the files."""
    folders = paired(find_folders(args.data, args.images, args.labels, args.masks))
    classes, unlabelled = _classes(args, folders)
    gathered = gather(
        folders,
        classes,
        background=args.background,
        unlabelled=unlabelled if args.unlabelled is None else args.unlabelled,
        outlines=args.output / OUTLINES,
    )
    labelled, measured = list(gathered.labels.images), list(gathered.masks)
    train, val, how = split_images(labelled, measured, seed=args.seed, group=args.group, splits=gathered.splits)
    if not train:
        raise ValueError('no image is left to train on: label more images, or give masks of others')
    pictures = measure_pictures([folders.images / gathered.labels.images[key].file_name for key in train])
    found = measure_labels(gathered.labels.subset(train), pictures.size, gathered.ids.table)
    plan = make_plan(found, machine())
    masks = write_labels(args.output, gathered, {'train': train, 'val': val}, folders)
    places = {
        'images': place_of(folders.images, args.output),
        'masks': place_of(masks, args.output),
        'img_suffix': folders.suffix,
        'background': gathered.background,
    }
    head = f'{_summary(found)}. Written by wsss init; "wsss init --show {CONFIG}" says what was chosen and why.'
    write_configs(args.output, plan, pictures, places, head)
    tell([*gathered.says, how, _colours(pictures.bits, pictures.bands, pictures.values)], plan)
    config = args.output / CONFIG
    print(f'wrote {config}, {LABELS}, train.txt, val.txt: wsss train {config}')


def show(path: Path) -> None:
    """Print what would be chosen for the data of a config, and what the config has."""
    from ._arguments import load_config

    cfg = load_config(str(path), [])
    if 'img_suffix' not in cfg:
        raise ValueError(f'{path} is not over a recipe of configs/own_data')
    from ..datasets.formats import read_labels
    from ..datasets.formats.files import read_ids

    root = Path(cfg.data_root)
    labels = read_labels(str(root / cfg.weak_labels)).subset(read_ids(root / 'train.txt'))
    pictures = measure_pictures([root / cfg.images / entry.file_name for entry in labels.images.values()])
    plan = make_plan(measure_labels(labels, pictures.size), machine())
    tell([_colours(pictures.bits, pictures.bands, pictures.values)], plan)
    for name, value in plan.variables.items():
        if cfg.get(name) != value:
            print(f'{path} has {name} = {cfg.get(name)!r}')


def machine() -> Machine:
    """Return the hardware of this machine."""
    import torch

    if not torch.cuda.is_available():
        return Machine()
    return Machine(torch.cuda.get_device_properties(0).total_memory / 2**30)


def tell(says: Sequence[str], plan: Plan) -> None:
    """Print what was found and what was chosen."""
    print('found')
    print('\n'.join(f'  {line}' for line in says))
    print('chosen')
    print('\n'.join(f'  {line}' for line in plan.reasons))


def _classes(args: argparse.Namespace, folders: Folders) -> tuple[tuple[str, ...] | None, int | None]:
    """The names of the classes, and the value of unlabelled pixels, as far as they are given."""
    if args.classes is not None:
        return parse_classes(args.classes)[0], None
    roots = [args.data, folders.labels if folders.labels and folders.labels.is_dir() else None, folders.masks]
    for root in filter(None, roots):
        for name in ('classes.txt', 'labels.txt', 'class_names.txt'):
            if (root / name).is_file() and folders.labels != root / LABELS:
                return parse_classes(str(root / name))[0], None
        if known := read_dataset(root):
            return known
    return None, None


def _summary(found: Fingerprint) -> str:
    kinds = ', '.join(f'{kind} on {number}' for kind, number in found.kinds.items() if number)
    return f'{found.num_train} training images ({kinds}), {len(found.classes)} classes'


def _colours(bits: int, bands: int, values: tuple[float, float]) -> str:
    text = f'pictures have {bands} band{"" if bands == 1 else "s"} of {bits} bits'
    if bands > 4:
        text += ', of which the first three are used (bands of loading)'
    return text if bits <= 8 else f'{text}; values {values[0]:g} to {values[1]:g} become 0 to 255'
