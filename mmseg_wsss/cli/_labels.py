"""Arguments and steps that the label commands share."""

from __future__ import annotations

import argparse
import json
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from rich.progress import track

from ..datasets.class_sets import CLASS_SETS
from ..datasets.formats.arrow_names import pyarrow
from ..datasets.formats.arrow_table import PART, SUFFIX
from ..datasets.formats.checks import fit_to_images
from ..datasets.formats.class_names import BACKGROUND, check_names
from ..datasets.formats.files import read_class_names, read_ids
from ..datasets.formats.label_format import ReadReport
from ..datasets.image_checks import check_images
from ..datasets.own_data.folders import common_suffix
from ..files import whole_file
from ..structures import WeakLabelSet
from ..structures.weak_label_set import Colour
from ._arguments import add_output_arguments, check_new, check_output

OUTPUT_HELP = 'the weak_labels.json to write; labels.arrow or labels/part-00000.arrow (several files) for large sets'


def add_label_output(parser: argparse.ArgumentParser) -> None:
    """Add ``-o`` and ``--force`` of a command that writes labels."""
    add_output_arguments(parser, OUTPUT_HELP)


def add_report_argument(parser: argparse.ArgumentParser) -> None:
    """Add ``--report``, which :func:`tell_report` writes."""
    parser.add_argument(
        '--report', type=Path, metavar='FILE', help='JSON file to write, which lists everything that was left out'
    )


def check_report(args: argparse.Namespace) -> None:
    """Raise an error instead of overwriting a report without ``--force``."""
    check_new(args.report, '--report', force=args.force)


def tell_report(report: ReadReport, path: Path | None, source: Mapping[str, Any]) -> None:
    """Print what was left out or changed, and write it with the settings of the source to the file of ``--report``."""
    for line in report.lines():
        print(line)
    if path is not None:
        with whole_file(path) as file:
            file.write(json.dumps({**source, **report.to_dict()}, indent=1).encode())


def check_label_output(args: argparse.Namespace) -> None:
    """Raise an error instead of overwriting label files, or if they cannot be written.

    Raises:
        ImportError: If they are to be Arrow files and pyarrow is not installed.
        ValueError: If the output exists and ``--force`` is not given.
    """
    check_output(args)
    if args.output.suffix == SUFFIX:
        pyarrow()
    if (part := PART.fullmatch(args.output.name)) is not None:
        for file in sorted(args.output.parent.glob(f'{part["stem"]}*{SUFFIX}')):
            check_new(file, '-o', force=args.force)


def with_masks_in(labels: WeakLabelSet, hidden: Path, folder: str | Path) -> WeakLabelSet:
    """Return labels whose masks in the folder ``hidden`` have the paths that they get in another one."""
    images = dict(labels.images)
    for key, entry in labels.images.items():
        mask = entry.annotations.mask_path
        if mask is not None and Path(mask).is_relative_to(hidden):
            path = str(Path(folder) / Path(mask).relative_to(hidden))
            images[key] = replace(entry, annotations=replace(entry.annotations, mask_path=path))
    return replace(labels, images=images)


def add_class_argument(parser: argparse.ArgumentParser, *, required: bool = True) -> None:
    """Add ``--classes``; if it is not required, the files may name the classes."""
    instead = '' if required else '; without it those that the files name, after the background'
    parser.add_argument(
        '--classes',
        required=required,
        help=f'class names, id 0 first: one of {", ".join(CLASS_SETS)}, or a text file with one name per line, or '
        f'names separated by commas{instead}',
    )


def parse_classes(value: str) -> tuple[tuple[str, ...], tuple[Colour, ...] | None]:
    """Return class names and palette (None if only names are given).

    Raises:
        ValueError: If the value is not a class set, a file or a list, or the background is not its first class.
    """
    if value in CLASS_SETS:
        known = CLASS_SETS[value]
        return tuple(known['classes']), tuple((*colour,) for colour in known['palette'])
    if Path(value).is_file():
        names = read_class_names(value)
    elif ',' in value:
        names = value.split(',')
    else:
        raise ValueError(
            f'--classes {value!r} is neither a known set ({", ".join(CLASS_SETS)}), nor a file, nor a list of names '
            'separated by commas'
        )
    classes = tuple(name.strip() for name in names if name.strip())
    if len(classes) < 2:
        raise ValueError(f'--classes {value} names the background and at least one class, got {classes}')
    background = [index for index, name in enumerate(classes) if name.casefold() == BACKGROUND]
    if any(background):
        raise ValueError(
            f'--classes {value}: class 0 is the background, but {classes[background[-1]]!r} is class {background[-1]}: '
            'write it once, as the first'
        )
    check_names(classes, f'--classes {value}')
    return classes, None


def split_off(labels: WeakLabelSet, path: str, report: ReadReport) -> WeakLabelSet:
    """Keep the images of a split file; ids without labels are counted.

    Raises:
        FileNotFoundError: If the file does not exist.
        ValueError: If no image is left.
    """
    ids = read_ids(path)
    missing = [key for key in ids if key not in labels.images]
    if len(missing) == len(ids):
        first = f', such as {next(iter(labels.images))!r}' if labels.images else ''
        raise ValueError(
            f'no image is left: the {len(ids)} ids of {path} and the labels have no image ids in common. An id is the '
            f'name of an image without its suffix{first}; got {ids[0] if ids else None!r}'
        )
    for key in missing:
        report.leave_out(f'of {len(ids)} ids of the split {path} that are not in the labels', key)
    return labels.subset(ids)


def image_sizes(labels: WeakLabelSet, folder: str, source: str) -> dict[str, tuple[int, int]]:
    """Return the sizes of the images in a folder by id.

    Raises:
        FileNotFoundError: If an image is missing.
        ValueError: If a stated size is wrong.
    """
    paths = {key: str(Path(folder) / entry.file_name) for key, entry in labels.images.items()}
    stated = {key: entry.size for key, entry in labels.images.items() if entry.size is not None}
    return check_images(paths, stated, source)


def with_image_sizes(labels: WeakLabelSet, folder: str, source: str) -> WeakLabelSet:
    """Check the labels against the images in a folder and add their sizes.

    Raises:
        FileNotFoundError: If an image is missing.
        ValueError: If a label lies outside its image, or a stated size is wrong.
    """
    sizes = image_sizes(labels, folder, source)
    labels = fit_to_images(labels, sizes, source)
    images = {key: replace(entry, width=sizes[key][0], height=sizes[key][1]) for key, entry in labels.images.items()}
    return replace(labels, images=images)


def suffix_of_files(value: str) -> str:
    """Return an argument that is a suffix of file names, such as ``.jpg`` or ``_leftImg8bit.png``.

    Raises:
        argparse.ArgumentTypeError: If it does not contain a dot, because ``1`` and ``jpg`` would become ``1jpg``.
    """
    if '.' not in value:
        raise argparse.ArgumentTypeError(f'expected the end of names of files with its dot, as .jpg, got {value!r}')
    return value


def suffix_in(images: str | Path | None, usual: str = '.jpg') -> str:
    """Return the most frequent suffix of the pictures in a folder.

    Args:
        images: The folder, or None.
        usual: The suffix if the folder does not exist, or does not contain pictures.
    """
    try:
        return usual if images is None else common_suffix(Path(images))
    except FileNotFoundError:
        return usual


def progress(items: Iterable[Any], description: str, total: int) -> Iterable[Any]:
    """Show a progress bar that disappears at the end."""
    return track(items, description=description, total=total, transient=True)


def summary(labels: WeakLabelSet) -> str:
    """Return a few lines that summarise the labels."""
    counts, per_class = Counter[str](), [0] * len(labels.classes)
    for entry in labels.images.values():
        own = entry.annotations
        counts['points'] += len(own.points)
        counts['scribbles'] += len(own.polylines)
        counts['boxes'] += len(own.boxes)
        counts['images with tags'] += own.tags is not None
        counts['images with a mask'] += own.mask_path is not None
        counts['images without any label'] += not (own.num_labels or own.tags or own.mask_path)
        for index in own.classes:
            per_class[index] += 1
    lines = [f'{len(labels.images)} images, {len(labels.classes)} classes']
    lines += [f'{count:8d} {name}' for name, count in counts.items() if count]
    if any(per_class):
        lines += ['images per class (clicks, scribbles, boxes or tags):']
        lines += [f'{count:8d} {name}' for name, count in zip(labels.classes, per_class, strict=True)]
    elif not counts['images with a mask']:
        lines += ['nothing is labelled with any class: a network would learn nothing from these labels']
    return '\n'.join(lines)
