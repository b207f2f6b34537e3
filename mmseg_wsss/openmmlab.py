"""OpenMMLab without what it prints about packages that are not installed, and about settings of its own."""

import contextlib
import importlib
import io
import re
import warnings
from collections.abc import Iterator

OWN_SETTINGS = ('Default ``avg_non_ignore`` is False', 'The draw is False')
"""Beginnings of warnings of mmseg about settings that its own classes choose."""


def import_quietly(module: str) -> None:
    """Import a module; what it prints, and warnings of its code, do not reach the terminal.

    mmseg.datasets prints a line for each reader of satellite images whose package is missing, and mmcv warns on the
    import of mmseg.models if it was installed without its compiled operations. This project uses neither.

    Args:
        module: Its name.

    Raises:
        ImportError: If it cannot be imported.
    """
    with contextlib.redirect_stdout(io.StringIO()), warnings.catch_warnings():
        warnings.simplefilter('ignore')
        importlib.import_module(module)


@contextlib.contextmanager
def without_own_warnings() -> Iterator[None]:
    """Leave out mmseg's warnings about settings that its own classes choose, such as those of an unused loss."""
    with warnings.catch_warnings():
        for text in OWN_SETTINGS:
            warnings.filterwarnings('ignore', f'\\s*{re.escape(text)}')
        yield
