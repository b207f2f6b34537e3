"""Find the class of a name in a label file."""

from __future__ import annotations

import argparse
import unicodedata
from collections.abc import Iterable, Mapping
from typing import Any

from .files import nearest
from .label_format import Option, ReadReport
from .values import shown

BACKGROUND = 'background'
Names = Mapping[str, str] | Iterable[tuple[str, str]]


class ClassNames:
    """Finds the ids of names, and counts those that are mapped or left out.

    Args:
        classes: Class names by id. None collects the names of the files, after ``background``.
        names: Mapping from names in the files to class names, if they differ.
        only_classes: Whether to leave out other names; otherwise they are an error.
        report: Report that counts mapped names, and objects with other names.

    Example:
        >>> names = ClassNames(('background', 'cat'), names={'kitty': 'cat'})
        >>> names.find('kitty', 'a.json'), names.report.lines()
        (1, ["changed: 1 names 'kitty' read as 'cat' (a.json)"])
    """

    def __init__(
        self,
        classes: tuple[str, ...] | None,
        *,
        names: Names | None = None,
        only_classes: bool = False,
        report: ReadReport | None = None,
    ) -> None:
        self._collects = classes is None
        self._classes = [BACKGROUND] if classes is None else list(classes)
        self._names = dict(names or {})
        self._only_classes = only_classes
        self.report = report or ReadReport()
        self._check_names()

    def _check_names(self) -> None:
        wrong = [name for name in self._names.values() if name not in self._classes]
        if wrong and not self._collects:
            raise ValueError(f'names: {shown(wrong[0])} is not a class; {nearest(wrong[0], self._classes)}')

    def call_background(self, name: str) -> None:
        """Map a name to class 0, unless it is a class or is already mapped."""
        if name not in self:
            self._names.setdefault(name, self._classes[0])

    @property
    def classes(self) -> tuple[str, ...]:
        """The class names by id: those that were given, or those that were found."""
        return tuple(self._classes)

    def __contains__(self, name: str) -> bool:
        return self._names.get(name, name) in self._classes

    def find(self, name: Any, where: str) -> int | None:
        """Return the id of a name, or None if the object is left out.

        Raises:
            ValueError: If the name is neither a class nor left out.
        """
        if not isinstance(name, str) or not name.strip():
            raise ValueError(f'{where}: expected the name of a class, got {shown(name)}')
        full_name = self._names.get(name, name)
        if full_name not in self._classes:
            full_name = self._without_spelling(full_name)
        if full_name != name:
            looks_same = name.strip() != full_name and plain_name(name) == plain_name(full_name)
            form = ', which has its accents in another form' if looks_same else ''
            self.report.change(f'names {shown(name)} read as {shown(full_name)}{form}', where)
        if full_name not in self._classes:
            if self._collects:
                self._classes.append(full_name)
            elif self._only_classes:
                self.report.leave_out(f'of the class {shown(name)}, which is not in the list', where)
                return None
            else:
                raise ValueError(
                    f'{where}: unknown class {shown(name)}; {nearest(name, self._classes)}. '
                    'only_classes=True leaves out other classes, names maps them (wsss convert: --only-classes, '
                    '--names NAME=CLASS).'
                )
        return self._classes.index(full_name)

    def _without_spelling(self, name: str) -> str:
        """The class that only differs from a name in white space around it or in the form of its accents."""
        plain = plain_name(name)
        plain = self._names.get(plain, plain)
        same = (known for known in self._classes if plain_name(known) == plain)
        return next(same, plain if self._collects else name)


def plain_name(name: str) -> str:
    """Return a name without white space around it, and with composed accents: other tools show no difference.

    Example:
        >>> plain_name('weed ')
        'weed'
    """
    return unicodedata.normalize('NFC', name.strip())


def check_names(classes: Iterable[str], where: str) -> None:
    """Reject class names that only differ in upper and lower case, or in what :func:`plain_name` removes.

    Raises:
        ValueError: If there are two such names.
    """
    seen: dict[str, str] = {}
    for name in classes:
        other = seen.setdefault(plain_name(name).casefold(), name)
        if other != name:
            raise ValueError(
                f'{where}: the classes {shown(other)} and {shown(name)} differ in upper and lower case or white space '
                f'alone: write one of them; names in label files are mapped by --names {name}={other}'
            )


def name_pair(text: str) -> tuple[str, str]:
    """Return ``kitty=cat`` of the command line as a pair."""
    first, mark, second = text.partition('=')
    if not mark or not first or not second:
        raise argparse.ArgumentTypeError(f'expected NAME=CLASS, got {text!r}')
    return first, second


def number_pair(text: str) -> tuple[int, int]:
    """Return ``26=1`` of the command line as a pair of integers."""
    first, mark, second = text.partition('=')
    if not mark or not first.strip().isdecimal() or not second.strip().isdecimal():
        raise argparse.ArgumentTypeError(f'expected VALUE=CLASS_ID, two integers from 0, got {text!r}')
    return int(first), int(second)


ONLY_CLASSES = Option('only_classes', 'leave out the objects of classes that are not in the list', bool)
NAMES = Option('names', 'names in the files that stand for a class: kitty=cat', name_pair, several=True)
