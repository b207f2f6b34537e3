"""The Arrow form of ``weak_labels.json`` (docs/formats.md): its schema, and the writer."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Sequence
from contextlib import ExitStack
from itertools import islice, pairwise
from pathlib import Path
from typing import Any

from ...files import whole_file
from ...structures import ImageEntry, WeakLabelSet, image_id
from ...structures.weak_label_set import image_dict
from .arrow_names import pyarrow
from .checks import check_numbers

SUFFIX = '.arrow'
METADATA = b'weak_labels'
"""Key of the metadata of the schema that holds version and classes, as in ``weak_labels.json``, as JSON."""
BATCH_ROWS = 65_536
PART_ROWS = 250_000
PART = re.compile(r'(?P<stem>.*-)(?P<number>\d{5})\.arrow')
"""Name of one of several files, such as ``part-00000.arrow``."""


def schema() -> Any:
    """Return the schema: one row per image, with the keys of ``weak_labels.json`` as columns."""
    pa = pyarrow()
    label = pa.field('class', pa.int32())
    point = pa.struct([('x', pa.float64()), ('y', pa.float64()), label])
    scribble = pa.struct([('points', pa.list_(pa.list_(pa.float64(), 2))), label])
    box = pa.struct([('box', pa.list_(pa.float64(), 4)), label])
    return pa.schema(
        [
            ('file_name', pa.string()),
            ('width', pa.int32()),
            ('height', pa.int32()),
            ('points', pa.list_(point)),
            ('scribbles', pa.list_(scribble)),
            ('boxes', pa.list_(box)),
            ('tags', pa.list_(pa.int32())),
            ('mask', pa.string()),
        ]
    )


def write_labels(labels: WeakLabelSet, path: str | Path) -> None:
    """Write labels as ``weak_labels.json``, or as Arrow if the path ends in ``.arrow``.

    A path such as ``labels/part-00000.arrow`` is the first of several files with 250,000 images each.

    Raises:
        ImportError: If pyarrow is not installed, for Arrow.
        ValueError: If a class id is not one of the classes, a coordinate is not finite, or there are parts of an
            earlier label set.
    """
    path = Path(path)
    if path.suffix != SUFFIX:
        labels.write(path)
        return
    pyarrow()
    check_numbers(labels, str(path))
    rows = sorted(((image_id(entry.file_name), entry) for entry in labels.images.values()), key=lambda row: row[0])
    for (key, first), (other, second) in pairwise(rows):
        if key == other:
            raise ValueError(f'{path}: image {key!r} appears twice ({first.file_name!r}, {second.file_name!r})')
    _write_parts(labels, [entry for _, entry in rows], path)


def _write_parts(labels: WeakLabelSet, entries: Sequence[ImageEntry], path: Path) -> None:
    pa = pyarrow()
    count = -(-len(entries) // PART_ROWS) or 1 if PART.fullmatch(path.name) else 1
    files = part_files(path, count)
    size = PART_ROWS if count > 1 else len(entries)
    with ExitStack() as stack:  # all files appear at the end, the first one last
        for number in reversed(range(count)):
            known = with_classes(labels, len(entries), number, count)
            file = stack.enter_context(whole_file(files[number]))
            with pa.ipc.new_file(file, known) as writer:
                part = iter(entries[number * size : (number + 1) * size])
                for rows in _batches(part, path.parent):
                    writer.write_batch(pa.RecordBatch.from_pylist(rows, schema=known))


def _batches(entries: Iterator[ImageEntry], root: Path) -> Iterator[list[dict[str, object]]]:
    while rows := [image_dict(entry, root) for entry in islice(entries, BATCH_ROWS)]:
        yield rows


def with_classes(labels: WeakLabelSet, num_images: int, part: int = 0, parts: int = 1) -> Any:
    """Return the schema with the classes of a label set, the number of its images, and the number of this file."""
    head = json.loads(WeakLabelSet(labels.classes, labels.palette).to_json())
    content = {'version': 1, 'classes': head['classes'], 'images': num_images, 'part': part, 'parts': parts}
    return schema().with_metadata({METADATA: json.dumps(content)})


def part_files(path: Path, count: int) -> list[Path]:
    """Return the paths of a label set of several files.

    Args:
        path: The first of them.
        count: Their number.

    Raises:
        ValueError: If the path is not that of the first file, or there are more files than that.
    """
    named = PART.fullmatch(path.name)
    if named is None:
        if count > 1:
            raise ValueError(f'{path} is one of {count} files: it must have its name again, such as part-00000.arrow')
        return [path]
    if int(named['number']) != 0:
        raise ValueError(f'{path}: name the first file of the label set, {named["stem"]}00000.arrow')
    files = [path.with_name(f'{named["stem"]}{number:05d}{SUFFIX}') for number in range(count + 1)]
    if files.pop().exists():
        raise ValueError(f'{path} is the first of {count} files, but there are more: remove those of other labels')
    return files
