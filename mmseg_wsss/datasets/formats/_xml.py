"""Reading XML annotation files with errors that name file and key."""

from __future__ import annotations

from pathlib import Path
from xml.etree import ElementTree
from xml.etree.ElementTree import Element


def parse_xml(file: Path) -> Element:
    """Return the root of an XML file.

    Raises:
        ValueError: If the file is not XML.
    """
    try:
        return ElementTree.parse(file).getroot()
    except ElementTree.ParseError as error:
        raise ValueError(f'{file} is not XML: {error}') from error


def text(parent: Element, key: str, where: str) -> str:
    """Return the text of a child.

    Raises:
        ValueError: If the child is missing or empty.
    """
    value = (parent.findtext(key) or '').strip()
    if not value:
        raise ValueError(f'{where}: <{parent.tag}> must have a <{key}> with a value')
    return value


def number(parent: Element, key: str, where: str) -> float:
    """Return a child's text as a number.

    Raises:
        ValueError: If the text is not a number.
    """
    value = text(parent, key, where)
    try:
        return float(value)
    except ValueError as error:
        raise ValueError(f'{where}: <{parent.tag}><{key}> must be a number, got {value!r}') from error
