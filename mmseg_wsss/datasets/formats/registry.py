"""All readers by name, and the function that reads the labels which a config names."""

from __future__ import annotations

import inspect
import os
import os.path as osp
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from functools import reduce
from importlib import import_module
from pathlib import Path
from typing import Any

from ...structures import WeakLabelSet
from .canonical import Palette, read_classes
from .checks import check_numbers, check_pixels
from .class_names import check_names
from .files import existing, nearest
from .foreign import foreign_format
from .label_format import LabelFormat, ReadReport
from .pseudo_labels import is_pseudo_labels, read_pseudo_classes
from .recognition import some_files

ELSEWHERE = 'docs/formats.md'
OTHERS = 'files of other tools are read if they are exported as COCO, YOLO, VOC or PNG masks, or converted by Datumaro'
LabelSource = str | Mapping[str, Any] | Sequence[str | Mapping[str, Any]]

MODULES = (
    'canonical',
    'whats_the_point',
    'scribblesup',
    'index_png',
    'pseudo_labels',
    'voc_xml',
    'citypersons',
    'craid',
    'coco',
    'labelme',
    'cvat',
    'label_studio',
    'yolo',
    'coco_panoptic',
    'via',
    'table_csv',
    'tags_txt',
    'tags_npy',
    'colour_png',
    'qupath',
    'points_per_image',
    'geo',
)
"""The modules of this package that end with a ``FORMAT``, in the order in which they are listed to users."""
_FORMATS: list[LabelFormat] = [import_module(f'.{name}', __package__).FORMAT for name in MODULES]
FORMATS: dict[str, LabelFormat] = {known.name: known for known in _FORMATS}
READERS: dict[str, Callable[..., WeakLabelSet]] = {name: known.read for name, known in FORMATS.items()}


def read_labels(
    source: LabelSource,
    classes: Sequence[str] | None = None,
    *,
    root: str | None = None,
    img_suffix: str = '.jpg',
    report: ReadReport | None = None,
) -> WeakLabelSet:
    """Read weak labels and check their numbers.

    Args:
        source: A path of ``weak_labels.json`` or of a folder of pseudo-labels, or ``dict(format=..., path=...,
            **arguments of the reader)``, or a list of those, merged in order: where two labels of one kind share a
            pixel, the later one wins.
        classes: Class names by id. None means those of the first ``weak_labels.json`` or pseudo-labels.
        root: Folder that relative paths in ``source`` start from.
        img_suffix: Suffix of the images, for formats that name images without a suffix.
        report: Report in which readers count what they leave out.

    Raises:
        FileNotFoundError: If a file is missing.
        ValueError: If a format or an argument is unknown, or a file has another form than documented or wrong numbers.
    """
    sources = normalise_source(source, root)
    names = read_source_classes(sources)[0] if classes is None else tuple(classes)
    return reduce(WeakLabelSet.merged, (_read(arguments, names, img_suffix, report) for arguments in sources))


def read_named_labels(
    source: Mapping[str, Any], *, img_suffix: str = '.jpg', report: ReadReport | None = None
) -> WeakLabelSet:
    """Read weak labels whose classes are the background and the names in the files, in the order of the files.

    Args:
        source: ``dict(format=..., path=..., **arguments of the reader)``.
        img_suffix: Same as in :func:`read_labels`.
        report: Same as in :func:`read_labels`.

    Raises:
        FileNotFoundError: If a file is missing.
        ValueError: Same as in :func:`read_labels`, or if the format does not name its classes, or two of their names
            only differ in upper and lower case.
    """
    (arguments,) = normalise_source(source)
    known = FORMATS[arguments['format']]
    if not known.names_classes:
        raise ValueError(f'{arguments["path"]}: the format {known.name!r} does not name its classes: give them')
    labels = _read(arguments, None, img_suffix, report)
    check_names(labels.classes, arguments['path'])
    return labels


def _read(
    arguments: Mapping[str, Any], classes: tuple[str, ...] | None, img_suffix: str, report: ReadReport | None
) -> WeakLabelSet:
    """Read one source; without ``classes``, with those that its files name."""
    settings = dict(arguments)
    read = READERS[settings.pop('format')]
    known = inspect.signature(read).parameters
    if 'img_suffix' in known:
        settings.setdefault('img_suffix', img_suffix)
    if 'report' in known:
        settings['report'] = report
    with _naming_the_tool(arguments['format'], settings['path']):
        labels = read(classes=classes, **settings)
    check_numbers(labels, settings['path'])
    if arguments['format'] != 'canonical':
        check_pixels(labels, settings['path'])
    return labels


@contextmanager
def _naming_the_tool(name: str, path: str) -> Iterator[None]:
    """Name the format in the error if a file that cannot be read looks like that of another tool."""
    try:
        yield
    except (FileNotFoundError, ValueError) as error:
        looks = recognised_formats(path)
        known = FORMATS.get(looks[0]) if looks else None
        foreign = '' if looks else foreign_format(Path(path))
        if name in looks or not (known or foreign):
            raise
        kind = FileNotFoundError if isinstance(error, FileNotFoundError) else ValueError
        hint = f'{known.title}: the format {known.name!r} reads it' if known else foreign
        raise kind(f'{str(error).rstrip(".")}. {path} looks like {hint}.') from error


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
    """Return the class names and the palette of the first ``weak_labels.json`` or pseudo-labels among the sources.

    Raises:
        ValueError: If there is no such source, because the other formats do not name their classes.
    """
    for arguments in sources:
        if arguments['format'] == 'canonical':
            with _naming_the_tool('canonical', arguments['path']):
                return read_classes(arguments['path'])
        if arguments['format'] == 'pseudo_labels':
            return read_pseudo_classes(arguments['path'])
    raise ValueError(
        f'the format {sources[0]["format"]!r} does not name its classes: give them as '
        "metainfo=dict(classes=('background', ...)), class 0 first"
    )


def _normalise(item: str | Mapping[str, Any], root: str | None) -> dict[str, Any]:
    if isinstance(item, str | os.PathLike):
        item = {'path': os.fspath(item)}
    if not isinstance(item, Mapping):
        raise ValueError(f'weak_labels must be a path or dict(format=..., path=...), got {item!r}')
    place = Path(root or '', item['path']) if isinstance(item.get('path'), str) else Path()
    arguments = {'format': 'pseudo_labels' if is_pseudo_labels(place) else 'canonical', **item}
    name = arguments['format']
    if name not in READERS:
        raise ValueError(f'unknown weak-label format {name!r}; {nearest(name, READERS)}.')
    parameters = inspect.signature(READERS[name]).parameters
    known = ['format', *(key for key in parameters if key not in ('classes', 'report'))]
    for key in arguments:
        if key not in known:
            raise ValueError(f'the weak-label format {name!r} has no argument {key!r}; {nearest(key, known)}.')
    if 'path' not in arguments:
        raise ValueError(f'the weak-label format {name!r} needs a path=...')
    options = FORMATS[name].options if name in FORMATS else ()
    for key in ('path', *(option.name for option in options if option.is_path)):
        if root and arguments.get(key) is not None:
            paths = arguments[key]
            arguments[key] = osp.join(root, paths) if isinstance(paths, str) else [osp.join(root, p) for p in paths]
    return arguments


def recognised_formats(path: str | os.PathLike[str]) -> list[str]:
    """Return the names of the formats that a file or folder may have; nothing if it cannot be read."""
    return [name for name, known in FORMATS.items() if known.recognise(Path(path))]


def recognise_format(path: str | os.PathLike[str]) -> LabelFormat:
    """Return the format of a file or folder.

    Raises:
        FileNotFoundError: If the path does not exist.
        ValueError: If it does not match any format, or matches several.
    """
    place = existing(path, 'the label file or folder')
    found = recognised_formats(place)
    if not found and (foreign := foreign_format(place)):
        raise ValueError(f'{path} looks like {foreign} ({ELSEWHERE})')
    if len(found) != 1:
        looks = f'looks like {" and like ".join(found)}' if found else f'looks like no format{_inside(place)}'
        raise ValueError(f'{path} {looks}: name its format, one of {", ".join(FORMATS)}; {OTHERS} ({ELSEWHERE})')
    return FORMATS[found[0]]


def _inside(place: Path) -> str:
    """Describe the possible label files in a folder, for a message."""
    if not place.is_dir():
        return ''
    for file in [file for suffix in ('.json', '.arrow', '.xml', '.csv', '.txt') for file in some_files(place, suffix)]:
        found = recognised_formats(file)
        if found:
            return f', but {file} looks like {found[0]}; give its path, or'
    return ''
