"""The images of label files in Arrow, which are mapped into memory: an entry is built when it is asked for."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Callable, ItemsView, Iterator, Mapping, Sequence, ValuesView
from pathlib import Path
from typing import Any, NamedTuple, TypeVar

import numpy as np

from ...structures import ImageEntry, WeakAnnotations, image_id
from ...structures.weak_annotations import IntArray
from .arrow_names import ids_of, pyarrow

Value = TypeVar('Value')


class Batch(NamedTuple):
    """Some rows as a record batch, and their positions in the label set."""

    rows: Any
    positions: IntArray


class ArrowFiles:
    """The record batches of some Arrow files, one after the other.

    They are mapped into memory when a row is asked for, once per process. A pickle holds the paths alone.

    Args:
        paths: The files.
        batch_rows: Number of rows of every record batch, by file.
    """

    def __init__(self, paths: Sequence[Path], batch_rows: Sequence[Sequence[int]]) -> None:
        self.paths = tuple(paths)
        self.places = [(number, batch) for number, rows in enumerate(batch_rows) for batch in range(len(rows))]
        self.starts = np.cumsum([0, *(count for rows in batch_rows for count in rows)])
        self._mapped: dict[int, Any] = {}
        self._batches: dict[int, Any] = {}

    def __getstate__(self) -> dict[str, Any]:
        return {**self.__dict__, '_mapped': {}, '_batches': {}}

    def __len__(self) -> int:
        return int(self.starts[-1])

    def place(self, row: int) -> tuple[Any, int]:
        """Return the record batch of a row and its number in it."""
        number = int(np.searchsorted(self.starts, row, side='right')) - 1
        if number not in self._batches:
            file, batch = self.places[number]
            if file not in self._mapped:
                pa = pyarrow()
                self._mapped[file] = pa.ipc.open_file(pa.memory_map(str(self.paths[file])))
            self._batches[number] = self._mapped[file].get_batch(batch)
        return self._batches[number], row - int(self.starts[number])

    def read(self) -> Iterator[Any]:
        """Yield the record batches, read one by one into memory that is freed again."""
        pa = pyarrow()
        for number, path in enumerate(self.paths):
            with pa.OSFile(str(path)) as file:
                reader = pa.ipc.open_file(file)
                for place in self.places:
                    if place[0] == number:
                        yield reader.get_batch(place[1])


class ByPosition(Mapping[str, Value]):
    """A mapping from the ids of images, whose values are found by position.

    Args:
        images: The images.
        value: Returns the value of an image from its position.
        positions: Positions of the images that the mapping has; None: all.
    """

    def __init__(self, images: ArrowImages, value: Callable[[int], Value], positions: IntArray | None = None) -> None:
        self.images = images
        self.value = value
        self.positions = positions

    def __len__(self) -> int:
        return len(self.images) if self.positions is None else len(self.positions)

    def __iter__(self) -> Iterator[str]:
        if self.positions is None:
            return iter(self.images)
        return map(self.images.key, self.positions.tolist())

    def __getitem__(self, key: str) -> Value:
        return self.value(self.images.position(key))

    def items(self) -> ItemsView[str, Value]:
        """Return ids and values, without a search for every id."""
        return _Items(self)

    def values(self) -> ValuesView[Value]:
        """Return the values, without a search for every id."""
        return _Values(self)

    def in_order(self) -> Iterator[Value]:
        """Yield the values in the order of the ids."""
        return map(self.value, range(len(self.images)) if self.positions is None else self.positions.tolist())


class _Items(ItemsView[str, Value]):
    _mapping: ByPosition[Value]

    def __iter__(self) -> Iterator[tuple[str, Value]]:
        return zip(self._mapping, self._mapping.in_order(), strict=True)


class _Values(ValuesView[Value]):
    _mapping: ByPosition[Value]

    def __iter__(self) -> Iterator[Value]:
        return self._mapping.in_order()


class ArrowImages(ByPosition[ImageEntry]):
    """The entries of a label set by image id, in the order of the ids, or some of them in an order of their own.

    Args:
        files: The files, with their rows in the order of the ids.
        root: Folder that mask paths start at.
        rows: Numbers of the rows, -1 for an image that the files do not have; None: all rows.
        keys: Ids of these images, a string array of pyarrow; None: those of their file names.
        img_suffix: Suffix of the images that the files do not have.
    """

    def __init__(
        self, files: ArrowFiles, root: Path, rows: IntArray | None = None, keys: Any = None, img_suffix: str = ''
    ) -> None:
        super().__init__(self, self.entry)
        self.files = files
        self.root = root
        self.rows = rows
        self.keys_given = keys
        self.img_suffix = img_suffix

    def __len__(self) -> int:
        return len(self.files) if self.rows is None else len(self.rows)

    def __iter__(self) -> Iterator[str]:
        if self.keys_given is not None:
            return map(str, self.keys_given)
        return (key for rows in self.files.read() for key in ids_of(rows.column('file_name')).to_pylist())

    def key(self, position: int) -> str:
        """Return the id of an image."""
        if self.keys_given is not None:
            return str(self.keys_given[position].as_py())
        return image_id(self.file_name(position))

    def position(self, key: str) -> int:
        """Return the position of an image.

        Raises:
            KeyError: If no image has this id.
        """
        if self.keys_given is not None:
            found = int(pyarrow().compute.index(self.keys_given, key).as_py())
        else:
            found = bisect_left(range(len(self)), key, key=self.key)
        if not 0 <= found < len(self) or self.key(found) != key:
            raise KeyError(key)
        return found

    def file_name(self, position: int) -> str:
        """Return the file name of an image."""
        row = self._row(position)
        if row < 0:
            return self.key(position) + self.img_suffix
        batch, number = self.files.place(row)
        return str(batch.column('file_name')[number].as_py())

    def file_names(self, start: int, stop: int) -> list[str]:
        """Return the file names of the images from one position to before another."""
        if self.rows is not None:
            return [self.file_name(position) for position in range(start, stop)]
        names: list[str] = []
        while start + len(names) < stop:
            batch, number = self.files.place(start + len(names))
            names += batch.column('file_name').slice(number, stop - start - len(names)).to_pylist()
        return names

    def mask(self, position: int) -> str | None:
        """Return the path of the dense mask of an image, or None."""
        row = self._row(position)
        if row < 0:
            return None
        batch, number = self.files.place(row)
        mask = batch.column('mask')[number].as_py()
        return None if mask is None else str(self.root / mask)

    def entry(self, position: int) -> ImageEntry:
        """Return an image and its labels."""
        row = self._row(position)
        if row < 0:
            return ImageEntry(self.file_name(position))
        batch, number = self.files.place(row)
        values: dict[str, Any] = batch.slice(number, 1).to_pylist()[0]
        labels = {key: value for key, value in values.items() if value is not None}
        if 'mask' in labels:
            labels['mask'] = str(self.root / labels['mask'])
        size = (values['width'] or None, values['height'] or None)
        return ImageEntry(values['file_name'], *size, WeakAnnotations.from_dict(labels))

    def _row(self, position: int) -> int:
        if not 0 <= position < len(self):
            raise IndexError(f'position must be in 0..{len(self) - 1}, got {position}')
        return position if self.rows is None else int(self.rows[position])

    @property
    def unlabelled(self) -> IntArray:
        """Positions of the images that the files do not have."""
        return np.zeros(0, dtype=np.int64) if self.rows is None else np.flatnonzero(self.rows < 0)

    def batches(self) -> Iterator[Batch]:
        """Yield the rows of the images, in the order of the files."""
        order = None if self.rows is None else np.argsort(self.rows, kind='stable')
        for number, rows in enumerate(self.files.read()):
            start, stop = self.files.starts[number : number + 2]
            if self.rows is None or order is None:
                yield Batch(rows, np.arange(start, stop))
                continue
            first, last = np.searchsorted(self.rows, [start, stop], sorter=order)
            positions = order[first:last]
            if len(positions):
                yield Batch(rows.take(self.rows[positions] - start), positions)
