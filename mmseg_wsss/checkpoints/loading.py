"""Reading a checkpoint without running what is in it, in every path: importing this module tells mmengine to do so.

A checkpoint is a pickle, and a pickle may call any function. mmengine asks torch for the weights alone and, where torch
refuses, goes on to run the rest. Here it does not: ``CheckpointLoader``, which ``load_from``, a resume and the
``init_cfg`` of any module use, gets loaders that stop. ``trust_checkpoints`` is the way out.
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
"""How files that torch writes begin: since 1.6, and before."""


class CheckpointError(ValueError):
    """A checkpoint that cannot be used; the message names it, in one line."""


class UntrustedCheckpointError(CheckpointError):
    """A checkpoint that holds more than weights and plain values."""


class MissingCheckpointError(CheckpointError, FileNotFoundError):
    """A checkpoint that is not there."""


def statistic(owner: Any, name: str) -> Any:
    """Stand for ``getattr`` in a checkpoint: mmengine's logs name their statistics by it, and nothing else may.

    ``getattr`` itself, which mmengine allows, reaches the globals of any module from any function.

    Raises:
        UnpicklingError: If it is asked for something else.
    """
    if owner is not HistoryBuffer or name not in ('min', 'max', 'current', 'mean'):
        raise pickle.UnpicklingError(f'Unsupported GLOBAL getattr({getattr(owner, "__name__", owner)}, {name!r})')
    return getattr(owner, name)


def _safe_globals() -> list[tuple[Any, str]]:
    """What a checkpoint of mmengine names beside torch's own, with the names: logs and numbers, of either numpy."""
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
    """Say whether checkpoints may run code in this process; they may not by default.

    Args:
        trusted: Whether they may: the pickled objects in them, and classes and modules that the config in them names.
    """
    global _trusted  # one answer for all that loads in this process, mmengine's parts included
    _trusted = trusted


def are_trusted() -> bool:
    """Whether checkpoints may run code in this process."""
    return _trusted


def load_checkpoint(source: str | Path, map_location: Any = 'cpu') -> Mapping[str, Any]:
    """Load a checkpoint from a file or an address, as mmengine does, without running anything in it.

    Args:
        source: A path, or an address of a kind that mmengine knows.
        map_location: Where its tensors go, as in ``torch.load``.

    Raises:
        CheckpointError: If it cannot be read, is not a dictionary, or holds more than weights and plain values;
            :class:`MissingCheckpointError`, a ``FileNotFoundError``, if there is none.
    """
    checkpoint: Mapping[str, Any] = CheckpointLoader.load_checkpoint(str(source), map_location=map_location)
    return checkpoint


def check_readable(path: str | Path) -> Mapping[str, Any]:
    """Refuse a checkpoint that cannot be read; its tensors are compared with their checksums and not kept.

    Args:
        path: The file.

    Returns:
        The checkpoint; its tensors have no values.

    Raises:
        CheckpointError: As :func:`load_checkpoint`.
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
    """Return what torch takes in the place of ``pickle``, for versions whose own safe loader knows no logs."""
    allowed = {name: value for value, name in _safe_globals()} | torch._weights_only_unpickler._get_allowed_globals()

    class Unpickler(pickle.Unpickler):
        def find_class(self, module: str, name: str) -> Any:
            path = f'{module.replace("__builtin__", "builtins")}.{name}'  # protocol 2 has the names of Python 2
            if path not in allowed:
                raise pickle.UnpicklingError(f'Unsupported GLOBAL {path}')
            return allowed[path]

    def load(file: Any, **settings: Any) -> Any:
        return Unpickler(file, **settings).load()

    return SimpleNamespace(__name__='pickle', Unpickler=Unpickler, load=load)


def _begins(path: Path) -> bytes:
    if not path.is_file():
        raise MissingCheckpointError(f'no checkpoint at {path}')
    with path.open('rb') as file:
        return file.read(len(ZIP))


def _check_whole(path: Path) -> None:
    """Compare each part of a file with the checksum that torch wrote beside it; torch does not when it loads."""
    begin = _begins(path)
    if begin == ZIP:
        try:
            with zipfile.ZipFile(path) as parts:
                damaged = parts.testzip()
        # A changed byte in the list of parts can look like anything: another kind of compression, a password, a size.
        except Exception as error:
            raise CheckpointError(f'{path} cannot be read as a checkpoint: it is not whole ({_line(error)})') from error
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
    """Name a checkpoint in whatever goes wrong while it is loaded."""
    try:
        yield
    except CheckpointError:
        raise
    except pickle.UnpicklingError as error:
        raise _untrusted(source, error) from error
    # A file that is damaged or no checkpoint can fail anywhere in its pickle.
    except Exception as error:
        raise CheckpointError(f'{source} cannot be read as a checkpoint: {_line(error)}') from error


@contextmanager
def weights_alone() -> Iterator[None]:
    """Let torch refuse what is not weights, also where it is asked for the rest; not if checkpoints are trusted."""
    if _trusted:
        yield
        return
    known = torch.serialization.safe_globals([*_safe_globals()]) if NEW_TORCH else nullcontext()
    with _torch_told({FORCE: '1'}), known:
        yield


@contextmanager
def _torch_told(told: Mapping[str, str]) -> Iterator[None]:
    """Set the variables by which torch is told what to load, and put back what the user told it."""
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
    """Say what a checkpoint holds; torch's own text advises to load it all the same."""
    names = re.findall(r'GLOBAL (.+?)(?: was not an allowed| whose module|$)', str(error), re.MULTILINE)
    held = f'code ({names[0]})' if names else 'code or objects'
    return UntrustedCheckpointError(
        f'{source} holds {held} besides weights and plain values, and nothing of a checkpoint is run: {WAY_OUT}'
    )


def _without_code(checkpoint: Any, source: Path | str) -> Mapping[str, Any]:
    """Take out the text that mmengine's ``Runner.resume`` would run: it is in checkpoints of mmcv 1."""
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
    """Return a loader of mmengine, for addresses of some kind, that reads weights alone."""

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
