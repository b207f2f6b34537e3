"""Reading XML annotation files with errors that name file and key."""

from __future__ import annotations

import re
from pathlib import Path
from xml.etree.ElementTree import Element, ParseError

from defusedxml import DefusedXmlException
from defusedxml.ElementTree import fromstring

from .files import decoded, existing, kind_of
from .values import parsed_number, shown, side

DECLARED = re.compile(rb'^\s*<\?xml[^>]{0,200}?encoding\s*=\s*["\']([A-Za-z0-9._:-]{1,40})["\']')


def parse_xml(file: Path, *roots: str) -> Element:
    """Return the root of an XML file, decoded as it declares. Entities and external files are not read.

    Args:
        file: The file.
        *roots: The names that the root may have; without them, any name is allowed.

    Raises:
        ValueError: If the file is not XML, or has another root.
    """
    if not existing(file, 'the XML file').is_file():
        raise ValueError(f'expected an XML file, got the {kind_of(file)} {file}')
    data = file.read_bytes()
    declared = DECLARED.match(data[:400])
    encoding = declared.group(1).decode() if declared else 'utf-8'
    try:
        text = decoded(data, file, 'the file, or declare its encoding in its first line,', encoding)
    except LookupError as error:
        raise ValueError(f'{file} declares the encoding {encoding!r}, which is not known. Save it in UTF-8.') from error
    try:
        root: Element = fromstring(text)
    except DefusedXmlException as error:
        raise ValueError(f'{file} is not XML that can be trusted: it declares entities. Remove its DOCTYPE.') from error
    except (ParseError, ValueError) as error:
        raise ValueError(f'{file} is not XML: {error}') from error
    if roots and root.tag not in roots:
        expected = ' or '.join(f'<{name}>' for name in roots)
        raise ValueError(f'{file}: the root is <{shown(root.tag)[1:-1]}>, expected {expected}')
    return root


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
        ValueError: If it is not a finite one.
    """
    return parsed_number(text(parent, key, where), where, f'<{parent.tag}><{key}>')


def size(parent: Element | None, where: str) -> tuple[int | None, int | None]:
    """Return the width and height that are children of an element; None for one that the file does not contain.

    Raises:
        ValueError: If one is not a number of pixels.
    """
    if parent is None:
        return None, None
    width, height = (side(parent.findtext(key), where, f'<{parent.tag}><{key}>') for key in ('width', 'height'))
    return width, height
