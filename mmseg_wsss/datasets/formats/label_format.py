"""Definition of a format: reader, recognition of its files, settings on the command line, and report."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from ...structures import WeakLabelSet

NAMED = 3
"""Number of omitted items that a short report names."""


@dataclass
class ReadReport:
    """What a reader left out or changed, with the name of every case. The reader fills it while it reads.

    Args:
        left_out: Names by what was left out and why, such as ``'crowd annotations'``.
        changed: Names by what was changed on the way, such as ``'boxes cut off at the edge of the image'``.

    Example:
        >>> report = ReadReport()
        >>> report.leave_out('crowd annotations', 'annotation 7 of a.jpg')
        >>> report.lines()
        ['left out: 1 crowd annotations (annotation 7 of a.jpg)']
    """

    left_out: dict[str, list[str]] = field(default_factory=dict)
    changed: dict[str, list[str]] = field(default_factory=dict)

    def leave_out(self, what: str, name: str) -> None:
        """Count one more item that was left out.

        Args:
            what: Kind of item and reason, in the plural: ``'objects of classes that are not in the list'``.
            name: Name of the item: file, image and number.
        """
        self.left_out.setdefault(what, []).append(name)

    def change(self, what: str, name: str) -> None:
        """Count one more item that was changed; see :meth:`leave_out`."""
        self.changed.setdefault(what, []).append(name)

    def lines(self) -> list[str]:
        """Return one line per kind of item, with its count and the first names."""
        return [
            f'{word}: {len(names)} {what} ({", ".join(names[:NAMED])}{", .." if len(names) > NAMED else ""})'
            for word, found in (('left out', self.left_out), ('changed', self.changed))
            for what, names in found.items()
        ]

    def to_dict(self) -> dict[str, dict[str, dict[str, Any]]]:
        """Return counts and all names, for a JSON file."""
        return {
            key: {what: {'count': len(names), 'names': names} for what, names in found.items()}
            for key, found in (('left_out', self.left_out), ('changed', self.changed))
        }


@dataclass(frozen=True)
class Option:
    """A setting of a reader, as an option of ``wsss convert``; if it is not given, the default of the reader applies.

    Args:
        name: The argument of the reader; ``max_rank`` becomes ``--max-rank``.
        help: What it is, for ``--help``.
        kind: The type of its value; bool makes a pair of switches, ``--tags`` and ``--no-tags``.
        several: Whether it takes one or more values.
        alone: Its value if the option is given without one; None: it needs a value.
        is_path: Whether it is a file or folder; relative paths start at the ``data_root`` of a data set.
    """

    name: str
    help: str
    kind: Callable[[str], Any] = str
    several: bool = False
    alone: Any = None
    is_path: bool = False


@dataclass(frozen=True)
class LabelFormat:
    """One format of label files. Every module of this folder ends with one, and the registry lists them.

    Args:
        name: Name in configs and in ``wsss convert``.
        title: Description in one line.
        path: What the path of a source is, such as ``'the folder of XML files'``.
        read: ``read(path, classes, **settings)`` returns a :class:`~mmseg_wsss.structures.WeakLabelSet`. It takes
            ``report`` if it can leave anything out, and ``img_suffix`` if its files do not name their images.
        recognise: Whether a path looks like this format. It is fast on large files and folders, and false if the
            path cannot be read.
        options: The settings of the reader.
        img_suffix: Suffix of the images if none is given.
        names_classes: Whether the files name their classes, so that ``read`` takes None for ``classes`` and finds them.
    """

    name: str
    title: str
    path: str
    read: Callable[..., WeakLabelSet]
    recognise: Callable[[Path], bool]
    options: tuple[Option, ...] = ()
    img_suffix: str = '.jpg'
    names_classes: bool = True


BOXES = Option('boxes', 'keep the boxes', bool)
TAGS = Option('tags', 'keep the classes of the objects as image tags', bool)
