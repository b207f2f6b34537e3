"""Errors in a config end in one line, for all commands: while it is read, and while its parts are built."""

from __future__ import annotations

import logging
import sys
import tempfile
import traceback
from collections.abc import Iterator
from contextlib import contextmanager

from mmengine.config import Config
from mmengine.config.utils import ConfigParsingError
from mmengine.hooks import Hook
from mmengine.logging import MMLogger
from mmengine.runner import Runner

from ..checkpoints.loading import CheckpointError
from ..checkpoints.work_dir import WorkDirError
from ..files import FULL
from .environment import hint_of_variables
from .setting_faults import FAULTS_OF_SETTINGS, describe_fault, was_being_built

UNNAMED = (AssertionError, AttributeError, LookupError, NotImplementedError, TypeError)
"""Errors whose messages are often only a name."""
OF_BASE = '_substitute_base_vars'
"""The function of mmengine that fills in keys of the bases of a config."""


class DivergedError(RuntimeError):
    """A training whose weights are not finite."""


NAMED = (CheckpointError, DivergedError, WorkDirError)
"""Errors that are already one line."""


class StartError(ValueError):
    """A run that could not start; the message is one line, and the log file, if there is one, has the traceback."""


class BeganHook(Hook):
    """Records whether a training has done its first iteration, or a test has started."""

    began = runs = False

    def before_train(self, runner: Runner) -> None:
        """Record that everything is built."""
        self.runs = True

    def after_train_iter(
        self, runner: Runner, batch_idx: int, data_batch: object = None, outputs: object = None
    ) -> None:
        """Record it; parts of a network that do not fit together are only noticed in an iteration."""
        self.began = True

    def before_test(self, runner: Runner) -> None:
        """Record it."""
        self.began = True


@contextmanager
def faults_of_reading(path: str) -> Iterator[None]:
    """Report an error while a config is read or overridden.

    Args:
        path: The config file.

    Raises:
        StartError: If it cannot be read.
    """
    try:
        yield
    except SyntaxError as error:
        name = path if error.filename in (None, '<unknown>') else error.filename
        line = f', line {error.lineno}' if error.lineno else ''
        cure = ': save the file in UTF-8 without a byte order mark' if 'U+FEFF' in error.msg else ''
        raise StartError(f'{name}{line}: {error.msg}{cure}') from error
    except UnicodeDecodeError as error:
        raise StartError(f'{path}: the config is not text in UTF-8 ({error}): save the file in UTF-8') from error
    except (AttributeError, NameError, ConfigParsingError, *FAULTS_OF_SETTINGS) as error:
        if isinstance(error, OSError) and error.errno in FULL and error.filename is None:
            where = f'{path}: the copy of the config in {tempfile.gettempdir()}'
            raise StartError(f'{where} cannot be written: {error.strerror}') from error
        hint = ' ("wsss doctor" may know why)' if isinstance(error, ImportError) else ''
        if OF_BASE in (frame.name for frame in traceback.extract_tb(error.__traceback__)):
            hint = ' ("{{_base_.KEY}}" stands for the KEY of a base, and no base has this one)'
        raise StartError(f'{path}: the config cannot be read: {describe_fault(error, {})}{hint}') from error
    except Exception as error:  # a config is a program, which may raise anything
        frame = traceback.extract_tb(error.__traceback__)[-1]
        if frame.name != '<module>':  # it is not from the config
            raise
        kind = type(error).__name__
        raise StartError(f'{frame.filename}, line {frame.lineno}: {kind}: {error}') from error


@contextmanager
def faults_of_run(cfg: Config, what: str, hook: BeganHook | None = None) -> Iterator[None]:
    """Report an error before the end of the first iteration; later ones, and those in ``NAMED``, are not changed.

    Args:
        cfg: The config.
        what: What could not be done, with which the message begins.
        hook: The hook of the runner that knows whether it has started.

    Raises:
        StartError: If a setting or a file is wrong.
    """
    try:
        yield
    except (StartError, *NAMED):
        raise
    except (RuntimeError, *FAULTS_OF_SETTINGS) as error:
        if hook is not None and hook.began:
            raise
        where = ''
        for handler in MMLogger.get_current_instance().handlers:
            if isinstance(handler, logging.FileHandler):
                record = logging.LogRecord('mmengine', logging.ERROR, __file__, 0, what, (), sys.exc_info())
                handler.handle(record)
                where = f' (traceback: {handler.baseFilename})'
        message = describe_fault(error, cfg.to_dict())
        if hook is None or not hook.runs:
            where = ''
        elif isinstance(error, UNNAMED) and type(error).__name__ not in message:
            message = f'{type(error).__name__}: {message}'
        raise StartError(f'{what}: {message}{hint_of_variables(message, cfg.text)}{where}') from error


@contextmanager
def faults_of_parts(cfg: Config) -> Iterator[None]:
    """Report an error of a part that is being built from a config; other errors are not changed.

    Args:
        cfg: The config.

    Raises:
        StartError: If a setting or a file is wrong.
    """
    try:
        yield
    except (StartError, *NAMED):
        raise
    except FAULTS_OF_SETTINGS as error:
        if not was_being_built(error):
            raise
        message = describe_fault(error, cfg.to_dict())
        raise StartError(f'{message}{hint_of_variables(message, cfg.text)}') from error
