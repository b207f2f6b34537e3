"""Loading of checkpoints without running code in them; importing this module applies it to mmengine.

A checkpoint is a pickle, and a pickle may call any function. mmengine first loads only weights and, if torch raises an
error, loads the rest, too. Here ``CheckpointLoader``, which ``load_from``, a resume and the ``init_cfg`` of any module
use, gets loaders that raise an error instead. ``trust_checkpoints`` restores the old behaviour.
"""

from __future__ import annotations

import functools
import os
import pickle
import re
import zipfile
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, nullcontext
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import torch
from mmengine.logging import HistoryBuffer
from mmengine.runner import CheckpointLoader
from mmengine.utils import digit_version

Loader = Callable[..., Any]
WAY_OUT = 'if you know who made it, pass --trust-checkpoint'
NEW_TORCH = digit_version(torch.__version__) >= digit_version('2.6')
FORCE, FORCE_NOT = 'TORCH_FORCE_WEIGHTS_ONLY_LOAD', 'TORCH_FORCE_NO_WEIGHTS_ONLY_LOAD'
ZIP, PICKLE = b'PK\x03\x04', b'\x80\x02'
"""First bytes of files that torch writes, since version 1.6 and before."""


class CheckpointError(ValueError):
    """A checkpoint that cannot be used; the message names it, in one line."""


class UntrustedCheckpointError(CheckpointError):
    """A checkpoint that contains more than weights and plain values."""


class MissingCheckpointError(CheckpointError, FileNotFoundError):
    """A checkpoint that does not exist."""


def statistic(owner: Any, name: str) -> Any:
    """Replace ``getattr`` in a checkpoint, which mmengine's logs need for the names of their statistics.

    ``getattr`` itself, which mmengine allows, gives access to the globals of any module from any function.

    Raises:
        UnpicklingError: For any other attribute.
    """
    if owner is not HistoryBuffer or name not in ('min', 'max', 'current', 'mean'):
        raise pickle.UnpicklingError(f'Unsupported GLOBAL getattr({getattr(owner, "__name__", owner)}, {name!r})')
    return getattr(owner, name)


def _safe_globals() -> list[tuple[Any, str]]:
    """Classes in checkpoints of mmengine in addition to those of torch, by name: logs and numbers, of numpy 1 and 2."""
    arrays = np._core if hasattr(np, '_core') else np.core
    kinds = ('bool', 'U', 'S', 'i1', 'i2', 'i4', 'i8', 'u1', 'u2', 'u4', 'u8', 'f2', 'f4', 'f8', 'c8', 'c16')
    classes = [HistoryBuffer, np.ndarray, np.dtype, *{type(np.dtype(kind)) for kind in kinds}]
    return [
        (statistic, 'builtins.getattr'),
        *((kind, f'{kind.__module__}.{kind.__qualname__}') for kind in classes),
        *((arrays.multiarray.scalar, f'numpy.{core}.multiarray.scalar') for core in ('core', '_core')),
        *((arrays.multiarray._reconstruct, f'numpy.{core}.multiarray._reconstruct') for core in ('core', '_core')),
    ]


_trusted = False


def trust_checkpoints(trusted: bool = True) -> None:
    """Set whether checkpoints may run code in this process; the default is False.

    Args:
        trusted: Whether pickled objects in them, and classes and modules that their config names, may be used.
    """
    global _trusted  # one setting for everything in this process, including mmengine
    _trusted = trusted


def are_trusted() -> bool:
    """Whether checkpoints may run code in this process."""
    return _trusted


def load_checkpoint(source: str | Path, map_location: Any = 'cpu') -> Mapping[str, Any]:
    """Load a checkpoint from a file or a URL, like mmengine, but without a log line and without running code in it.

    Args:
        source: A path, or a URL that mmengine supports.
        map_location: Device of the tensors, as in ``torch.load``.

    Raises:
        CheckpointError: If it cannot be read, is not a dictionary, or contains more than weights and plain values. If
            it does not exist, the error is a :class:`MissingCheckpointError`, which is also a ``FileNotFoundError``.
    """
    checkpoint: Mapping[str, Any] = CheckpointLoader.load_checkpoint(str(source), map_location, logger='silent')
    return checkpoint


def check_readable(path: str | Path) -> Mapping[str, Any]:
    """Raise an error for a checkpoint that cannot be read; its tensors are checked but not kept.

    Args:
        path: The file.

    Returns:
        The checkpoint, with tensors without values.

    Raises:
        CheckpointError: Same as in :func:`load_checkpoint`.
    """
    return _read(Path(path), 'meta', mmap=_begins(Path(path)) == ZIP)


def load_from_local(filename: str, map_location: Any = None) -> Mapping[str, Any]:
    """Load a file; see :func:`load_checkpoint`."""
    return _read(Path(filename).expanduser(), map_location)


def _read(path: Path, map_location: Any, mmap: bool = False) -> Mapping[str, Any]:
    _check_whole(path)
    settings = {'map_location': map_location, 'mmap': mmap}
    with _named(path):
        if _trusted or NEW_TORCH:
            with weights_alone():
                checkpoint = torch.load(path, weights_only=not _trusted, **settings)
        else:
            with _torch_told({}):
                checkpoint = torch.load(path, weights_only=False, pickle_module=_plain_pickle(), **settings)
    return _without_code(checkpoint, path)


def _plain_pickle() -> Any:
    """Return a replacement of ``pickle`` for versions of torch whose own safe loader does not support logs."""
    allowed = {name: value for value, name in _safe_globals()} | torch._weights_only_unpickler._get_allowed_globals()

    class Unpickler(pickle.Unpickler):
        def find_class(self, module: str, name: str) -> Any:
            path = f'{module.replace("__builtin__", "builtins")}.{name}'  # protocol 2 uses the names of Python 2
            if path not in allowed:
                raise pickle.UnpicklingError(f'Unsupported GLOBAL {path}')
            return allowed[path]

    def load(file: Any, **settings: Any) -> Any:
        return Unpickler(file, **settings).load()

    return SimpleNamespace(__name__='pickle', Unpickler=Unpickler, load=load)


def _begins(path: Path) -> bytes:
    if not path.is_file():
        cure = ', which is a folder: name one of its .pth files' if path.is_dir() else ''
        raise MissingCheckpointError(f'no checkpoint at {path}{cure}')
    with path.open('rb') as file:
        return file.read(len(ZIP))


def _check_whole(path: Path) -> None:
    """Compare each part of a file with its checksum, which torch writes but does not check when it loads."""
    begin = _begins(path)
    if begin == ZIP:
        try:
            with zipfile.ZipFile(path) as parts:
                packed = sum(part.file_size for part in parts.infolist()) > path.stat().st_size
                damaged = None if packed else parts.testzip()
        # A changed byte in the list of parts can cause many errors: another kind of compression, a password, a size.
        except Exception as error:
            raise CheckpointError(f'{path} cannot be read as a checkpoint: it is not whole ({_line(error)})') from error
        if packed:
            raise CheckpointError(
                f'{path} cannot be read as a checkpoint: its parts are larger than the file, and torch does not '
                'compress them'
            )
        if damaged:
            raise CheckpointError(
                f'{path} cannot be read as a checkpoint: it is damaged, {damaged} has another checksum than when it '
                'was written'
            )
    elif not begin.startswith(PICKLE) and path.suffix != '.safetensors':
        what = 'it is empty' if not begin else 'torch.save did not write it'
        raise CheckpointError(f'{path} cannot be read as a checkpoint: {what}')


@contextmanager
def _named(source: Path | str) -> Iterator[None]:
    """Add the name of a checkpoint to all errors while it is loaded."""
    try:
        yield
    except CheckpointError:
        raise
    except pickle.UnpicklingError as error:
        raise _untrusted(source, error) from error
    # A damaged file, or one that is not a checkpoint, can fail anywhere in its pickle.
    except Exception as error:
        raise CheckpointError(f'{source} cannot be read as a checkpoint: {_line(error)}') from error


@contextmanager
def weights_alone() -> Iterator[None]:
    """Make torch load only weights even if the caller allows more, unless checkpoints are trusted."""
    if _trusted:
        yield
        return
    known = torch.serialization.safe_globals([*_safe_globals()]) if NEW_TORCH else nullcontext()
    with _torch_told({FORCE: '1'}), known:
        yield


@contextmanager
def _torch_told(told: Mapping[str, str]) -> Iterator[None]:
    """Set the environment variables for what torch loads, and restore them afterwards."""
    before = {name: os.environ.pop(name, None) for name in (FORCE, FORCE_NOT)}
    os.environ.update(told)
    try:
        yield
    finally:
        for name, value in before.items():
            os.environ.pop(name, None)
            if value is not None:
                os.environ[name] = value


def _untrusted(source: Path | str, error: pickle.UnpicklingError) -> UntrustedCheckpointError:
    """Return an error that describes the content, because torch's own message advises to load it anyway."""
    names = re.findall(r'GLOBAL (.+?)(?: was not an allowed| whose module|$)', str(error), re.MULTILINE)
    held = f'code ({names[0]})' if names else 'code or objects'
    return UntrustedCheckpointError(
        f'{source} holds {held} besides weights and plain values, and code in checkpoints is not run: {WAY_OUT}'
    )


def _without_code(checkpoint: Any, source: Path | str) -> Mapping[str, Any]:
    """Remove the text, in checkpoints of mmcv 1, that mmengine's ``Runner.resume`` would run."""
    if not isinstance(checkpoint, Mapping):
        raise CheckpointError(
            f'{source} holds a {type(checkpoint).__name__}, expected a dictionary of weights by name, or with them '
            'under state_dict'
        )
    meta = checkpoint.get('meta')
    if isinstance(meta, dict) and not _trusted:
        meta.pop('config', None)
    return checkpoint


def _line(error: Exception) -> str:
    return f'{type(error).__name__}: {" ".join(str(error).split())[:160]}'


def _guarded(load: Loader) -> Loader:
    """Return a loader of mmengine, for some kind of URL, that reads only weights."""

    @functools.wraps(load)
    def guarded(filename: str, map_location: Any = None) -> Mapping[str, Any]:
        try:
            with weights_alone():
                return _without_code(load(filename, map_location=map_location), filename)
        except pickle.UnpicklingError as error:
            raise _untrusted(filename, error) from error

    return guarded


CheckpointLoader.register_scheme('', load_from_local, force=True)
for _prefix, _loader in [*CheckpointLoader._schemes.items()]:
    if _prefix:
        CheckpointLoader.register_scheme(_prefix, _guarded(_loader), force=True)
