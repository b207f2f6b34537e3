"""Read label files in Arrow: all their columns are checked, none is turned into objects."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NoReturn

import numpy as np

from .arrow_images import ArrowFiles, ArrowImages
from .arrow_names import PLAIN_MASK, PLAIN_NAME, ids_of, is_plain, pyarrow
from .arrow_table import METADATA, part_files, schema
from .columns import BoolArray
from .files import existing
from .values import MAX_SIDE, check_name, image_name, keyed, shown

MAGIC = b'ARROW1'


def is_arrow(path: str | Path) -> bool:
    """Whether a path is an Arrow file, by its first bytes."""
    if not os.path.isfile(path):  # opening a named pipe would wait for a writer
        return False
    try:
        with open(path, 'rb') as file:
            return file.read(len(MAGIC)) == MAGIC
    except (OSError, ValueError):
        return False


def read_head(path: str | Path) -> dict[str, Any]:
    """Return the head of a label file: ``version``, ``classes``, and the numbers ``images``, ``part`` and ``parts``.

    Raises:
        ImportError: If pyarrow is not installed.
        ValueError: If the file is damaged, or does not have the columns of a label file.
    """
    pa = pyarrow()
    place = existing(path, 'a weak-label file')
    with _damage(path), pa.OSFile(str(place)) as file:
        found = pa.ipc.open_file(file).schema
    text = (found.metadata or {}).get(METADATA)
    if text is None:
        raise ValueError(
            f'{path}: the Arrow file has no metadata {METADATA.decode()!r}, which names the classes: was it written by '
            'wsss convert? docs/formats.md describes the columns and the metadata'
        )
    for field in schema():
        if field.name not in found.names:
            raise ValueError(f'{path}: the column {field.name!r} is missing; expected {", ".join(schema().names)}')
        if (given := found.field(field.name).type) != field.type:
            raise ValueError(f'{path}: the column {field.name!r} must be {field.type}, got {given}')
    unknown = [name for name in found.names if name not in schema().names]
    if unknown or len(found.names) != len(schema()):
        raise ValueError(f'{path}: unknown column {(unknown or found.names)[0]!r}; expected {schema().names}')
    try:
        head = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise ValueError(f'{path}: its metadata {METADATA.decode()!r} are not JSON ({error})') from error
    keys = ('images', 'part', 'parts')
    keyed(head, f'{path}: metadata', 'version', 'classes', *keys)
    for key in keys:
        if not isinstance(head[key], int) or isinstance(head[key], bool) or not 0 <= head[key] < 2**40:
            raise ValueError(f'{path}: metadata: {key} must be a number, got {shown(head[key])}')
    return dict(head)


def open_images(path: str | Path) -> ArrowImages:
    """Return the images of a label set, whose columns are all checked.

    Args:
        path: The file, or the first one of several.

    Raises:
        ImportError: If pyarrow is not installed.
        FileNotFoundError: If a file is missing.
        ValueError: If a file is damaged, does not belong to the others, or has a value that the documentation excludes.
    """
    head = read_head(path)
    paths = part_files(Path(path), max(1, head['parts']))
    for number, part in enumerate(paths):
        if read_head(part) != {**head, 'part': number}:
            raise ValueError(f'{part} is not part {number} of the same label set as {path}: write all files again')
    files = ArrowFiles(paths, [_batch_rows(part) for part in paths])
    if len(files) != head['images']:
        raise ValueError(f'{path}: the label set must have {head["images"]} images, got {len(files)}')
    last = ''
    batches = files.read()
    for number, (file, _) in enumerate(files.places):
        with _damage(paths[file]):
            rows = next(batches)
            rows.validate(full=True)
        last = _check_rows(rows, _Where(paths[file], int(files.starts[number])), last)
    return ArrowImages(files, Path(path).parent)


class _Where:
    """Describes a row in messages."""

    def __init__(self, path: Path, start: int) -> None:
        self.path, self.start = path, start

    def row(self, rows: Any, index: int) -> str:
        """Return file, number and name of an image."""
        return f'{self.path}: images[{self.start + index}] ({shown(rows.column("file_name")[index].as_py())})'

    def fail(self, rows: Any, bad: BoolArray, text: str) -> NoReturn:
        raise ValueError(f'{self.row(rows, int(bad.argmax()))}: {text}')


def _batch_rows(path: Path) -> list[int]:
    pa = pyarrow()
    with _damage(path), pa.OSFile(str(path)) as file:
        reader = pa.ipc.open_file(file)
        return [reader.get_batch(number).num_rows for number in range(reader.num_record_batches)]


def _check_rows(rows: Any, where: _Where, last: str) -> str:
    """Check the values of a record batch, and return its last id.

    Args:
        rows: The record batch.
        where: Its place, for messages.
        last: The last id of the batch before.
    """
    if rows.num_rows == 0:
        return last
    names = rows.column('file_name')
    _check_present(rows, where)
    for index in np.flatnonzero(~is_plain(names, PLAIN_NAME)).tolist():
        name = names[index].as_py()
        if image_name(name, where.row(rows, index), 'file_name') != name:
            raise ValueError(f'{where.row(rows, index)}: file_name must have "/" between folders')
    for key in ('width', 'height'):
        sides = _numpy(rows.column(key).fill_null(0))
        if (bad := (sides < 0) | (sides > MAX_SIDE)).any():
            text = f'must be a positive integer of at most {MAX_SIDE}, got {sides[bad.argmax()]}'
            where.fail(rows, bad, f'{key} {text}')
    masks = rows.column('mask')
    for index in np.flatnonzero(~is_plain(masks.fill_null('none'), PLAIN_MASK)).tolist():
        mask = masks[index].as_py()
        if not mask.strip() or '\0' in mask:
            text = f'mask must be a path relative to the label file, got {shown(mask)}'
            raise ValueError(f'{where.row(rows, index)}: {text}')
        check_name(mask, where.row(rows, index), 'mask')
    return _check_order(rows, where, last)


def _check_order(rows: Any, where: _Where, last: str) -> str:
    pa = pyarrow()
    ids = ids_of(rows.column('file_name'))
    later = np.ones(len(ids), dtype=np.bool_)
    later[1:] = _numpy(pa.compute.greater(ids[1:], ids[:-1]))
    later[0] = not last or ids[0].as_py() > last
    if not later.all():
        index = int((~later).argmax())
        before = ids[index - 1].as_py() if index else last
        fault = 'appears twice' if ids[index].as_py() == before else f'comes after {before!r}'
        text = f'image {ids[index].as_py()!r} {fault}: images must be in the order of their ids, each once'
        where.fail(rows, ~later, text)
    return str(ids[-1].as_py())


def _check_present(rows: Any, where: _Where) -> None:
    """Check that nothing is null that must not be, and that every scribble has a vertex."""
    scribbles = rows.column('scribbles').flatten()
    vertices = scribbles.field('points')
    required = {'file_name': [rows.column('file_name')], 'tags': [rows.column('tags').flatten()]}
    for kind, keys in {'points': ('x', 'y'), 'scribbles': ('points',), 'boxes': ('box',)}.items():
        items = rows.column(kind).flatten()
        required[kind] = [items, *(items.field(key) for key in (*keys, 'class'))]
    required['scribbles'] += [vertices.flatten(), vertices.flatten().flatten()]
    required['boxes'] += [rows.column('boxes').flatten().field('box').flatten()]
    for key, arrays in required.items():
        if any(array.null_count for array in arrays):
            raise ValueError(f'{where.path}: the column {key!r} has an empty value (null) where one is required')
    if (_numpy(vertices.value_lengths()) == 0).any():
        raise ValueError(f'{where.path}: the column scribbles has a scribble without points; leave it out')


def _numpy(array: Any) -> Any:
    return array.to_numpy(zero_copy_only=False)


@contextmanager
def _damage(path: str | Path) -> Iterator[None]:
    """Turn the errors of pyarrow into one line that names the file."""
    pa = pyarrow()
    try:
        yield
    except (pa.ArrowException, OSError) as error:
        if isinstance(error, OSError) and error.errno is not None:  # of the file system
            raise
        text = (str(error).splitlines() or [type(error).__name__])[0]
        raise ValueError(f'{path} is not a complete Arrow file ({text}): write it again') from error
