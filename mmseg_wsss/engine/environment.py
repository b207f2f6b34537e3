"""Paths that a config takes from environment variables, for messages about files that are missing."""

from __future__ import annotations

import os
import re

VARIABLE = re.compile(r'\{\{[\'"]?\s*\$(\w+)\s*:\s*(\S*?)\s*[\'"]?\}\}')
"""Such as ``{{$VOC_ROOT:data/VOCdevkit/VOC2012}}``."""


def hint_of_variables(message: str, text: str) -> str:
    """Return which environment variable a path in a message comes from; an empty text if none.

    Args:
        message: The message about a missing file.
        text: The text of the config and its bases.

    Example:
        >>> hint_of_variables('not found: data/x/a.png', "data_root='{{$X_ROOT:data/x}}'")
        " ('data/x' is the default of the environment variable X_ROOT, which is not set)"
    """
    found = []
    for name, default in dict(VARIABLE.findall(text)).items():
        value = os.environ.get(name, default)
        if value and '://' not in value and value in message:
            if name in os.environ:
                found.append(f'{value!r} is the environment variable {name}')
            else:
                found.append(f'{value!r} is the default of the environment variable {name}, which is not set')
    return f' ({"; ".join(found)})' if found else ''
