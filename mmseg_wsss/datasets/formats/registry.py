"""All readers by name, and the function that reads the labels which a config names."""

from __future__ import annotations

import inspect
import os
import os.path as osp
from collections.abc import Callable, Mapping, Sequence
from functools import reduce
from typing import Any

from ...structures import WeakLabelSet
from .canonical import Palette, read_canonical, read_classes
from .checks import check_numbers
from .citypersons import read_citypersons
from .coco import read_coco
from .craid import read_craid
from .files import nearest
from .index_png import read_index_png
from .scribblesup import read_scribblesup
from .voc_xml import read_voc_xml
from .whats_the_point import read_whats_the_point

LabelSource = str | Mapping[str, Any] | Sequence[str | Mapping[str, Any]]

READERS: dict[str, Callable[..., WeakLabelSet]] = {
    'canonical': read_canonical,
    'whats_the_point': read_whats_the_point,
    'scribblesup': read_scribblesup,
    'index_png': read_index_png,
    'voc_xml': read_voc_xml,
    'citypersons': read_citypersons,
    'craid': read_craid,
    'coco': read_coco,
}
PATH_ARGUMENTS = ('path', 'background')


def read_labels(
    source: LabelSource, classes: Sequence[str] | None = None, *, root: str | None = None, img_suffix: str = '.jpg'
) -> WeakLabelSet:
    """Read weak labels and check their numbers.

    Args:
        source: A path of ``weak_labels.json``, or ``dict(format=..., path=..., **arguments of the reader)``, or a list
            of those, merged in order: where two labels of one kind share a pixel, the later one wins.
        classes: Class names by id. None means those of the first ``weak_labels.json``.
        root: Folder that relative paths in ``source`` start from.
        img_suffix: Suffix of the images, for formats in which image names have no suffix.

    Raises:
        FileNotFoundError: If a file is missing.
        ValueError: If a format or an argument is unknown, or a file has another form than documented or wrong numbers.
    """
    sources = normalise_source(source, root)
    names = read_source_classes(sources)[0] if classes is None else tuple(classes)
    parts = []
    for arguments in sources:
        settings = dict(arguments)
        reader = READERS[settings.pop('format')]
        if 'img_suffix' in inspect.signature(reader).parameters:
            settings.setdefault('img_suffix', img_suffix)
        parts.append(reader(classes=names, **settings))
        check_numbers(parts[-1], settings['path'])
    return reduce(WeakLabelSet.merged, parts)


def normalise_source(source: LabelSource, root: str | None = None) -> list[dict[str, Any]]:
    """Return a source as a list of ``dict(format=..., path=..., ...)`` with paths below ``root``.

    Raises:
        ValueError: If a format or an argument is unknown, or the path is missing.
    """
    items = list(source) if isinstance(source, Sequence) and not isinstance(source, str) else [source]
    if not items:
        raise ValueError('weak_labels must name at least one label file, got an empty list')
    return [_normalise(item, root) for item in items]


def read_source_classes(sources: list[dict[str, Any]]) -> tuple[tuple[str, ...], Palette | None]:
    """Return the class names and the palette of the first ``weak_labels.json`` among the sources.

    Raises:
        ValueError: If there is no such source, because the other formats do not name their classes.
    """
    for arguments in sources:
        if arguments['format'] == 'canonical':
            return read_classes(arguments['path'])
    raise ValueError(
        f'the format {sources[0]["format"]!r} does not name its classes: give them as '
        "metainfo=dict(classes=('background', ...)), class 0 first"
    )


def _normalise(item: str | Mapping[str, Any], root: str | None) -> dict[str, Any]:
    if isinstance(item, str | os.PathLike):
        item = {'path': os.fspath(item)}
    if not isinstance(item, Mapping):
        raise ValueError(f'weak_labels must be a path or dict(format=..., path=...), got {item!r}')
    arguments = {'format': 'canonical', **item}
    name = arguments['format']
    if name not in READERS:
        raise ValueError(f'unknown weak-label format {name!r}; {nearest(name, READERS)}.')
    known = ['format', *(key for key in inspect.signature(READERS[name]).parameters if key != 'classes')]
    for key in arguments:
        if key not in known:
            raise ValueError(f'the weak-label format {name!r} has no argument {key!r}; {nearest(key, known)}.')
    if 'path' not in arguments:
        raise ValueError(f'the weak-label format {name!r} needs a path=...')
    for key in PATH_ARGUMENTS:
        if root and arguments.get(key) is not None:
            paths = arguments[key]
            arguments[key] = osp.join(root, paths) if isinstance(paths, str) else [osp.join(root, p) for p in paths]
    return arguments
