"""Names of images in Arrow: whole columns, and one by one where a name is unusual."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from ...structures import image_id
from .values import MAX_NAME

PLAIN_NAME = r'^([^./\\\x00\n][^/\\\x00\n]*/)*[^./\\\x00\n][^/\\\x00\n]*\.[A-Za-z0-9]+$'
"""File names whose id is the name without its last dot and the text after it; others are looked at one by one."""
PLAIN_MASK = r'^[^\x00\s]+$'


def pyarrow() -> Any:
    """Return the module pyarrow.

    Raises:
        ImportError: If it is not installed.
    """
    try:
        import pyarrow
        import pyarrow.compute
        import pyarrow.ipc
    except ImportError as error:
        raise ImportError('label files in Arrow need pyarrow: pip install "mmseg-wsss[arrow]"') from error
    return pyarrow


def is_plain(texts: Any, pattern: str) -> npt.NDArray[np.bool_]:
    """Return which texts match a pattern and are so short that no part of a path is too long."""
    pc = pyarrow().compute
    plain, length = (
        array.to_numpy(zero_copy_only=False)
        for array in (pc.match_substring_regex(texts, pattern), pc.binary_length(texts))
    )
    found: npt.NDArray[np.bool_] = plain & (length <= MAX_NAME)
    return found


def ids_of(names: Any) -> Any:
    """Return the image ids of file names, which have been checked, as a string array."""
    pa = pyarrow()
    ids = pa.compute.replace_substring_regex(names, r'\.[A-Za-z0-9]+$', '')
    odd = np.flatnonzero(~is_plain(names, PLAIN_NAME))
    if len(odd):
        listed = ids.to_pylist()
        for index in odd.tolist():
            listed[index] = image_id(names[index].as_py())
        ids = pa.array(listed, pa.string())
    return ids
