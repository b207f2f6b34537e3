"""A terminal that shows what was decided, and a log file that has everything."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from mmengine.config import Config
from mmengine.logging import MMLogger

from ..openmmlab import without_own_warnings
from .run_facts import settings_of

LISTINGS = (
    '------------------------------------------------------------\nSystem environment:',
    'Config:\n',
    'Hooks will be executed in the following order:',
    'paramwise_options -- ',
    'load model from: ',
    'Loads checkpoint by ',
    'Checkpoints will be saved to ',
    'Exp name: ',
    'Distributed training is not used, all SyncBatchNorm',
    'The prefix is not set in metric class',
    '"FileClient" will be deprecated in future.',
    '"HardDiskBackend" is the alias of ',
)
"""Beginnings of messages of mmengine that are long, or of no use to those who train."""
FIRST = ('network', 'pre-training', 'losses', 'seed')
"""The settings that are shown first."""


class ShortConsole(logging.Filter):
    """Keeps the listings of mmengine out of the terminal; the log file has them.

    Example:
        >>> import logging
        >>> shown = ShortConsole().filter
        >>> [
        ...     shown(logging.makeLogRecord({'msg': text, 'levelno': logging.INFO}))
        ...     for text in ('paramwise_options -- a:lr=1', 'a')
        ... ]
        [False, True]
    """

    def filter(self, record: logging.LogRecord) -> bool:
        """Whether a record is shown; errors always are."""
        return record.levelno >= logging.ERROR or not record.getMessage().lstrip().startswith(LISTINGS)


@contextmanager
def short_console(log_level: str = 'INFO') -> Iterator[None]:
    """Give the loggers that are made meanwhile a terminal without listings.

    mmengine writes its longest listings while it builds a runner, so the filter has to be there before.

    Args:
        log_level: The level of the logger; with ``'DEBUG'``, the terminal shows everything.
    """
    if log_level == 'DEBUG':
        yield
        return
    get_instance = MMLogger.get_instance

    def get_short(*args: Any, **kwargs: Any) -> MMLogger:
        logger: MMLogger = get_instance(*args, **kwargs)
        for handler in logger.handlers:
            is_short = any(isinstance(one, ShortConsole) for one in handler.filters)
            if not isinstance(handler, logging.FileHandler) and not is_short:
                handler.addFilter(ShortConsole())
        return logger

    with without_own_warnings():
        try:
            MMLogger.get_instance = get_short
            yield
        finally:
            del MMLogger.get_instance  # that of its base class is used again


def summary_of(cfg: Config, log: str | Path) -> str:
    """Return what a training was asked to do, in some lines.

    Args:
        cfg: The config.
        log: The log file.
    """
    known = settings_of(cfg, None)
    loop, every = cfg.get('train_cfg') or {}, cfg.get('val_dataloader')
    length = f'{loop["max_iters"]} iterations' if 'max_iters' in loop else f'{loop.get("max_epochs")} epochs'
    lines = {name: known[name] for name in FIRST}
    lines['length'] = f'{length} of {known["batch"] or "?"} images a batch, ' + (
        f'validated every {loop.get("val_interval")}' if every else 'without validation'
    )
    lines['work dir'] = str(cfg.work_dir)
    lines['log'] = f'{log}, with the environment, the config and every setting (on the terminal: log_level=DEBUG)'
    return 'the training\n' + '\n'.join(f'  {name:<13} {text}' for name, text in lines.items())
