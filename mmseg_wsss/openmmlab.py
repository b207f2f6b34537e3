"""Importing OpenMMLab without what it prints about optional packages that are not installed."""

import contextlib
import importlib
import io
import warnings


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
