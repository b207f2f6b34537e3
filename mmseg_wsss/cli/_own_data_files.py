"""Write the files of ``wsss init``: a recipe, a short config that inherits from it, labels, splits and masks."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

from ..datasets.own_data import Pictures, Plan
from ..datasets.own_data.folders import Folders
from ..datasets.own_data.gathering import Gathered
from ..datasets.own_data.mask_ids import write_masks
from ..engine.recipes import config_root
from ..files import whole_file
from ..structures import WeakAnnotations, WeakLabelSet
from .config import flatten_config

BASE, CONFIG, LABELS, MASKS = 'base.py', 'config.py', 'weak_labels.json', 'masks_of_classes'
OUTLINES = 'masks_of_outlines'
SPLITS = {'train': 'train.txt', 'val': 'val.txt'}
NAMES = (BASE, CONFIG, LABELS, *SPLITS.values(), MASKS, OUTLINES)


def refuse_existing(output: Path) -> None:
    """Check that no file would be overwritten.

    Raises:
        ValueError: If a file that would be written exists.
    """
    there = [name for name in NAMES if (output / name).exists()]
    if there:
        raise ValueError(
            f'{output} has {", ".join(there)} already, and nothing is overwritten: choose another folder with -o, or '
            'move them away'
        )


@contextmanager
def all_or_nothing(output: Path) -> Iterator[None]:
    """Remove the files of this command if it fails.

    Raises:
        ValueError: If a file that would be written exists.
    """
    refuse_existing(output)
    try:
        yield
    except BaseException:
        for name in NAMES:
            path = output / name
            if path.is_dir():
                shutil.rmtree(path)
            else:
                path.unlink(missing_ok=True)
        raise


def write_labels(
    output: Path, gathered: Gathered, splits: Mapping[str, Sequence[str]], folders: Folders
) -> Path | None:
    """Write labels, splits and, if their values change, masks.

    Args:
        output: The folder.
        gathered: Labels and masks.
        splits: Image ids by split.
        folders: Folders of the masks that do not change.

    Returns:
        The folder of the validation masks, or None if there are none.
    """
    labels, masks = gathered.labels, folders.masks
    files = {key: Path(one.mask_path) for key, one in _annotations(labels) if one.mask_path}
    files |= {key: gathered.masks[key] for key in splits['val']}
    elsewhere = bool(splits['val']) and masks is None
    renamed = any(path.name != f'{Path(key).name}.png' for key, path in files.items())
    moved = masks is not None and any(gathered.masks[key].parent != (masks / key).parent for key in splits['val'])
    if files and (elsewhere or renamed or moved or not gathered.ids.is_plain):
        masks = output / MASKS
        write_masks(files, masks, gathered.ids, labels.palette or ())
        labels = _with_masks_in(labels, masks)
    labels.write(output / LABELS)
    for split, name in SPLITS.items():
        write_text(output / name, ''.join(f'{key}\n' for key in splits[split]))
    return masks if splits['val'] else None


def write_configs(output: Path, plan: Plan, pictures: Pictures, places: Mapping[str, Any], head: str) -> None:
    """Write the recipe and the config that inherits from it.

    Args:
        output: The folder.
        plan: The recipe and its variables.
        pictures: The pictures, for the settings of the loader.
        places: ``images``, ``masks``, ``img_suffix`` and ``background``.
        head: The comment at the beginning of the config.
    """
    base = flatten_config(config_root() / 'own_data' / f'{plan.recipe}.py')
    base = base.replace("\ndata_root = '.'\n", "\ndata_root = '{{ fileDirname }}'\n")
    write_text(output / BASE, base)
    write_text(output / CONFIG, config_text(plan, pictures, places, head))


def config_text(plan: Plan, pictures: Pictures, places: Mapping[str, Any], head: str) -> str:
    """Return the text of a config, at most 12 lines."""
    lines = [f'# {head}', f"_base_ = './{BASE}'  # own_data/{plan.recipe}"]
    lines += [f'images, masks = {places["images"]!r}, {places["masks"]!r}']
    if places['img_suffix'] != '.jpg':
        lines.append(f'img_suffix = {places["img_suffix"]!r}')
    loading = loading_of(pictures)
    if loading:
        lines.append(f'loading = {loading}')
    if not places['background']:
        lines.append('background = False  # class 0 is empty')
    lines += [f'{name} = {value!r}' for name, value in plan.variables.items() if name != 'window']
    if 'window' in plan.variables:
        lines[-1] += f'\nwindow = {plan.variables["window"]}'
    mean, std = colours_of(pictures)
    lines.append(f'mean, std = {mean}, {std}')
    return '\n'.join(lines) + '\n'


def loading_of(pictures: Pictures) -> str:
    """Return the settings of the loader; an empty string if mmcv's defaults are right."""
    if pictures.bits > 8:
        low, high = pictures.values
        bands = ', bands=(0, 1, 2)' if pictures.bands > 4 else ''
        return f"dict(type='LoadDeepImage', range=({low:g}, {high:g}){bands})"
    return ''


def colours_of(pictures: Pictures) -> tuple[list[float], list[float]]:
    """Return mean and standard deviation of red, green and blue; a grey picture has three equal ones."""
    if len(pictures.mean) == 1:
        return [*pictures.mean] * 3, [*pictures.std] * 3
    return [*pictures.mean[:3]], [*pictures.std[:3]]


def place_of(folder: Path | None, output: Path) -> str | None:
    """Return the path of a folder as a config has it: relative to the config if it is below it, else absolute."""
    if folder is None:
        return None
    inside = Path(os.path.relpath(folder.resolve(), output.resolve()))
    return folder.resolve().as_posix() if '..' in inside.parts else inside.as_posix()


def write_text(path: Path, text: str) -> None:
    """Write a text file completely or not at all."""
    with whole_file(path) as file:
        file.write(text.encode())


def _annotations(labels: WeakLabelSet) -> list[tuple[str, WeakAnnotations]]:
    return [(key, entry.annotations) for key, entry in labels.images.items()]


def _with_masks_in(labels: WeakLabelSet, folder: Path) -> WeakLabelSet:
    """Return labels whose dense masks are those in a folder."""
    images = dict(labels.images)
    for key, one in _annotations(labels):
        if one.mask_path is not None:
            images[key] = replace(images[key], annotations=replace(one, mask_path=str(folder / f'{key}.png')))
    return replace(labels, images=images)
